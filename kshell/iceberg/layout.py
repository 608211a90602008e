"""PARTITION_BY and SORT_BY: their words, and the Iceberg spec and sort order they mean.

Invariant: a partition field is named `<column>_<transform>`, never `partition`, which breaks the metadata tables of Java Iceberg."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table.sorting import NullOrder, SortDirection, SortField, SortOrder
from pyiceberg.transforms import (
    BucketTransform,
    DayTransform,
    HourTransform,
    IdentityTransform,
    MonthTransform,
    Transform,
    TruncateTransform,
    YearTransform,
)
from pyiceberg.types import NestedField

from kshell.errors import BadValueError, did_you_mean

_CALENDAR: dict[str, type[Any]] = {"year": YearTransform, "month": MonthTransform, "day": DayTransform, "hour": HourTransform}
_SIZED: dict[str, type[Any]] = {"bucket": BucketTransform, "truncate": TruncateTransform}
_FIRST_FIELD_ID = 1000                        # the specification's
_CALL = re.compile(r"\s*(\w+)\s*\(\s*(?:(\d+)\s*,\s*)?(.+?)\s*\)\s*", re.DOTALL)
_SORT = re.compile(r"\s*(.+?)(?:\s+(asc|desc))?(?:\s+nulls\s+(first|last))?\s*", re.DOTALL | re.IGNORECASE)


def partition_spec(terms: Sequence[str], schema: Schema) -> PartitionSpec:
    """`day(ts)`, `bucket(16, id)`, `truncate(4, name)`, or a column."""
    fields: list[PartitionField] = []
    for term in terms:
        word, transform, column = _transform(term)
        field = _field(column, schema, term)
        if not transform.can_transform(field.field_type):
            raise BadValueError(f"PARTITION_BY {term}: {word} cannot be taken of {field.field_type}",
                                hint=f"{word} takes a date or a time: declare {column} TIMESTAMPTZ, or partition by another column"
                                if word in _CALENDAR else None)
        name = _free_name(f"{column.replace('.', '_')}_{word}", schema, fields)
        fields.append(PartitionField(source_id=field.field_id, field_id=_FIRST_FIELD_ID + len(fields), transform=transform, name=name))
    return PartitionSpec(*fields)


def _transform(term: str) -> tuple[str, Transform[Any, Any], str]:
    call = _CALL.fullmatch(term)
    if call is None:
        return "identity", IdentityTransform(), unquoted(term)
    word, size, column = call.group(1).lower(), call.group(2), unquoted(call.group(3))
    if word in _CALENDAR and size is None:
        return word, _CALENDAR[word](), column
    if word in _SIZED and size is not None and int(size) > 0:
        return word, _SIZED[word](int(size)), column
    if word == "identity" and size is None:
        return word, IdentityTransform(), column
    known = [*_CALENDAR, *_SIZED, "identity"]
    if word in _SIZED:
        raise BadValueError(f"PARTITION_BY {term}: {word} needs a size", hint=f"write '{word}(16, {column})'")
    hint = did_you_mean(word, known) or f"one of {', '.join(known)}"
    raise BadValueError(f"PARTITION_BY {term}: there is no transform {word}", hint=hint)


def sort_order(terms: Sequence[str], schema: Schema) -> SortOrder:
    """`ts`, `ts DESC`, `ts DESC NULLS LAST`."""
    return SortOrder(*(_sort_field(term, schema) for term in terms))


def _sort_field(term: str, schema: Schema) -> SortField:
    parts = _SORT.fullmatch(term)
    assert parts is not None
    direction = SortDirection.DESC if (parts.group(2) or "").lower() == "desc" else SortDirection.ASC
    nulls = {"first": NullOrder.NULLS_FIRST, "last": NullOrder.NULLS_LAST}.get((parts.group(3) or "").lower())
    field = _field(unquoted(parts.group(1)), schema, term)
    return SortField(source_id=field.field_id, transform=IdentityTransform(), direction=direction, null_order=nulls)


def unquoted(text: str) -> str:
    """A column as written in a term: `"a b"` is a b."""
    text = text.strip()
    return text[1:-1].replace('""', '"') if len(text) >= 2 and text[0] == text[-1] == '"' else text


def _field(column: str, schema: Schema, term: str) -> NestedField:
    try:
        field = schema.find_field(column, case_sensitive=True)
    except ValueError:
        names = [f.name for f in schema.fields]
        raise BadValueError(f"{term}: there is no column {column}", hint=did_you_mean(column, names)) from None
    if not field.field_type.is_primitive:
        raise BadValueError(f"{term}: column {column} is nested", hint=f"name a field of it: {column}.<field>")
    return field


def _free_name(wanted: str, schema: Schema, fields: Sequence[PartitionField]) -> str:
    taken = {f.name for f in fields} | {f.name for f in schema.fields}
    name, number = wanted, 1
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def same_spec(ours: PartitionSpec, theirs: PartitionSpec) -> bool:
    """Whether both partition alike, whatever the fields are called."""
    return [(f.source_id, str(f.transform)) for f in ours.fields] == [(f.source_id, str(f.transform)) for f in theirs.fields]


def same_order(ours: SortOrder, theirs: SortOrder) -> bool:
    return [(f.source_id, str(f.transform), f.direction) for f in ours.fields] == [
        (f.source_id, str(f.transform), f.direction) for f in theirs.fields]
