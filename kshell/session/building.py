"""What CREATE SOURCE makes: topics found, positions resolved, columns settled, a buffer and a thread made ready.

Invariant: a source's options are resolved once, here; whatever is wrong is raised before anything of an older source ends."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from kshell.buffer import TP
from kshell.buffer.budget import Budget
from kshell.buffer.buffer import Buffer
from kshell.decode.discovery import ONE_COLUMN, titled
from kshell.errors import NotFoundError
from kshell.ingest import IngestSpec, Trouble
from kshell.lang.statements import CreateSource, Span
from kshell.options import Parsed
from kshell.session import positions
from kshell.session.attached import Attached
from kshell.session.context import Context
from kshell.session.evolution import Evolution
from kshell.session.growth import Growth
from kshell.session.included import included
from kshell.session.placed import placed
from kshell.session.shaping import Shaping
from kshell.session.source import Source, decoder_for

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster, TopicInfo

_INTERNAL = "__"


class Told(Protocol):
    """Who is told when Kafka contradicts a sink's progress."""

    def on_trouble(self, source: str, trouble: Trouble) -> None: ...


class Building:
    def __init__(self, context: Context, shaping: Shaping, growth: Growth, budget: Budget, told: Told) -> None:
        self._context, self._shaping, self._growth, self._budget, self._told = context, shaping, growth, budget, told

    def build(self, statement: CreateSource, attached: Attached, options: Parsed, *, replaces: Source | None) -> Source:
        """Look at the topic, then make it; nothing is read yet. What it replaces ends as soon as nothing can fail any more."""
        name, cluster = statement.name, attached.cluster
        with placed(_named_at(options)):
            topics = _topics(name, cluster, options)
        with placed(options.spans.get("PARTITIONS")):
            tps = _partitions_of(topics, options["PARTITIONS"])
        committed = options["ISOLATION"] == "read_committed"
        start = positions.resolve(cluster, options["START"], tps, committed=committed)
        stop = positions.resolve(cluster, options["STOP"], tps, committed=committed) if options["STOP"] is not None else None
        shape = self._shaping.shape(statement, attached, options, list(topics), tps)
        was_declared = bool(statement.columns) or options["FORMAT"] in ONE_COLUMN
        from kshell.ingest.ingest import Ingest

        evolution = Evolution() if _evolves(options, was_declared) else None
        decoder = decoder_for(options, shape.discovery, shape.decoder.columns, evolution)
        if replaces is not None:
            replaces.end()
        buffer = Buffer(self._context.engine, name, (*decoder.columns, *decoder.metadata), retain_bytes=options["RETAIN_BYTES"],
                        retain_rows=options["RETAIN_ROWS"], retain_time_s=options["RETAIN_TIME"], multi_topic="topic" in included(options),
                        budget=self._budget)
        spec = _spec(name, topics, options, start, stop, by_headers=shape.discovery.by_headers)
        ingest = Ingest(self._context.engine, cluster, buffer, decoder, spec, notice=self._context.warn,
                        trouble=lambda trouble: self._told.on_trouble(name, trouble),
                        evolve=None if evolution is None else lambda before, proposal: self._growth.evolve(name, before, proposal))
        return Source(name, cluster.name, cluster, tuple(topics), options, tuple(decoder.columns), was_declared, start, stop, decoder,
                      buffer, ingest, shape.discovery, evolution)


def _topics(name: str, cluster: Cluster, options: Parsed) -> dict[str, TopicInfo]:
    """The topics to read. A topic that does not exist is an error and is never made."""
    if options["TOPIC_PATTERN"] is not None:
        pattern = re.compile(options["TOPIC_PATTERN"])
        internal = _INTERNAL in options["TOPIC_PATTERN"]
        names = [t.name for t in cluster.topics(internal=internal) if pattern.fullmatch(t.name)]
        if not names:
            raise NotFoundError(f"no topic of cluster {cluster.name} matches the pattern {options['TOPIC_PATTERN']}",
                                hint="the pattern must match the whole name: '.*orders.*'")
        return cluster.describe(names)
    return cluster.describe(options["TOPICS"] or [options["TOPIC"] or name])


def created_note(source: Source) -> str:
    count = len(source.start)
    what = f"source {source.name}: {source.shown_topic()}, {count} partition{'s' if count != 1 else ''}"
    if source.declared:
        return what
    counted = f"{len(source.columns)} column{'s' if len(source.columns) != 1 else ''}"
    if source.shape.schema is not None:
        return f"{what}, {counted} of {source.options['FORMAT']} by {titled(source.shape.schema)}"
    return f"{what}, {counted} inferred (SHOW CREATE SOURCE {source.name} prints them)"


def _evolves(options: Parsed, declared_columns: bool) -> bool:
    if options["FORMAT"] in ONE_COLUMN:
        return False
    return bool((options["SCHEMA_EVOLUTION"] or ("none" if declared_columns else "add")) == "add")


def _named_at(options: Parsed) -> Span | None:
    """Where the statement says which topics."""
    return next((options.spans[key] for key in ("TOPIC_PATTERN", "TOPICS", "TOPIC") if key in options.spans), None)


def check_config(options: Parsed) -> None:
    """A setting that may not stand in CONFIG is refused here, not by the thread that would use it."""
    if options["CONFIG"]:
        from kshell.kafka.settings import tried

        tried({k: str(v) for k, v in options["CONFIG"].items()})


def _spec(name: str, topics: Mapping[str, TopicInfo], options: Parsed, start: Mapping[TP, int],
          stop: Mapping[TP, int] | None, *, by_headers: bool) -> IngestSpec:
    config = {k: str(v) for k, v in (options["CONFIG"] or {}).items()}
    refresh_ms = float(config.get("topic.metadata.refresh.interval.ms", 30_000))
    chosen = options["PARTITIONS"]
    return IngestSpec(
        source=name, topics=tuple(topics), start=dict(start), stop=stop, pattern=options["TOPIC_PATTERN"],
        partitions=tuple(chosen) if chosen is not None else None, topic_ids={t.name: t.id for t in topics.values()},
        on_error=options["ON_ERROR"], isolation=options["ISOLATION"], config=config,
        headers=by_headers or "headers" in included(options), multi_topic="topic" in included(options),
        metadata_interval_s=max(0.1, refresh_ms / 1000))


def _partitions_of(topics: Mapping[str, TopicInfo], chosen: Sequence[int] | None) -> list[TP]:
    if chosen is not None:
        for partition in chosen:
            if not any(partition in t.partitions for t in topics.values()):
                name = next(iter(topics))
                raise NotFoundError(f"topic {name} has no partition {partition}",
                                    hint=f"partitions: {', '.join(map(str, topics[name].partitions))}")
    return [(t.name, p) for t in topics.values() for p in t.partitions if chosen is None or p in chosen]


__all__ = ["Building", "check_config", "created_note"]
