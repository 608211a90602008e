"""ALTER SOURCE: options, positions and columns of a source that runs.

Invariant: what decides which records are rows of a sink does not change while the source feeds one."""

from __future__ import annotations

from collections.abc import Sequence

from kshell import decode
from kshell.decode.discovery import ONE_COLUMN
from kshell.errors import ConflictError, ExistsError, NotFoundError, RefusedError, did_you_mean
from kshell.lang import declared
from kshell.lang.statements import AlterSource
from kshell.options import Parsed, Position, canonical
from kshell.options import read as read_value
from kshell.session import positions
from kshell.session.context import Context
from kshell.session.evolution import merged
from kshell.session.growth import Growth
from kshell.session.source import Source


class Altering:
    def __init__(self, context: Context, growth: Growth) -> None:
        self._context, self._growth = context, growth

    def alter(self, source: Source, statement: AlterSource, used_by: Sequence[str]) -> str:
        """The note for the user. `used_by`: the sinks that the source feeds."""
        match statement.action:
            case "set" | "reset":
                return self._set(source, statement, used_by)
            case "seek":
                return self._seek(source, statement, used_by)
            case "add_column":
                return self._add_column(source, statement, used_by)
            case "drop_column":
                return self._drop_column(source, str(statement.to), used_by)
            case _:
                raise RefusedError(f"ALTER SOURCE ... {statement.action.replace('_', ' ').upper()} is not built yet",
                                   hint=f"CREATE OR REPLACE SOURCE {source.name} ... reads the topic again under another definition")

    def _set(self, source: Source, statement: AlterSource, used_by: Sequence[str]) -> str:
        changed = (declared.SOURCE.changes(statement.options, self._context.resolve, zone=self._context.zone()) if statement.action == "set"
                   else declared.SOURCE.reset(statement.keys))
        if used_by and "ON_ERROR" in changed:
            raise ConflictError(f"ON_ERROR of {source.name} decides which records are rows of the sink {used_by[0]}",
                                hint=f"DROP SINK {used_by[0]} first")
        soft = {"RETAIN_BYTES", "RETAIN_ROWS", "RETAIN_TIME"}
        hard = [k for k in changed if k not in soft]
        if hard:
            raise RefusedError(f"{hard[0]} cannot change while source {source.name} runs",
                               hint=f"CREATE OR REPLACE SOURCE {source.name} ...")
        source.options = Parsed({**source.options, **changed}, source.options.given | changed.given, source.options.spans)
        source.buffer.set_retention(retain_bytes=source.options["RETAIN_BYTES"], retain_rows=source.options["RETAIN_ROWS"],
                                    retain_time_s=source.options["RETAIN_TIME"])
        return f"source {source.name} altered"

    def _seek(self, source: Source, statement: AlterSource, used_by: Sequence[str]) -> str:
        if used_by:
            raise ConflictError(f"source {source.name} feeds the sink {used_by[0]}, whose table knows where to go on",
                                hint=f"DROP SINK {used_by[0]} first")
        kind = declared.SOURCE["START"].kind
        position: Position = read_value(kind, statement.to, self._context.resolve, what="SEEK TO", zone=self._context.zone())
        tps = list(source.ingest.status().partitions)
        offsets = positions.resolve(source.cluster, position, tps, committed=source.options["ISOLATION"] == "read_committed")
        source.buffer.restart(offsets)
        return f"source {source.name} reads again from {canonical(position.kind).lower()}"

    def _add_column(self, source: Source, statement: AlterSource, used_by: Sequence[str]) -> str:
        """The table first. What is buffered is read again, as far as Kafka has it; rows that have landed stay NULL."""
        assert statement.column is not None
        column, = decode.declare([statement.column])
        _require_columns(source)
        if any(c.name.lower() == column.name.lower() for c in source.segment_columns):
            raise ExistsError(f"source {source.name} has a column {column.name} already", hint=f"DESCRIBE SOURCE {source.name} lists them")
        if used_by and (column.path or column.not_null):
            raise ConflictError(f"FROM and NOT NULL decide which records are rows of the sink {used_by[0]}",
                                hint=f"DROP SINK {used_by[0]} first; a column of the field's own name and type can be added")
        with source.changing():
            table = self._growth.on_evolve(source, lambda have: [column])
            self._growth.read_again(source, merged(source.columns, [column], table))
        return f"source {source.name}: column {column.name} added"

    def _drop_column(self, source: Source, name: str, used_by: Sequence[str]) -> str:
        _require_columns(source)
        kept = [c for c in source.columns if c.name.lower() != name.lower()]
        if len(kept) == len(source.columns):
            raise NotFoundError(f"source {source.name} has no column {name}", named=name,
                                hint=did_you_mean(name, [c.name for c in source.columns]) or f"DESCRIBE SOURCE {source.name} lists them")
        if used_by:
            raise ConflictError(f"source {source.name} feeds the sink {used_by[0]}, whose table keeps its columns",
                                hint=f"DROP SINK {used_by[0]} first")
        if source.evolution is not None:
            raise RefusedError(f"the next record with {name} would bring the column back",
                               hint=f"CREATE OR REPLACE SOURCE {source.name} ... with SCHEMA_EVOLUTION none")
        if not kept:
            raise RefusedError(f"{name} is the only column of source {source.name}", hint=f"DROP SOURCE {source.name}")
        with source.changing():
            self._growth.read_again(source, kept)
        return f"source {source.name}: column {name} dropped"


def _require_columns(source: Source) -> None:
    if source.options["FORMAT"] in ONE_COLUMN:
        raise RefusedError(f"FORMAT {source.options['FORMAT']} has one column, value", hint="use FORMAT json")


__all__ = ["Altering"]
