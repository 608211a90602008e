"""The handles of one running sink: where rows come from, where they go, and who has to be told.

Invariant: `head` is one snapshot's file and positions together; it is replaced as a whole. Once abandoned, nothing is shown through it:
another thread may stand in this one's place, and the views are that one's."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kshell.buffer import TP, BufferApi
from kshell.buffer import Lake as BufferLake
from kshell.columns import Column
from kshell.iceberg import Head, Left, Sink

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake
    from kshell.kafka.cluster import Cluster


@dataclass(slots=True)
class Target:
    sink: Sink
    errors_sink: Sink | None                  # None: no error table, bad records are dropped and counted
    lake: Lake
    head: Head
    lands: Callable[[], tuple[Column, ...]]   # columns of what lands, with the table's types; they grow with the source's
    buffer: BufferApi
    cluster: Cluster
    topics: Callable[[], tuple[str, ...]]
    single_topic: str | None                  # None: rows carry _kafka_topic
    group: str
    seal: Callable[[], bool]
    rewind: Callable[[Mapping[TP, int], Collection[TP]], None]
    leaders: Callable[[], Mapping[TP, int]] = dict        # the latest leader epochs that the source has seen
    over: tuple[str, str] | None = None       # (source, query) of an AS SELECT sink; None: the rows as they are
    compact: bool | None = None               # COMPACT as written down; None: the table says it
    moved: Callable[[Head], None] = lambda head: None    # told before a head with another schema is shown; raises Stop
    behind: bool = False                      # the views do not show `head`: the last hand-over failed and has to be made again
    pinned: set[str] = field(default_factory=set)         # metadata files that views read, or will once the buffer has been read up to them
    abandoned: bool = False                   # the thread did not end in time
    errors_head: Head | None = None           # of the error table, from when positions last went back
    back: bool = False                        # a statement moved positions of `head` below what the views show

    @property
    def name(self) -> str:
        return self.sink.name

    @property
    def columns(self) -> tuple[Column, ...]:
        return self.lands()

    @property
    def table_name(self) -> str:
        return ".".join((self.lake.name, *self.sink.table))

    def next_offsets(self) -> dict[TP, int]:
        return self.cut(self.head)

    def cut(self, head: Head) -> dict[TP, int]:
        """The positions of `head` over everything that the source reads: also of a topic or partition that appeared after its last commit,
        whose records a source that starts elsewhere has to go back for."""
        return head.cut(self.buffer.partitions())

    def hand_over(self, head: Head, *, rewound: bool = False) -> bool:
        """Show the table up to `head` and the buffer from there on. False: the buffer is still being read up to there. `rewound`:
        positions went back by statement; where offsets are used again, the head says it."""
        self.require_ours()
        if head.schema_id != self.head.schema_id:
            self.moved(head)
        again = _used_again(self.head, head)
        if rewound or again:
            self.rewind({tp: at for tp, at in self.cut(head).items() if rewound or tp in again}, again)
            self.back = True
        if again and self.errors_sink is not None:
            self.errors_head = self._errors_head(self.errors_sink)
        self.head, self.behind = head, True
        location = head.metadata_location if head.snapshot_id is not None else None
        lake = BufferLake(location, head.columns, head.snapshot_id, self.table_name)
        self.require_ours()                   # again: `moved` waits for others
        done = self.buffer.publish(sink=self.name, cut=self.cut(head), lake=lake, rewound=self.back)
        self.behind = self.back = False
        self.pinned = {head.metadata_location} if done else self.pinned | {head.metadata_location}
        return done

    def errors_again(self) -> dict[TP, int]:
        """State.again of the error table, as it was when this process began to read what it commits."""
        state = self.errors_head.state if self.errors_head is not None else None
        return {tp: state.again(*tp) for tp in self.head.cut()} if state is not None else {}

    def _errors_head(self, errors_sink: Sink) -> Head:
        from kshell.iceberg.head import load_head

        return load_head(self.lake, errors_sink)

    def abandon(self) -> None:
        self.abandoned = True

    def require_ours(self) -> None:
        if self.abandoned:
            raise Left(f"sink {self.name} ended", unresolved=False)


def _used_again(before: Head, after: Head) -> set[TP]:
    if before.state is None or after.state is None:
        return set()
    return {tp for tp in after.cut() if after.state.again(*tp) != before.state.again(*tp)}
