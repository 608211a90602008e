"""The records of an error table: which ones a statement means, their bytes as Kafka gave them, and their rows as a flush would write them.

Invariant: one snapshot of both tables says which; an offset that stands in the error table twice is one record. What is held at a time
is a piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from kshell.buffer import views
from kshell.columns import HEADERS, HEADERS_TYPE, KEY, OFFSET, PARTITION, TIMESTAMP, TOPIC, VALUE, Column, column_list, literal, quote
from kshell.flush.target import Target
from kshell.iceberg import TP, Head, Position
from kshell.lang.statements import Span
from kshell.query.rewrite import Edits
from kshell.query.runner import DUCKDB_ERRORS
from kshell.query.tail import translated
from kshell.session.context import Context

PIECE_ROWS, PIECE_BYTES = 20_000, 16_000_000
PIECE_PARTITIONS = 256                        # each is named in the commit record, which lives in every later metadata file
_CHOSEN, _JUDGED, _ROWS = "kshell_replay_chosen", "kshell_replay_judged", "kshell_replay_rows"
_NO_RECORD = "SKIPPED"                        # the code of a row that names a range of offsets
_BATCH = pa.schema([(PARTITION, pa.int32()), (OFFSET, pa.int64()), (TIMESTAMP, pa.timestamp("us", "UTC")), (KEY, pa.binary()),
                    ("value", pa.binary()), (TOPIC, pa.string()),
                    (HEADERS, pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())])))])
Asked = tuple[str, int, int, int, bool]       # topic, partition, offset, bytes, whether the table has a row for it


@dataclass(frozen=True, slots=True)
class Piece:
    places: tuple[Position, ...]
    landed: bool                              # the table has them: nothing but the mark is missing


def pieces(asked: Sequence[Asked]) -> Iterator[Piece]:
    """What only lacks its mark, then what is to be decoded."""
    for landed in (True, False):
        some: list[Position] = []
        held, partitions = 0, set[TP]()
        for topic, partition, offset, size, is_landed in asked:
            if is_landed != landed:
                continue
            another = (topic, partition) not in partitions
            if len(some) >= PIECE_ROWS or held >= PIECE_BYTES or (another and len(partitions) >= PIECE_PARTITIONS):
                yield Piece(tuple(some), landed)
                some, held, partitions = [], 0, set()
            some.append((topic, partition, offset))
            held += size
            partitions.add((topic, partition))
        if some:
            yield Piece(tuple(some), landed)


def ask(context: Context, text: str, where: Span | None, table: str, errors: Head, rows: Head) -> list[Asked]:
    """The open error rows that the condition `where` of the statement `text` names, and of those the table has, the ones without a mark."""
    edits = _query(text, where, table, errors, rows)
    try:
        return context.cursor.execute(edits.text).fetchall()
    except DUCKDB_ERRORS as raised:
        context.cancel.check()
        raise translated(raised, edits) from None


def _query(text: str, where: Span | None, table: str, errors: Head, rows: Head) -> Edits:
    """The statement's text as a query, so that places in one are places in the other."""
    from kshell.iceberg.resolved import judged

    edits = Edits(text)
    size = " + ".join(f"coalesce(octet_length({quote(c)}), 0)" for c in (KEY, VALUE))
    head = (f"SELECT DISTINCT t, p, o, n, is_landed FROM (SELECT {quote(TOPIC)} AS t, {quote(PARTITION)} AS p, {quote(OFFSET)} AS o, "
            f"{size} AS n FROM (FROM iceberg_scan({literal(errors.metadata_location)})) AS {quote(table)} "
            f"WHERE {quote('code')} IS DISTINCT FROM {literal(_NO_RECORD)} AND (")
    tail = (f")) AS asked JOIN ({judged(errors, rows)}) AS judged ON t = topic AND p = part AND o = position "
            "WHERE is_open OR (is_landed AND NOT is_marked) ORDER BY t, p, o")
    if where is None:
        edits.replace(0, len(text), f"{head}true{tail}")
    else:
        edits.replace(0, where.start, head)
        edits.replace(where.end, len(text), tail)
    return edits


def records(cursor: duckdb.DuckDBPyConnection, errors: Head, places: Sequence[Position], *, topic: bool, headers: bool) -> pa.RecordBatch:
    """In the columns that a decoder takes."""
    topics, partitions, offsets = zip(*places, strict=True)
    cursor.register(_CHOSEN, pa.table({"t": pa.array(topics, pa.string()), "p": pa.array(partitions, pa.int32()),
                                       "o": pa.array(offsets, pa.int64())}))
    try:
        found = cursor.sql(f"""
            SELECT {quote(PARTITION)}, {quote(OFFSET)}, {quote(TIMESTAMP)}, {quote(KEY)}, {quote(VALUE)} AS "value", {quote(TOPIC)},
                   {quote(HEADERS)}::{HEADERS_TYPE} AS {quote(HEADERS)}
            FROM iceberg_scan({literal(errors.metadata_location)}) JOIN {_CHOSEN} ON {quote(TOPIC)} = t AND {quote(PARTITION)} = p
                 AND {quote(OFFSET)} = o
            WHERE {quote(OFFSET)} BETWEEN {min(offsets)} AND {max(offsets)}
            QUALIFY row_number() OVER (PARTITION BY t, p, o) = 1 ORDER BY t, p, o""").to_arrow_table()
    finally:
        cursor.unregister(_CHOSEN)
    table = found.cast(_BATCH).combine_chunks()
    return table.drop_columns([TOPIC] * (not topic) + [HEADERS] * (not headers)).to_batches()[0]


def selected(cursor: duckdb.DuckDBPyConnection, good: pa.Table, columns: Sequence[Column], target: Target) -> pa.Table:
    """Decoded rows as a flush would write them: typed like a segment, through the sink's query, in the table's order."""
    names = column_list(columns)
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE {_ROWS} ({', '.join(f'{quote(c.name)} {c.type}' for c in columns)})")
    cursor.register(_JUDGED, good)
    try:
        cursor.execute(f"INSERT INTO {_ROWS} ({names}) SELECT {names} FROM {_JUDGED}")
        rows = f"SELECT * FROM temp.main.{_ROWS}"
        if target.over:
            rows = views.selected("*", *target.over, rows)
        order = f" ORDER BY {', '.join(target.head.sort_by)}" if target.head.sort_by else ""
        return cursor.sql(f"SELECT {column_list(target.columns)} FROM ({rows}){order}").to_arrow_table()
    finally:
        cursor.unregister(_JUDGED)
        cursor.execute(f"DROP TABLE {_ROWS}")
