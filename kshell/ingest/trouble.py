"""What to do when Kafka no longer has, or does not yet have, the offsets we stand at; and when a topic was made again.

Invariant: a source without a sink goes on by itself and records a gap; with a sink nothing is skipped: the partition rests and its
owner is told, because skipping is a statement that the table records."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING

from kshell.buffer.buffer import Buffer
from kshell.buffer.values import TP
from kshell.decode import Undecodable
from kshell.errors import Error, NotFoundError
from kshell.ingest.cut import cuts
from kshell.ingest.handoff import Fetched, Handoff, Lost
from kshell.ingest.shared import Shared
from kshell.ingest.values import Gap, IngestSpec, OnTrouble, Trouble, TroubleKind

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster, TopicInfo

TRUNCATED, MADE_AGAIN = "truncated", "topic made again"
REUSING = frozenset({TRUNCATED, MADE_AGAIN})  # reasons of gaps after which offsets stand for other records


class Troubles:
    def __init__(self, cluster: Cluster, buffer: Buffer, spec: IngestSpec, shared: Shared, handoff: Handoff,
                 owner: OnTrouble | None) -> None:
        self._cluster, self._buffer, self._spec, self._shared, self._handoff = cluster, buffer, spec, shared, handoff
        self._owner = owner
        self._topic_ids: dict[str, str | None] = dict(spec.topic_ids)
        self._describing = threading.Lock()   # an answer is compared before another thread may ask: else an old one undoes a later one

    # ---- from the fetching thread

    def out_of_range(self, tp: TP, position: int) -> bool:
        """False: the cluster did not say where its log begins and ends; ask again."""
        try:
            self.describe(tp[0])
            if self._buffer.seeking(tp):      # the position was moved since the reader met the end of its log
                return True
            start = self._cluster.log_starts([tp])[tp]
            end = self._cluster.log_ends([tp], committed=False)[tp]
        except NotFoundError:
            self.missing(tp[0])
            return True
        except Error as error:
            self._shared.last_error = error.message
            return False
        if start <= position <= end:          # it moved meanwhile
            self._buffer.seek({tp: position})
        elif self._buffer.has_sink:
            self._report("OUT_OF_RETENTION" if position < start else "AHEAD_OF_LOG", tp, position, start, end)
        else:
            self._skip(tp, position, start if position < start else end, position < start)
        return True

    def cut(self, positions: Mapping[TP, int]) -> set[TP]:
        """Which of these partitions, where a later leader's records come next, have other records below than were read."""
        found = cuts(self._cluster, positions, self._shared.leaders)
        for tp, at in found.items():
            self.describe(tp[0])
            if not self._buffer.seeking(tp) and tp not in self._shared.troubles():
                self._truncated(tp, positions[tp], at)
        return set(found)

    def _truncated(self, tp: TP, position: int, at: int) -> None:
        if self._buffer.has_sink:
            self._report("LOG_TRUNCATED", tp, position, None, at)
            return
        self._shared.note(f"{self._spec.source}: the log of {tp[0]}[{tp[1]}] was cut at {at}, below {position}, and has other records "
                          "there. Going on where it was cut")
        self._shared.add_gap(Gap(tp, at, position, TRUNCATED))
        self._shared.leaders.pop(tp, None)
        self._restart({tp: at})

    def _skip(self, tp: TP, position: int, to: int, retained: bool) -> None:
        place = f"{tp[0]}[{tp[1]}]"
        if retained:
            self._shared.note(f"{self._spec.source}: {place}@{position} is gone from Kafka (retention); going on at {to}")
            self._handoff.put(Fetched(None, {}, lost={tp: Lost(position, to, "retention")}))
            self._buffer.seek({tp: to})
            return
        self._shared.note(f"{self._spec.source}: the log of {place} ends at {to}, before {position}; it was truncated. Going on at its end")
        self._shared.add_gap(Gap(tp, to, position, TRUNCATED))
        self._restart({tp: to})

    # ---- from the watching thread, and above

    def describe(self, name: str) -> TopicInfo:
        """The topic as it is. When it is not the one we began with, what follows from that has happened before this returns.
        NotFoundError: it is gone. Brokers without topic ids: the check is off."""
        with self._describing:
            topic = self._cluster.describe([name])[name]
            before = self._topic_ids.get(name)
            if before is not None and topic.id is not None and topic.id != before:
                self._begin_again(name, topic)
            self._topic_ids[name] = topic.id if topic.id is not None else before
            return topic

    def _begin_again(self, name: str, topic: TopicInfo) -> None:
        stood = {tp: at for tp, at in self._buffer.decoded().items() if tp[0] == name}
        if self._buffer.has_sink:
            for tp, at in stood.items():
                self._report("TOPIC_RECREATED", tp, at, None, None)
            return
        self._shared.note(f"{self._spec.source}: topic {name} was made again; the buffer is emptied and begins at its start")
        for tp, at in stood.items():
            self._shared.add_gap(Gap(tp, at, at, MADE_AGAIN))
        wanted = topic.partitions if self._spec.partitions is None else self._spec.partitions
        self._restart({(name, p): 0 for p in topic.partitions if p in wanted}, gone=stood)

    def _restart(self, positions: Mapping[TP, int], gone: Mapping[TP, int] | None = None) -> None:
        """Offsets are used again, so rows of both logs must not stand side by side. Other partitions are read from where they began."""
        others = {tp: state.start for tp, state in self._buffer.partitions().items() if tp not in (gone or {})}
        self._buffer.restart(others | dict(positions))

    def missing(self, topic: str) -> None:
        for tp, at in self._buffer.decoded().items():
            if tp[0] == topic:
                self._report("TOPIC_MISSING", tp, at, None, None)

    # ---- from the decoding thread

    def undecodable(self, tp: TP, at: int, found: Undecodable) -> None:
        """The partition rests before that record, with a sink and without one: going on past it is a statement."""
        kind: TroubleKind = "DECODE_STUCK" if found.code == "DECODE_STUCK" else "DECODER_CRASHED"
        self._tell(Trouble(kind, tp, at, None, None, f"{kind}: {tp[0]}[{tp[1]}]@{at}: {found.message}"))

    def _report(self, kind: TroubleKind, tp: TP, at: int, start: int | None, end: int | None) -> None:
        if (known := self._shared.troubles().get(tp)) is not None and known.kind == kind and known.position == at:
            return
        self._tell(Trouble(kind, tp, at, start, end, _message(kind, tp, at, start, end)))

    def _tell(self, trouble: Trouble) -> None:
        self._shared.set_trouble(trouble)
        self._shared.last_error = trouble.message
        self._shared.note(f"{self._spec.source}: {trouble.message}")
        if self._owner is not None:
            self._owner(trouble)


def _message(kind: TroubleKind, tp: TP, at: int, start: int | None, end: int | None) -> str:
    place = f"{tp[0]}[{tp[1]}]"
    return {
        "OUT_OF_RETENTION": f"OUT_OF_RETENTION: {place} stands at {at}, and Kafka holds it from {start} on",
        "AHEAD_OF_LOG": f"AHEAD_OF_LOG: {place} stands at {at}, and its log ends at {end}",
        "LOG_TRUNCATED": f"LOG_TRUNCATED: {place} stands at {at}, and its log was cut at {end}: Kafka has other records from there on",
        "TOPIC_RECREATED": f"TOPIC_RECREATED: topic {tp[0]} was deleted and made again; {place} stood at {at}",
        "TOPIC_MISSING": f"TOPIC_MISSING: topic {tp[0]} does not exist any more; {place} stood at {at}",
    }[kind]


def truncated(tp: TP, position: int, at: int) -> Trouble:
    """The log was cut at an offset below the position, and has other records there."""
    return Trouble("LOG_TRUNCATED", tp, position, None, at, _message("LOG_TRUNCATED", tp, position, None, at))
