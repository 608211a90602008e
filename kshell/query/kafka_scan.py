"""kafka_scan and `cluster.topic`: a bounded read of a topic becomes a temporary table of the statement.

1. find the places  2. settle arguments and bounds  3. read, decode, load  4. replace the text

Invariant: nothing is registered, joined or committed; a record that does not decode is counted and said, never guessed; the tables
end with the statement's result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import duckdb

from kshell.columns import quote
from kshell.errors import BadValueError, Error, NotFoundError, RefusedError
from kshell.gate import permitted
from kshell.lang.tokens import Token, naming, tokens
from kshell.options import Lookup
from kshell.query.arguments import ScanSpec, read_call, read_scan
from kshell.query.bounded_read import BoundedRead
from kshell.query.bounds import Bounds, settle
from kshell.query.load import MOST_WAITING, SAMPLE, Load
from kshell.query.locate import LISTINGS, SCAN, Found, find, limit_of
from kshell.query.result import Result
from kshell.query.rewrite import Edits

if TYPE_CHECKING:
    from kshell.decode.discovery import Registry
    from kshell.kafka.cluster import Cluster

SAMPLE_TIMEOUT_S = 5.0
_MOST_NAMED = 5                                   # partitions that a warning names
_STORED = (("CREATE", "VIEW"), ("CREATE", "MACRO"), ("CREATE", "FUNCTION"), ("PREPARE", ""))


class Kafka(Protocol):
    """What a session offers: its clusters and its lists."""

    def connections(self) -> Sequence[str]: ...

    def cluster(self, name: str | None) -> Cluster:
        """None: the only one, or the one named kafka. NotFoundError otherwise."""

    def listing(self, function: str, argument: str | None) -> Result:
        """The rows of kafka_topics(connection), kafka_groups(connection), kafka_offsets(topic)."""

    def resolve(self, lookup: Lookup) -> Any: ...

    def registry(self, named: str | None, cluster: str) -> Registry | None:
        """By address or name of a secret, else that of the cluster. None: no registry is known."""


class KafkaTables:
    """The rewriter of a runner. `warn` takes a line for the user."""

    def __init__(self, kafka: Kafka, warn: Callable[[str], None]) -> None:
        self._kafka, self._warn = kafka, warn
        self._made = 0
        self.only_reads = False                   # the statement with its tables in place of topics passes the gate too
        self.running: BoundedRead | None = None   # for a progress bar

    def rewrite(self, text: str, cursor: duckdb.DuckDBPyConnection, check: Callable[[], None]) -> Edits:
        edits = Edits(text)
        if not self._may_name_kafka(text):
            return edits
        found_tokens = tokens(text)
        places = find(found_tokens, self._kafka.connections())
        _refuse_change(found_tokens, self._kafka.connections())
        if places:
            _refuse_stored(found_tokens, places[0])
            _refuse_value(places)
        try:
            enough = limit_of(found_tokens, places)
            for place in places:
                table = self._load(text, place, cursor, edits, check, enough)
                edits.replace(place.start, place.end, table if place.alias is None else f"{table} AS {quote(place.alias)}")
            if self.only_reads and places:
                _require_reading(edits, cursor)
        except BaseException:
            drop(cursor, edits.tables)
            raise
        finally:
            self.running = None
        return edits

    def _may_name_kafka(self, text: str) -> bool:
        """Cheap and generous: most statements are not about Kafka."""
        lower = text.lower()
        return any(word in lower for word in (SCAN, *LISTINGS)) or any(c.lower() in lower for c in self._kafka.connections())

    def _load(self, text: str, place: Found, cursor: duckdb.DuckDBPyConnection, edits: Edits, check: Callable[[], None],
              enough: int | None) -> str:
        self._made += 1
        table = f"temp.main.kshell_scan_{self._made}"
        edits.tables.append(table)
        if place.kind in LISTINGS:
            self._list(text, place, cursor, table)
        else:
            spec = read_scan(text, place, self._kafka.resolve, _zone(cursor))
            try:
                cluster = self._kafka.cluster(spec.connection)
                bounds = settle(spec, cluster)
            except Error as error:
                raise _placed(error, text, place) from None
            self._scan(spec, cluster, bounds, cursor, table, edits, check, enough)
        return table

    def _list(self, text: str, place: Found, cursor: duckdb.DuckDBPyConnection, table: str) -> None:
        argument, named = read_call(text, place)
        if named:
            raise BadValueError(f"{place.kind} takes one argument", position=place.start, length=len(place.kind))
        rows = self._kafka.listing(place.kind, argument).arrow()
        cursor.register("kshell_listing", rows)
        try:
            cursor.execute(f"CREATE TEMP TABLE {table} AS FROM kshell_listing")
        finally:
            cursor.unregister("kshell_listing")

    def _scan(self, spec: ScanSpec, cluster: Cluster, bounds: Bounds, cursor: duckdb.DuckDBPyConnection, table: str,
              edits: Edits, check: Callable[[], None], enough: int | None) -> None:
        check()
        read = self.running = BoundedRead(cluster, bounds.ranges, timeout_s=spec.timeout_s, most=spec.max_messages, check=check)
        filtered = spec.last is not None or spec.since is not None or spec.until is not None
        load = Load(cursor, table, spec, list(bounds.ranges), lambda: _newest(spec.topic, cluster, check), None if filtered else enough,
                    self._kafka.registry(spec.registry, cluster.name), check)
        for messages in read.messages():
            load.add(messages, read)
            if load.full:
                break
        load.finish()
        edits.columns += load.columns
        _keep(cursor, table, spec, bounds)
        self._say(spec, bounds, read, load)

    def _say(self, spec: ScanSpec, bounds: Bounds, read: BoundedRead, load: Load) -> None:
        for notice in load.notices:
            self._warn(f"{spec.topic}: {notice}")
        for reason in bounds.empty[:_MOST_NAMED]:
            self._warn(reason)
        for (topic, partition), (start, end) in {**(bounds.lost or {}), **read.trimmed}.items():
            self._warn(f"{topic}[{partition}]: offsets {start} to {end - 1} are no longer in the log")
        if load.bad:
            self._warn(f"{spec.topic}: {load.bad} of {load.seen} records do not decode as {load.format} and are left out; "
                       f"the first: {load.first_bad}; {load.cure}")


def _require_reading(edits: Edits, cursor: duckdb.DuckDBPyConnection) -> None:
    """A topic of many parts, `k.a.b.c`, is no name to DuckDB, so that the gate did not see the rest of the query."""
    try:
        permitted(cursor, edits.text)
    except Error as error:
        if error.position is not None:
            error.position, error.length = edits.place(error.position, error.length)
        raise


def _newest(topic: str, cluster: Cluster, check: Callable[[], None]) -> list[Any]:
    bounds = settle(ScanSpec(topic, last=SAMPLE), cluster)
    read = BoundedRead(cluster, bounds.ranges, timeout_s=SAMPLE_TIMEOUT_S, most=MOST_WAITING, check=check)
    return [message for messages in read.messages() for message in messages]


def _placed(error: Error, text: str, place: Found) -> Error:
    """Of what is not there, the argument that names it; else the whole call."""
    token = naming(text, error.named, place.start, place.end) if isinstance(error, NotFoundError) and error.named else None
    start, end = (token.start, token.end) if token is not None else (place.start, place.end)
    return error.at(start, end - start)


def drop(cursor: duckdb.DuckDBPyConnection, made: Sequence[str]) -> None:
    for table in made:
        try:
            cursor.execute(f"DROP TABLE IF EXISTS {table}")
        except duckdb.Error:
            return                                # a failed transaction takes its temporary tables along


def _keep(cursor: duckdb.DuckDBPyConnection, table: str, spec: ScanSpec, bounds: Bounds) -> None:
    """Times are judged row by row; `last` counts over all partitions."""
    between = ((">=", bounds.since_ms), ("<", bounds.until_ms))
    tests = [f"_kafka_timestamp {sign} to_timestamp({ms} / 1000.0)" for sign, ms in between if ms is not None]
    if tests:
        cursor.execute(f"DELETE FROM {table} WHERE NOT coalesce({' AND '.join(tests)}, false)")
    if spec.last is not None and len(bounds.ranges) > 1:
        newest = "ORDER BY _kafka_timestamp DESC NULLS LAST, _kafka_offset DESC, _kafka_partition"
        cursor.execute(f"DELETE FROM {table} WHERE rowid NOT IN (SELECT rowid FROM {table} {newest} LIMIT {spec.last})")


def _refuse_stored(found: Sequence[Token], place: Found) -> None:
    """A view or macro would outlive the rows it was made from."""
    words = [t.upper for t in found[:6] if t.upper not in ("OR", "REPLACE", "TEMP", "TEMPORARY", "RECURSIVE")]
    first, second = (*words, "", "")[:2]
    if (first, second) in _STORED or (first, "") in _STORED:
        raise RefusedError("a topic is read once, when the statement runs: it cannot stand in a view, a macro or a prepared statement",
                           hint="CREATE SOURCE name FROM KAFKA keeps the topic live; CREATE TABLE ... AS keeps these rows",
                           position=place.start, length=place.end - place.start)


def _refuse_change(found: Sequence[Token], connections: Sequence[str]) -> None:
    """INSERT INTO k.orders, DELETE FROM k.orders, UPDATE k.orders"""
    at = {"INSERT": 2, "DELETE": 2, "MERGE": 2, "UPDATE": 1, "TRUNCATE": 1}.get(found[0].upper, 0)
    if at and len(found) > at + 2 and found[at + 1].text == "." and found[at].text.lower() in (c.lower() for c in connections):
        raise RefusedError("a topic is only read", hint="CREATE TABLE t AS FROM k.topic makes a copy that can be changed",
                           position=found[at].start, length=found[at + 2].end - found[at].start)


def _refuse_value(places: Sequence[Found]) -> None:
    """SELECT kafka_scan('orders'): the rows of a topic are no value."""
    for place in places:
        if not place.table:
            name = place.kind if place.kind != "topic" else place.name
            raise BadValueError(f"{name} gives rows and stands where a value is expected", hint=f"SELECT * FROM {name}(...)",
                                position=place.start, length=len(name))


def _zone(cursor: duckdb.DuckDBPyConnection) -> str:
    found = cursor.execute("SELECT current_setting('TimeZone')").fetchone()
    return str(found[0]) if found else "UTC"


__all__ = ["Kafka", "KafkaTables"]
