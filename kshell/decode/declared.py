"""Declared columns: names, types and paths as a table can hold them, or what is said at CREATE.

Invariant: what `declare` gives differs by more than case, has no reserved name, and no dotted path twice."""

from __future__ import annotations

from collections.abc import Sequence

from kshell.columns import ICEBERG_RESERVED, Column, quote
from kshell.decode import names, paths
from kshell.decode.schema_types import recalled, renames
from kshell.decode.types import Type, printed, storage
from kshell.errors import BadValueError, RefusedError, StatementError
from kshell.lang.statements import ColumnDefinition


def declare(definitions: Sequence[ColumnDefinition]) -> tuple[Column, ...]:
    """The columns. Errors carry the position of the definition."""
    columns: list[Column] = []
    types: list[Type] = []
    taken: dict[str, str] = {}
    for definition in definitions:
        try:
            columns.append(_column(definition, taken))
            types.append(storage(definition.type, definition.name))
        except StatementError as error:
            raise error.at(definition.span.start, definition.span.end - definition.span.start) from None
    for definition, wanted in zip(definitions, names.assign([d.name for d in definitions], types), strict=True):
        if wanted != definition.name:
            raise RefusedError(f"Column {quote(definition.name)} spells the path of a field inside another column.",
                               hint=_another_name(definition)).at(definition.span.start)
    return tuple(columns)


def _column(definition: ColumnDefinition, taken: dict[str, str]) -> Column:
    name = definition.name
    if names.reserved(name):
        owner = "Iceberg" if name.lower() in ICEBERG_RESERVED else "kshell"
        raise RefusedError(f"NAME_RESERVED: Column {quote(name)} is reserved by {owner}.", hint=_another_name(definition))
    if not name or not names.nameable(name):
        raise BadValueError("A column's name is 1 to 255 bytes without control characters.", hint=_another_name(definition))
    if name.lower() in taken:
        raise BadValueError(f"Column {quote(name)} is declared twice; names ignore case, and {quote(taken[name.lower()])} is there.",
                            hint=f"give it another name: ({name}_1 {definition.type} FROM '{_path(definition)}')")
    taken[name.lower()] = name
    type_ = storage(definition.type, name)
    path = paths.parse(definition.path, name) if definition.path is not None else ()
    return Column(name, printed(type_), () if path == (name,) else path, type_.json, definition.not_null, definition.type,
                  tuple(renames(recalled(type_))))


def _path(definition: ColumnDefinition) -> str:
    return definition.path or paths.spell((definition.name,))


def _another_name(definition: ColumnDefinition) -> str:
    word = "".join(c if c.isalnum() else "_" for c in definition.name).strip("_") or "column"
    return f"give it another name: ({word}_name {definition.type} FROM '{_path(definition)}')"
