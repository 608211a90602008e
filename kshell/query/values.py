"""Arrow batches as Python rows, as DuckDB's own `fetchall()` would give them, without pytz.

Invariant: a value Python cannot hold (infinite dates, nanoseconds) arrives as its text, never as another value."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from kshell.output._shape import Shape
from kshell.output._values import bignum, bits, texts

_CONVERTED = ("map", "uuid", "hugeint", "uhugeint", "bit", "bignum", "json")
Convert = Callable[[Any], Any]


def python_columns(batch: pa.RecordBatch, shapes: Sequence[Shape]) -> Iterator[tuple[Any, ...]]:
    """The rows of a batch as tuples."""
    if not shapes:
        return iter(())
    return zip(*(_column(array, shape) for array, shape in zip(batch.columns, shapes, strict=True)), strict=True)


def _column(array: pa.Array, shape: Shape) -> list[Any]:
    try:
        values: list[Any] = array.to_pylist()
    except (ValueError, OverflowError):
        return texts(array, shape)
    if not shape.holds(*_CONVERTED):
        return values
    convert = _converter(shape)
    return [None if value is None else convert(value) for value in values]


def _converter(shape: Shape) -> Convert:
    """How one value that is not NULL becomes DuckDB's Python value."""
    if shape.id == "map":
        key, value = (_nullable(inner) for _, inner in shape.fields)
        return lambda pairs: {_hashable(key(k)): value(v) for k, v in pairs}
    if shape.id in ("list", "array"):
        item = _nullable(shape.fields[0][1])
        return lambda values: [item(v) for v in values]
    if shape.id == "struct":
        fields = {name: _nullable(inner) for name, inner in shape.fields}
        return lambda record: {name: fields[name](v) for name, v in record.items()}
    return _SCALARS.get(shape.id, lambda value: value)


def _nullable(shape: Shape) -> Convert:
    convert = _converter(shape)
    return lambda value: None if value is None else convert(value)


def _hashable(key: Any) -> Any:
    return repr(key) if isinstance(key, list | dict) else key


def _unsigned(value: Decimal) -> int:
    """Arrow carries the 128 bits of a UHUGEINT as a signed decimal."""
    return int(value) % (1 << 128)


_SCALARS: dict[str, Convert] = {"uuid": uuid.UUID, "hugeint": int, "uhugeint": _unsigned, "bit": bits, "bignum": bignum}
