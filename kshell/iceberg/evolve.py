"""Adding columns: a commit of its own, before the first rows that need them.

Invariant: additive and optional only. Whoever comes first decides a column's type; the others find it there."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

from pyiceberg.table import Table
from pyiceberg.table.update.schema import UpdateSchema

from kshell.columns import Column
from kshell.errors import DeadlineError
from kshell.iceberg import adapter, outcome
from kshell.iceberg.mapping import brief, mapped, translate
from kshell.iceberg.schema import iceberg_type
from kshell.iceberg.values import Control, Identifier, Phase, Progress
from kshell.testing import failpoint

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake


def add_columns(lake: Lake, identifier: Identifier, columns: Sequence[Column], control: Control) -> Table:
    """The table with these columns. An attempt whose answer is lost is found by looking again."""
    attempt = 0
    while not control.leave():
        attempt += 1
        table = lake.load(identifier)
        lacking = [c for c in columns if c.name not in {f.name for f in table.schema().fields}]
        if not lacking:
            return table
        failpoint("schema.before_commit")
        with mapped(f"adding columns to {lake.qualified(identifier)}"):
            staged = adapter.stage_schema(table, functools.partial(_add, lacking))
        try:
            adapter.send(table, staged)
            failpoint("schema.after_commit")
        except Exception as error:
            kind = outcome.classify(error, sending=True)
            control.report(Progress(Phase.RETRYING, attempt, brief(error), alarm=kind is outcome.Kind.ALARM))
            if kind is outcome.Kind.ALARM:
                raise translate(error, f"adding columns to {lake.qualified(identifier)}") from error
            control.wait(outcome.pause_s(kind, attempt))
    raise DeadlineError(f"columns were not added to {lake.qualified(identifier)} in time", hint="run the statement again")


def _add(columns: Sequence[Column], update: UpdateSchema) -> None:
    for column in columns:
        # As a path of one name: a dotted text would be read as a path into a struct.
        update.add_column((column.name,), iceberg_type(column.type), required=False)
