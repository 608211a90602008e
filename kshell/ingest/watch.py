"""The watching thread: log starts and ends for the lag, further partitions, topics that match a pattern, topics made again.

Invariant: it never touches the reader; what it finds reaches the fetching thread through the buffer's positions. A call that hangs
holds up nothing but itself."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

from kshell.buffer.buffer import Buffer
from kshell.errors import Error, NotFoundError
from kshell.ingest.shared import Shared
from kshell.ingest.trouble import Troubles
from kshell.ingest.values import IngestSpec

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster, TopicInfo

STARTS_EVERY = 10                             # log starts move seldom


class Watcher:
    def __init__(self, cluster: Cluster, buffer: Buffer, spec: IngestSpec, shared: Shared, troubles: Troubles) -> None:
        self._cluster, self._buffer, self._spec, self._shared, self._troubles = cluster, buffer, spec, shared, troubles
        self._topics = set(spec.topics)
        self._wake = threading.Event()
        self._metadata_at = time.monotonic() + spec.metadata_interval_s
        self._round = 0

    def run(self) -> None:
        try:
            while not self._shared.stopping.is_set():
                self._turn()
                self._wake.wait(self._spec.ends_interval_s)
        except BaseException as error:        # noqa: BLE001 - a thread confesses whatever ended it
            self._shared.fail(error, f"watching {self._spec.source}")

    def refresh(self) -> None:
        """Look at the metadata in the next round, which begins at once."""
        self._metadata_at = 0.0
        self._wake.set()

    def wake(self) -> None:
        self._wake.set()

    def _turn(self) -> None:
        self._wake.clear()
        try:
            self._ends()
            if time.monotonic() >= self._metadata_at:
                self._metadata_at = time.monotonic() + self._spec.metadata_interval_s
                self.look()
        except Error as error:                # unreachable, or not allowed: what was known stays, and it is asked again
            self._shared.last_error = error.message

    def _ends(self) -> None:
        tps = list(self._buffer.decoded())
        if not tps:
            return
        self._shared.log_ends = self._cluster.log_ends(tps, committed=self._spec.isolation == "read_committed")
        if self._round % STARTS_EVERY == 0:
            self._shared.log_starts = self._cluster.log_starts(tps)
        self._round += 1

    def look(self) -> None:
        """Further topics and partitions join from offset 0: what was written before we noticed belongs to us too."""
        self._match()
        topics: dict[str, TopicInfo] = {}
        for name in sorted(self._topics):
            try:
                topics[name] = self._troubles.describe(name)
            except NotFoundError:
                self._troubles.missing(name)
        known = self._buffer.decoded()
        joining = {(name, p): 0 for name, topic in topics.items() for p in topic.partitions if (name, p) not in known and self._takes(p)}
        if joining:
            self._buffer.cover(joining)
            self._shared.note(f"{self._spec.source}: reading {', '.join(f'{t}[{p}]' for t, p in sorted(joining))} from the start")

    def _takes(self, partition: int) -> bool:
        return self._spec.stop is None and (self._spec.partitions is None or partition in self._spec.partitions)

    def _match(self) -> None:
        if self._spec.pattern is None:
            return
        pattern = re.compile(self._spec.pattern)
        internal = self._spec.pattern.startswith("__")
        self._topics |= {t.name for t in self._cluster.topics(internal=internal) if pattern.fullmatch(t.name)}
