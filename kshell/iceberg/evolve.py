"""Columns of a table: added, grown and promoted, in a commit of its own before the first rows that need them.

Invariant: additive and optional only. Whoever comes first decides a column's type; the others find it there. One call sends one
request at a time, and an answer that is lost is found by looking again."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from pyiceberg.table import Table
from pyiceberg.table.update.schema import UpdateSchema
from pyiceberg.types import IcebergType, ListType, MapType, StructType

from kshell.columns import Column
from kshell.errors import DeadlineError, Error, UnreachableError
from kshell.iceberg import adapter, outcome
from kshell.iceberg.head import answered
from kshell.iceberg.mapping import brief, mapped, translate
from kshell.iceberg.schema import iceberg_type, table_columns, widened
from kshell.iceberg.values import Control, Identifier, Phase, Progress, Sink, Stop, StopState
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake

Wanted = Callable[[Sequence[Column]], Sequence[Column]]
Change = Callable[[UpdateSchema], object]
MOST_CONFLICTS = 5                            # in a row; then the caller comes again later


def add_columns(lake: Lake, identifier: Identifier, columns: Sequence[Column], control: Control) -> Table:
    """The table with these columns, however long that takes."""
    attempt = 0
    while not control.leave():
        attempt += 1
        table = lake.load(identifier)
        changes = list(_changes(table, columns))
        if not changes:
            return table
        try:
            return _send(lake, table, changes)
        except Exception as error:
            kind = outcome.classify(error, sending=True)
            control.report(Progress(Phase.RETRYING, attempt, brief(error), alarm=kind is outcome.Kind.ALARM))
            if kind is outcome.Kind.ALARM:
                raise translate(error, f"adding columns to {lake.qualified(identifier)}") from error
            control.wait(outcome.pause_s(kind, attempt))
    raise DeadlineError(f"columns were not added to {lake.qualified(identifier)} in time", hint="run the statement again")


def evolve(lake: Lake, sink: Sink, wanted: Wanted) -> tuple[int, tuple[Column, ...]]:
    """(schema id, columns) of the sink's table once it has what `wanted` says of its columns: asked again on each fresh look, because
    another process may have been first. UnreachableError: the outcome is not known; come again."""
    name = lake.qualified(sink.table)
    for _ in range(MOST_CONFLICTS):
        table = lake.load(sink.table)
        if str(table.metadata.table_uuid) != sink.table_uuid:
            raise Stop(StopState.TABLE_REPLACED, f"sink {sink.name}: table {name}: another table stands under its name",
                       f"DROP SINK {sink.name} FORCE, then CREATE SINK again")
        changes = list(_changes(table, wanted(table_columns(table.schema()))))
        if changes:
            try:
                table = _send(lake, table, changes)
            except Error:
                raise
            except Exception as error:
                if outcome.classify(error, sending=True) is outcome.Kind.CONFLICT:
                    continue
                raise UnreachableError(f"columns could not be added to {name}: {brief(error)}") from error
        return table.metadata.current_schema_id, table_columns(table.schema())
    raise UnreachableError(f"columns could not be added to {name}: others change it all the time")


def _send(lake: Lake, table: Table, changes: Sequence[Change]) -> Table:
    failpoint("schema.before_commit")
    with mapped(f"adding columns to {lake.qualified(table.name())}"):
        staged = _staged(table, changes)
    response = adapter.send(table, staged)
    failpoint("schema.after_commit")
    return answered(table, response)


def _staged(table: Table, changes: Sequence[Change]) -> adapter.Staged:
    """PyIceberg's type visitors fill caches while another thread may read them; the second time they are full."""
    try:
        return adapter.stage_schema(table, lambda update: [change(update) for change in changes])
    except RuntimeError:
        return adapter.stage_schema(table, lambda update: [change(update) for change in changes])


def _changes(table: Table, columns: Sequence[Column]) -> Iterator[Change]:
    """What the table lacks of these columns. A type that may not become the wanted one stays, and so does a wider one."""
    fields = {f.name: f for f in table.schema().fields}
    for column in columns:
        wanted = iceberg_type(column.type)
        if column.name in fields:
            yield from _grown((column.name,), fields[column.name].field_type, wanted)
        else:
            yield functools.partial(_add, (column.name,), wanted)


def _grown(path: tuple[str, ...], have: IcebergType, want: IcebergType) -> Iterator[Change]:
    match have, want:
        case StructType(), StructType():
            fields = {f.name: f.field_type for f in have.fields}
            for field in want.fields:
                inner = (*path, field.name)
                if field.name in fields:
                    yield from _grown(inner, fields[field.name], field.field_type)
                else:
                    yield functools.partial(_add, inner, field.field_type)
        case ListType(), ListType():
            yield from _grown((*path, "element"), have.element_type, want.element_type)
        case MapType(), MapType():
            yield from _grown((*path, "value"), have.value_type, want.value_type)
        case _ if widened(have, want):
            yield functools.partial(_promote, path, want)


def _add(path: tuple[str, ...], type_: IcebergType, update: UpdateSchema) -> None:
    # as a path: a dotted text would be read as a path into a struct
    update.add_column(path, type_, required=False)


def _promote(path: tuple[str, ...], type_: IcebergType, update: UpdateSchema) -> None:
    update.update_column(path, field_type=type_)
