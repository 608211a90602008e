"""One sink of a session, and what its statement says as plain values for the table's side.

Invariant: pure values; nothing here starts, stops or writes anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell.columns import Column
from kshell.decode.names import named_by_rule
from kshell.errors import RefusedError
from kshell.iceberg import Created, Sink, SinkSpec, Stop, Unset
from kshell.options import Parsed
from kshell.query.reshape import Reshape
from kshell.session.included import included
from kshell.session.sources import Source

if TYPE_CHECKING:
    from kshell.flush.flusher import Flusher

_DECODER_REVISION = 1                         # raised when the verdict on a record changes


@dataclass(slots=True)
class SinkEntry:
    """A sink of this session. `flusher` is None while it may not write: before RESUME of a PAUSED one, and in a STOP state."""

    name: str
    id: str
    source: Source
    catalog_name: str
    table: tuple[str, ...]                    # namespace..., name
    options: Parsed
    definition: str
    select: str | None = None                 # of an AS SELECT sink, as written
    reshape: Reshape | None = None            # the same, understood
    replace: bool = False                     # CREATE OR REPLACE: an existing progress takes this definition
    created: Created | None = None
    flusher: Flusher | None = None
    stop: Stop | None = None

    @property
    def columns(self) -> tuple[Column, ...]:
        """What lands: payload columns, then metadata columns."""
        return self.reshape.columns if self.reshape is not None else self.source.segment_columns

    @property
    def table_name(self) -> str:
        return ".".join((self.catalog_name, *self.table))

    def state(self) -> str:
        if self.flusher is not None:
            return self.flusher.status().state
        return str(self.stop.state) if self.stop else "paused"

    def cure(self) -> str | None:
        if self.flusher is not None:
            return self.flusher.status().cure
        return self.stop.cure if self.stop else None

    def running(self) -> Flusher:
        """The thread that commits, or the reason why there is none."""
        if self.flusher is not None:
            return self.flusher
        if self.stop is not None:
            raise self.stop
        raise RefusedError(f"sink {self.name} is paused", hint=f"RESUME SINK {self.name}")


def spec_of(entry: SinkEntry) -> SinkSpec:
    options, source = entry.options, entry.source
    evolves = source.evolution is not None and entry.reshape is None
    keep = options["KEEP_SNAPSHOTS"] if "KEEP_SNAPSHOTS" in options.given else Unset.UNSET
    return SinkSpec(
        name=entry.name, id=entry.id, table=entry.table, columns=entry.columns,
        inferred=not source.declared and not entry.reshape,
        definition=entry.definition, errors_table=errors_table_of(entry), partition_by=_written_down(options, "PARTITION_BY"),
        sort_by=_written_down(options, "SORT_BY"), create_table=bool(options["CREATE_TABLE"]), keep_snapshots=keep,
        properties={k: str(v) for k,
                    v in (options["PROPERTIES"] or {}).items()}, durable=bool(options["DURABLE"]), compact=options["COMPACT"],
        replace=entry.replace, evolves=evolves, leaves_out=entry.reshape is not None or source.options["ON_ERROR"] == "skip")


def errors_table_of(entry: SinkEntry) -> tuple[str, ...] | None:
    quarantines = entry.source.options["ON_ERROR"] == "quarantine"
    if "ERRORS_TABLE" not in entry.options.given:
        return (*entry.table[:-1], f"{entry.table[-1]}__errors") if quarantines else None
    chosen = entry.options["ERRORS_TABLE"]
    if chosen is None:
        if quarantines:
            raise RefusedError("ERRORS_TABLE NULL would lose records that do not decode",
                               hint=f"create source {entry.source.name} with ON_ERROR skip or ON_ERROR fail, or leave ERRORS_TABLE out")
        return None
    names = tuple(chosen)
    if names[0] != entry.catalog_name:
        raise RefusedError(f"ERRORS_TABLE must be in the catalog of its table, {entry.catalog_name}",
                           hint=f"ERRORS_TABLE '{entry.table_name}__errors'")
    return names[1:]


def definition_of(source: Source, reshape: Reshape | None = None) -> str:
    """What decides which records are rows, as a hash: another one may not go on in the same table."""
    from kshell.iceberg.codec import definition_hash

    options = source.options
    # a name that the name rules give to a key is no choice of the user: SHOW CREATE writes it down, and has to make the same definition
    chosen = [(c, () if named_by_rule(c.name, c.path) else c.path) for c in source.columns if source.declared]
    shaped = [(c.name, list(path), c.not_null) for c, path in chosen if path or c.not_null]
    return definition_hash({
        "topics": source.pattern or list(source.topics), "partitions": options["PARTITIONS"], "format": options["FORMAT"],
        "key_format": options["KEY_FORMAT"], "include": sorted(included(options)), "on_error": options["ON_ERROR"],
        "decoder": _DECODER_REVISION, "paths": shaped, **({"transform": reshape.canonical} if reshape is not None else {}),
        **{name.lower(): options[name] for name in ("MESSAGE", "ENVELOPE") if options[name] is not None},
    })


def group_of(sink: Sink) -> str:
    return f"kshell-{sink.id}-{sink.table_uuid.replace('-', '')[:8]}"


def _written_down(options: Parsed, name: str) -> tuple[str, ...] | None:
    """None: the user did not say, so an existing table keeps what it has."""
    return tuple(options[name]) if name in options.given else None
