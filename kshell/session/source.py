"""One source of a session: what CREATE SOURCE made, with its thread and its buffer.

Invariant: its decoder, its columns and the columns of its segments change together, under the lock of `changing`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.buffer import TP
from kshell.buffer.buffer import Buffer
from kshell.columns import Column
from kshell.decode import Decoder
from kshell.decode.discovery import Discovery, decoder_of
from kshell.options import Parsed
from kshell.session.evolution import Evolution
from kshell.session.included import included

if TYPE_CHECKING:
    from kshell.ingest.ingest import Ingest
    from kshell.kafka.cluster import Cluster


@dataclass(slots=True)
class Source:
    name: str
    cluster_name: str
    cluster: Cluster
    topics: tuple[str, ...]                   # when it was created; a pattern may add to them
    options: Parsed
    columns: tuple[Column, ...]               # payload
    declared: bool                            # the columns were written down, not inferred
    start: Mapping[TP, int]
    stop: Mapping[TP, int] | None             # None: unbounded
    decoder: Decoder
    buffer: Buffer
    ingest: Ingest
    shape: Discovery                          # what its format and its schemas were found to be
    evolution: Evolution | None = None        # None: members without a column get none

    @property
    def pattern(self) -> str | None:
        found = self.options["TOPIC_PATTERN"]
        return None if found is None else str(found)

    @property
    def multi_topic(self) -> bool:
        return "topic" in included(self.options)

    @property
    def segment_columns(self) -> tuple[Column, ...]:
        return (*self.decoder.columns, *self.decoder.metadata)

    def current_topics(self) -> tuple[str, ...]:
        return tuple(sorted({*self.topics, *(t for t, _ in self.ingest.status().partitions)}))

    def shown_topic(self) -> str:
        return self.pattern or ", ".join(self.topics)

    def partitions(self) -> tuple[int, ...] | None:
        chosen = self.options["PARTITIONS"]
        return tuple(chosen) if chosen is not None else None

    def suspended(self) -> bool:
        """Whether it takes no more new columns for the moment."""
        return self.evolution is not None and self.evolution.suspended

    def changing(self) -> AbstractContextManager[object]:
        """Held by whoever changes its columns."""
        return self.evolution.lock if self.evolution is not None else nullcontext()

    def take(self, columns: Sequence[Column]) -> Decoder:
        """Have these columns from here on."""
        self.decoder = decoder_for(self.options, self.shape, columns, self.evolution)
        self.columns = tuple(self.decoder.columns)
        return self.decoder

    def shut(self) -> None:
        """End its threads and its process."""
        self.ingest.stop()
        if self.shape.schemas.isolation is not None:
            self.shape.schemas.isolation.shut()

    def end(self) -> None:
        self.shut()
        self.buffer.close()


def decoder_for(options: Parsed, shape: Discovery, columns: Sequence[Column], evolution: Evolution | None) -> Decoder:
    evolves = evolution is not None and not evolution.suspended
    return decoder_of(shape, options["KEY_FORMAT"], columns, included(options), evolves=evolves)


__all__ = ["Source", "decoder_for"]
