"""Which error rows are still about a record that is bad, as SQL over both tables.

Invariant: the table decides, not the mark: an error row whose record has a row is resolved, whether it is marked or not, and one that is
marked with a snapshot and has no row (the table was rolled back since) is open again. A mark without a snapshot says that the sink's
query left the record out, which no table can show."""

from __future__ import annotations

from kshell.columns import OFFSET, PARTITION, TOPIC, literal, quote
from kshell.iceberg.values import RESOLVED_AT, RESOLVED_SNAPSHOT, Head


def judged(errors: Head, rows: Head) -> str:
    """A SELECT of `topic, part, position, is_open, is_landed, is_marked` for the error rows with an offset."""
    names = {c.name for c in errors.columns}
    at, snapshot = (quote(n) if n in names else "NULL" for n in (RESOLVED_AT, RESOLVED_SNAPSHOT))
    scanned = (f"SELECT {quote(TOPIC)} AS topic, {quote(PARTITION)} AS part, {quote(OFFSET)} AS position, {at} IS NOT NULL AS is_marked, "
               f"{at} IS NOT NULL AND {snapshot} IS NULL AS is_left_out FROM iceberg_scan({literal(errors.metadata_location)}) "
               f"WHERE {quote(OFFSET)} IS NOT NULL")
    return f"""
        WITH errors AS MATERIALIZED ({scanned}), landed AS MATERIALIZED ({_landed(rows)})
        SELECT DISTINCT topic, part, position, is_marked, found.o IS NOT NULL AS is_landed, NOT (is_landed OR is_left_out) AS is_open
        FROM errors LEFT JOIN landed AS found ON {_same(rows, "errors", "found")}"""


def _landed(rows: Head) -> str:
    """Positions of error rows that the table holds: the table is streamed past the errors, not the other way round."""
    nothing = "SELECT NULL::VARCHAR AS t, NULL::INTEGER AS p, NULL::BIGINT AS o WHERE false"
    if rows.snapshot_id is None:
        return nothing
    names = {c.name for c in rows.columns}
    # Where offsets began again, one may stand for several records: nothing is matched by it.
    again = [literal(name) for name, topic in (rows.state.topics if rows.state else {}).items() if topic.epoch]
    if again and TOPIC not in names:
        return nothing
    topic = quote(TOPIC) if TOPIC in names else "NULL::VARCHAR"
    but = f" AND {topic} NOT IN ({', '.join(again)})" if again else ""
    held = (f"SELECT {topic} AS t, {quote(PARTITION)} AS p, {quote(OFFSET)} AS o FROM iceberg_scan({literal(rows.metadata_location)}) "
            f"WHERE {quote(OFFSET)} IS NOT NULL{but}")
    return f"SELECT DISTINCT t, p, o FROM ({held}) AS held SEMI JOIN errors ON {_same(rows, 'errors', 'held')}"


def _same(rows: Head, errors: str, held: str) -> str:
    topic = f"{errors}.topic = {held}.t AND " if any(c.name == TOPIC for c in rows.columns) else ""
    return f"{topic}{errors}.part = {held}.p AND {errors}.position = {held}.o"
