"""A cluster: its topics, their identities and bounds, and the readers on it. The administrative side, safe from any thread.

Invariant: nothing here consumes, joins a group or makes a topic. Every call ends within `timeout_s`, or within a second of
`cancel()` from another thread; one that no broker can answer ends as soon as that is clear."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import confluent_kafka.admin
from confluent_kafka import IsolationLevel, KafkaError, TopicCollection, TopicPartition

from kshell.errors import NotFoundError, RefusedError, UnreachableError, did_you_mean
from kshell.kafka import embedded, settings
from kshell.kafka.calls import Calls, Refusal, in_thread
from kshell.kafka.columns import NEWEST_MS, TP, Columns
from kshell.kafka.faults import AUTHORIZATION, translated
from kshell.kafka.groups import GroupInfo, Groups
from kshell.kafka.offsets import GroupOffsets
from kshell.kafka.reader import Reader

_Specs: Any = getattr(confluent_kafka.admin, "OffsetSpec")  # noqa: B009 - the package does not export it by name
_ConfigResource: Any = getattr(confluent_kafka.admin, "ConfigResource")  # noqa: B009 - likewise

SETTLE_S = 5.0                                # a topic just made, or a leader just moved, is known everywhere after this
STEP_S = 0.05
_SETTLING = frozenset({KafkaError._NOENT, KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION,
                       KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_PARTITION,
                       KafkaError.OFFSET_NOT_AVAILABLE, KafkaError.REPLICA_NOT_AVAILABLE})


@dataclass(frozen=True, slots=True)
class TopicInfo:
    name: str
    partitions: tuple[int, ...]
    internal: bool = False
    id: str | None = None                     # changes when a topic is made again under its name; None: not asked, or the broker has none


class Cluster:
    """`config` is the user's CONFIG and is checked; `security` comes from the connection's options (`settings.security`)."""

    def __init__(self, name: str, bootstrap: str, config: Mapping[str, str] | None = None, timeout_s: float = 30.0, *,
                 security: Mapping[str, str] | None = None) -> None:
        self.name, self.bootstrap, self.timeout_s = name, bootstrap, timeout_s
        self._config = {**(security or {}), **settings.checked(config or {})}
        self._calls = Calls(bootstrap, settings.client(bootstrap, self._config), timeout_s)
        self._groups = Groups(self._calls, bootstrap, timeout_s)
        self._cluster_id: str | None = None
        self._offsets = GroupOffsets(lambda group: settings.committer(self.bootstrap, self._config, group))

    # ---- connection

    def connect(self) -> None:
        """UnreachableError when no broker answers: in about 1.5 s where connections are refused, else after `timeout_s`."""
        self._metadata()

    @property
    def cluster_id(self) -> str:
        if self._cluster_id is None:
            self._metadata()
        return self._cluster_id or ""

    def cancel(self) -> None:
        """Calls that other threads have under way end with CancelledError. Later calls are not affected."""
        self._calls.cancel()

    def close(self) -> None:
        self.cancel()
        self._offsets.close()

    # ---- topics

    def topics(self, *, internal: bool = False) -> list[TopicInfo]:
        """Those that this connection's user may describe, by name, without their ids."""
        found = [TopicInfo(name, tuple(sorted(topic.partitions)), _internal(name)) for name, topic in self._metadata().topics.items()]
        return sorted((topic for topic in found if internal or not topic.internal), key=lambda topic: topic.name)

    def describe(self, names: Iterable[str]) -> dict[str, TopicInfo]:
        """With ids. A topic that does not exist is an error that names its nearest neighbours, and is not made."""
        wanted = list(dict.fromkeys(names))
        deadline = time.monotonic() + SETTLE_S
        found: dict[str, TopicInfo] = {}
        while missing := [name for name in wanted if name not in found]:
            found |= self._described(missing)
            absent = [name for name in missing if name not in found]
            if absent:                        # a broker lists a topic some milliseconds before it describes it
                self._require_listed(absent)
                if time.monotonic() > deadline:
                    raise UnreachableError(f"the cluster lists topic {absent[0]!r} but does not describe it", hint="try again in a moment")
                time.sleep(STEP_S)
        return {name: found[name] for name in wanted}

    def _described(self, names: list[str]) -> dict[str, TopicInfo]:
        if self._is_embedded():               # it never answers the request
            return self._listed(names)
        futures = self._calls.client().describe_topics(TopicCollection(names), request_timeout=self.timeout_s)
        found = {}
        for name, future in futures.items():
            try:
                topic = self._calls.wait(future, f"describe topic {name!r}")
            except Refusal as refused:
                if refused.error.code() in (KafkaError._UNSUPPORTED_FEATURE, KafkaError.UNSUPPORTED_VERSION):
                    return self._listed(names)
                if refused.error.code() in AUTHORIZATION:
                    raise RefusedError(f"topic {name!r} cannot be read: {refused.error.name()}",
                                       hint="it does not exist, or the connection's user lacks Describe and Read on it") from None
                if refused.error.code() not in _SETTLING:
                    raise translated(refused.error, self.bootstrap, f"describe topic {name!r}") from None
            else:
                found[name] = TopicInfo(name, tuple(sorted(p.id for p in topic.partitions)), bool(topic.is_internal), str(topic.topic_id))
        return found

    def _listed(self, names: list[str]) -> dict[str, TopicInfo]:
        """For brokers without topic ids. All topics are listed: asking this client for one by name would make it."""
        return {topic.name: topic for topic in self.topics(internal=True) if topic.name in names}

    def _require_listed(self, names: list[str]) -> None:
        known = [topic.name for topic in self.topics(internal=True)]
        for name in names:
            if name not in known:
                raise NotFoundError(f"cluster {self.name!r} has no topic {name!r}",
                                    hint=did_you_mean(name, known, most=3) or "SHOW TOPICS lists them", named=name)

    def _is_embedded(self) -> bool:
        return self.cluster_id.startswith(embedded.CLUSTER_ID_PREFIX)

    def _metadata(self) -> Any:
        client = self._calls.client()
        metadata = self._calls.wait(in_thread(lambda: client.list_topics(timeout=self.timeout_s)), "list topics")
        self._cluster_id = metadata.cluster_id or ""
        return metadata

    # ---- offsets

    def log_starts(self, tps: Iterable[TP]) -> dict[TP, int]:
        """The first offset that is kept."""
        return self._list_offsets(tps, _Specs.earliest(), committed=False)

    def log_ends(self, tps: Iterable[TP], *, committed: bool = True) -> dict[TP, int]:
        """The offset after the last record. `committed`: the last stable offset, where an open transaction holds readers back."""
        return self._list_offsets(tps, _Specs.latest(), committed=committed)

    def offsets_at(self, tps: Iterable[TP], timestamp_ms: int) -> dict[TP, int]:
        """The first offset whose record is at or after the time; where there is none, the end."""
        wanted = list(tps)
        if self._is_embedded():               # it answers "after the end", whatever the time
            raise RefusedError("the embedded broker cannot look up offsets by time", hint="use 'earliest', 'latest' or offsets")
        found = self._list_offsets(wanted, _Specs.for_timestamp(timestamp_ms), committed=False)
        after = [tp for tp in wanted if found[tp] < 0]
        return found | (self.log_ends(after) if after else {})

    def newest(self, tps: Iterable[TP]) -> dict[TP, int]:
        """Milliseconds since 1970 of each partition's newest record. Left out: partitions without one, and brokers that do not say."""
        if self._is_embedded():
            return {}
        spec = _Specs.max_timestamp()
        futures = self._calls.client().list_offsets({TopicPartition(*tp): spec for tp in tps}, request_timeout=self.timeout_s)
        found = {}
        for partition, future in futures.items():
            with suppress(Refusal):
                found[partition.topic, partition.partition] = int(self._calls.wait(future, "look up the newest record").timestamp)
        return {tp: at for tp, at in found.items() if 0 <= at <= NEWEST_MS}     # a producer may write any number

    def stamps(self, topic: str) -> bool:
        """Whether the brokers write the time of its records, so that it is theirs. Not where this connection's user may not ask."""
        resource = _ConfigResource(_ConfigResource.Type.TOPIC, topic)
        (future,) = self._calls.client().describe_configs([resource], request_timeout=self.timeout_s).values()
        with suppress(Refusal):
            entry = self._calls.wait(future, f"look up the settings of topic {topic!r}").get("message.timestamp.type")
            return entry is not None and entry.value == "LogAppendTime"
        return False

    def _list_offsets(self, tps: Iterable[TP], spec: Any, *, committed: bool) -> dict[TP, int]:
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        left, found, deadline = list(tps), dict[TP, int](), time.monotonic() + SETTLE_S
        while left:
            request = {TopicPartition(*tp): spec for tp in left}
            futures = self._calls.client().list_offsets(request, isolation_level=level, request_timeout=self.timeout_s)
            for partition, future in futures.items():
                tp = (partition.topic, partition.partition)
                with suppress(_Settling):
                    found[tp] = self._offset(tp, future, last_try=time.monotonic() > deadline)
            left = [tp for tp in left if tp not in found]
            if left:
                self._require_partitions(left)
                time.sleep(STEP_S)            # a new partition has a leader some milliseconds later; `last_try` ends it
        return found

    def _require_partitions(self, tps: list[TP]) -> None:
        topics = self.describe(topic for topic, _ in tps)
        for topic, partition in tps:
            if partition not in topics[topic].partitions:
                raise NotFoundError(f"topic {topic!r} has no partition {partition}; it has {len(topics[topic].partitions)}",
                                    hint=f"DESCRIBE TOPIC {topic} shows them")

    def _offset(self, tp: TP, future: Future[Any], *, last_try: bool) -> int:
        what = f"look up offsets of {tp[0]}[{tp[1]}]"
        try:
            return int(self._calls.wait(future, what).offset)
        except Refusal as refused:
            if refused.error.code() not in _SETTLING:
                raise translated(refused.error, self.bootstrap, what) from None
            if not last_try:
                raise _Settling from None
            raise UnreachableError(f"cannot {what}: the partition has no leader", hint="are all brokers of the cluster up?") from None

    # ---- readers and groups

    def reader(self, *, isolation: str = "read_committed", config: Mapping[str, str] | None = None,
               columns: Columns | None = None, queue_bytes: int | None = None) -> Reader:
        """A reader that nothing is assigned to yet. `config` adds to the cluster's CONFIG. With `columns` its polls hold no messages,
        only what `Poll.to_arrow` needs, which is cheaper. `queue_bytes`: what the client library may fetch ahead; at most, and by
        default, 64 MiB."""
        chosen = settings.reader(self.bootstrap, {**self._config, **settings.checked(config or {})}, isolation)
        if queue_bytes is not None:
            chosen["queued.max.messages.kbytes"] = max(1, min(settings.QUEUE_KBYTES, queue_bytes // 1024))
        return Reader(chosen, columns)

    def epochs_at(self, offsets: Mapping[TP, int]) -> dict[TP, tuple[int, int]]:
        """(offset, leader epoch) of the first record at or after each offset; nothing where there is none, or none in time."""
        from kshell.kafka.epochs import epochs_at

        reader = self.reader()
        try:
            return epochs_at(reader, offsets)
        finally:
            reader.close()

    def commit_offsets(self, group: str, positions: Mapping[TP, tuple[int, int | None]]) -> None:
        """Leaves (next offset, leader epoch) in the group for lag tools. Returns at once; failures only count."""
        self._offsets.commit(group, positions)

    @property
    def commit_failures(self) -> int:
        return self._offsets.failures

    def groups(self) -> list[GroupInfo]:
        """By name, with their state and nothing else."""
        return self._groups.listed()

    def describe_groups(self, groups: Sequence[GroupInfo]) -> list[GroupInfo]:
        """The same with members and committed offsets."""
        return self._groups.described(groups)


class _Settling(Exception):
    """The partition has no leader yet: ask again."""


def _internal(name: str) -> bool:
    return name.startswith("__")
