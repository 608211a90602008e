"""What a cluster holds: SHOW TOPICS, SHOW CONSUMER GROUPS, DESCRIBE TOPIC, and kafka_topics() and its kin with the same rows.

Invariant: looking changes nothing: no topic is made, no group joined, no offset committed; a topic is sampled by SAMPLE records at most."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from kshell.buffer import TP
from kshell.columns import Column
from kshell.decode import paths
from kshell.decode.discovery import ONE_COLUMN, Asked, reading
from kshell.lang import show as written
from kshell.lang.statements import ColumnDefinition, Describe, Show, Span
from kshell.query.recognise import recognised
from kshell.query.result import Result
from kshell.session.attached import Attached
from kshell.session.connections import Connections
from kshell.session.placed import placed
from kshell.session.sample import SAMPLE, sample

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster, TopicInfo
    from kshell.kafka.groups import GroupInfo

_TOPICS = [("name", "VARCHAR"), ("partitions", "INTEGER")]
_TOPICS_EXTENDED = [*_TOPICS, ("id", "VARCHAR"), ("messages", "BIGINT"), ("newest", "TIMESTAMP WITH TIME ZONE"), ("log_start", "BIGINT[]"),
                    ("log_end", "BIGINT[]")]
_GROUPS = [("name", "VARCHAR"), ("state", "VARCHAR"), ("members", "INTEGER"), ("lag", "BIGINT")]
_GROUPS_EXTENDED = [*_GROUPS[:3], ("topic", "VARCHAR"), ("partition", "INTEGER"), ("committed", "BIGINT"), ("log_end", "BIGINT"),
                    ("lag", "BIGINT")]
_OFFSETS = [("partition", "INTEGER"), ("log_start", "BIGINT"), ("log_end", "BIGINT"), ("messages", "BIGINT"),
            ("newest", "TIMESTAMP WITH TIME ZONE")]
_INTERNAL = "__"


class BrokerShower:
    """`check` raises when the statement was cancelled."""

    def __init__(self, connections: Connections, check: Callable[[], None]) -> None:
        self._connections, self._check = connections, check

    def listing(self, function: str, argument: str | None) -> Result:
        match function:
            case "kafka_groups":
                return self.groups(Show(text=function, what="consumer groups", cluster=argument))
            case "kafka_topics":
                return self.topics(Show(text=function, what="topics", cluster=argument, extended=True))
            case _:
                return self._offsets(argument or "")

    # ---- topics ------------------------------------------------------------------------------------------------------

    def topics(self, statement: Show) -> Result:
        cluster = self._of(statement).cluster
        found = cluster.topics(internal=bool(statement.like and statement.like.startswith(_INTERNAL)))
        self._connections.topics[cluster.name] = tuple(t.name for t in found)
        found = [t for t in found if statement.like is None or like(t.name, statement.like)]
        if not statement.extended:
            return Result.of_rows(_TOPICS, [(t.name, len(t.partitions)) for t in found])
        named = cluster.describe([t.name for t in found])
        bounds = Bounds(cluster, named.values())
        return Result.of_rows(_TOPICS_EXTENDED, [
            (t.name, len(t.partitions), t.id, bounds.messages(t), bounds.newest(t), bounds.of(t, bounds.starts), bounds.of(t, bounds.ends))
            for t in named.values()])

    def _offsets(self, topic: str) -> Result:
        cluster = self._connections.cluster(None)
        info = cluster.describe([topic])[topic]
        bounds = Bounds(cluster, [info])
        return Result.of_rows(_OFFSETS, [(p, *bounds.partition(info, p)) for p in info.partitions])

    # ---- groups ------------------------------------------------------------------------------------------------------

    def groups(self, statement: Show) -> Result:
        cluster = self._of(statement).cluster
        found = cluster.describe_groups([g for g in cluster.groups() if statement.like is None or like(g.name, statement.like)])
        ends = _ends(cluster, {tp for group in found for tp in group.offsets})
        if statement.extended:
            return Result.of_rows(_GROUPS_EXTENDED, [row for group in found for row in _partitions(group, ends)])
        return Result.of_rows(_GROUPS, [(g.name, g.state, g.members, _lag(g, ends)) for g in found])

    # ---- DESCRIBE TOPIC ----------------------------------------------------------------------------------------------

    def describe(self, statement: Describe) -> Result:
        attached = self._of(statement)
        cluster, name = attached.cluster, statement.name
        with placed(statement.name_span):
            info = cluster.describe([name])[name]
        bounds = Bounds(cluster, [info])
        offsets = ", ".join(f"[{p}] {bounds.starts[name, p]}-{bounds.ends[name, p]}" for p in info.partitions)
        rows: list[tuple[str, Any]] = [("topic", name), ("connection", cluster.name), ("partitions", len(info.partitions)),
                                       ("messages", bounds.messages(info)), ("newest", _shown(bounds.newest(info))), ("offsets", offsets)]
        rows += self._sampled(attached, info)
        if statement.extended:
            rows.append(("id", info.id))
            for p in info.partitions:
                start, end, messages, newest = bounds.partition(info, p)
                rows.append((f"partition {p}", f"{messages} messages, offsets {start} to {end}, newest {_shown(newest) or 'unknown'}"))
        return Result.of_rows([("property", "VARCHAR"), ("value", "VARCHAR")], [(k, None if v is None else str(v)) for k, v in rows])

    def _sampled(self, attached: Attached, info: TopicInfo) -> list[tuple[str, Any]]:
        """The formats that the newest records have, and the source that reads them."""
        registry = self._connections.registry(None, attached.cluster.name)
        found = sample(attached.cluster, [(info.name, p) for p in info.partitions], SAMPLE, isolation="read_committed", check=self._check,
                       headers=registry is not None)
        values, keys = recognised(found, registry)
        read = reading(Asked([info.name], values.format, keys.format, registry=registry, follows=True), lambda: found)
        name = re.sub(r"\W+", "_", info.name)
        message = read.discovery.schemas.message
        columns = [] if values.format in ONE_COLUMN or read.discovery.schema is not None else read.decoder.columns
        notes = list(read.notices)
        format_ = values.format
        if not (columns or format_ in ONE_COLUMN or read.discovery.schema is not None):
            format_ = "string"
            notes.append("no record has shown columns; this source has one, value: the text")
        if registry is None and (values.framed or keys.framed):
            notes.append("a schema registry has what reads them: SCHEMA_REGISTRY 'http://host:8081' in ATTACH, or --schema-registry")
        options = {k: v for k, v, given in (("TOPIC", info.name, name != info.name), ("FORMAT", format_, True),
                                            ("KEY_FORMAT", keys.format, keys.format != "raw"), ("MESSAGE", message, message is not None))
                   if given}
        text = written.create_source_text(name, columns=[definition(c) for c in columns], cluster=attached.cluster.name, options=options)
        sampled = f"{found.num_rows} record{'' if found.num_rows == 1 else 's'}"
        return [("sampled", sampled), ("format", values.name), ("key_format", keys.name), *(("note", note) for note in notes),
                ("create_source", text)]

    def _of(self, statement: Show | Describe) -> Attached:
        with placed(statement.cluster_span):
            return self._connections.attached(statement.cluster, is_address=statement.cluster_is_address)


class Bounds:
    """Where the logs of some topics begin and end, and when their newest record was written."""

    def __init__(self, cluster: Cluster, topics: Iterable[TopicInfo]) -> None:
        tps = [(t.name, p) for t in topics for p in t.partitions]
        self.starts, self.ends, self._newest = cluster.log_starts(tps), cluster.log_ends(tps), cluster.newest(tps)

    def of(self, topic: TopicInfo, offsets: Mapping[TP, int]) -> list[int]:
        return [offsets[topic.name, p] for p in topic.partitions]

    def messages(self, topic: TopicInfo) -> int:
        """Offsets, that is: holes of compaction and control records count."""
        return sum(self.of(topic, self.ends)) - sum(self.of(topic, self.starts))

    def newest(self, topic: TopicInfo) -> datetime | None:
        return _time(max((self._newest[topic.name, p] for p in topic.partitions if (topic.name, p) in self._newest), default=None))

    def partition(self, topic: TopicInfo, partition: int) -> tuple[int, int, int, datetime | None]:
        tp = (topic.name, partition)
        return self.starts[tp], self.ends[tp], self.ends[tp] - self.starts[tp], _time(self._newest.get(tp))


def _ends(cluster: Cluster, tps: set[TP]) -> dict[TP, int]:
    """Of the partitions that exist: a group may remember a topic that is gone."""
    there = {(t.name, p) for t in cluster.topics(internal=True) for p in t.partitions}
    return cluster.log_ends(sorted(tps & there), committed=False)


def _lag(group: GroupInfo, ends: Mapping[TP, int]) -> int | None:
    """None: the group has committed nothing that still exists."""
    known = [max(0, ends[tp] - at) for tp, at in group.offsets.items() if tp in ends]
    return sum(known) if known else None


def _partitions(group: GroupInfo, ends: Mapping[TP, int]) -> Sequence[tuple[Any, ...]]:
    head = (group.name, group.state, group.members)
    rows = [(*head, topic, p, at, ends.get((topic, p)), max(0, ends[topic, p] - at) if (topic, p) in ends else None)
            for (topic, p), at in sorted(group.offsets.items())]
    return rows or [(*head, None, None, None, None, None)]


def _time(ms: int | None) -> datetime | None:
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


def _shown(time: datetime | None) -> str | None:
    """As an instant is written everywhere."""
    return None if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def definition(column: Column) -> ColumnDefinition:
    """A column as CREATE SOURCE declares it."""
    type_ = "JSON" if column.json_text else column.declared or column.type
    return ColumnDefinition(column.name, type_, Span(0, 0), paths.spell(column.path) if column.path else None, column.not_null)


def like(text: str, pattern: str) -> bool:
    """SQL LIKE."""
    parts = {"%": ".*", "_": "."}
    return re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), text, re.DOTALL) is not None
