"""Batches for binary formats: column names made unique, types that a format cannot hold made text or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa

from kshell.errors import BadValueError, UsageError
from kshell.output._base import Settings, Stream, unique
from kshell.output._shape import OutColumn, Shape
from kshell.output._values import bits, texts

_MOST_DIGITS = 38


def refuse_terminal(name: str, settings: Settings) -> None:
    if settings.terminal:
        raise UsageError(f"{name} is not for a terminal", hint=f"-o FILE.{name}, or a pipe")


def is_file(stream: Stream) -> bool:
    """Whether the bytes end up in a file of their own, rather than in a pipe."""
    seekable = getattr(stream, "seekable", None)
    return bool(seekable and seekable())


class Sink:
    """The stream as a file object for Arrow: it only ever appends."""

    closed = False

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._written = 0

    def write(self, data: bytes) -> int:
        self._stream.write(bytes(data))
        self._written += len(data)
        return len(data)

    def tell(self) -> int:
        return self._written

    def flush(self) -> None:
        self._stream.flush()

    def close(self) -> None:
        """The stream belongs to whoever opened it."""


class Adapter:
    """Turns the batches of a result into those of one schema. `as_text`: types this format does not know."""

    def __init__(self, columns: Sequence[OutColumn], as_text: Sequence[str]) -> None:
        self._columns = tuple(columns)
        self._names = unique([c.name for c in columns])
        self._text = [_must_be_text(c.shape, as_text) for c in columns]

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        arrays = [self._array(array, column, text) for array, column, text in zip(batch.columns, self._columns, self._text, strict=True)]
        return pa.RecordBatch.from_arrays(arrays, names=self._names)

    def _array(self, array: pa.Array, column: OutColumn, text: bool) -> pa.Array:
        kind = column.shape.id
        if text:
            return pa.array(texts(array, column.shape), type=pa.string())
        if kind == "bit":
            return pa.array([None if v is None else bits(v) for v in array.to_pylist()], type=pa.string())
        if kind in ("hugeint", "uhugeint"):
            return _huge(array, column)
        return array.dictionary_decode() if isinstance(array.type, pa.DictionaryType) else array

    def schema(self) -> pa.Schema:
        """For a result that gave no batch, so that its types are not known."""
        return pa.schema([pa.field(name, pa.null()) for name in self._names])


def _must_be_text(shape: Shape, as_text: Sequence[str]) -> bool:
    return shape.holds("bignum", *as_text) or (shape.nested and shape.holds("bit", "uhugeint"))


def _huge(array: pa.Array, column: OutColumn) -> pa.Array:
    """Both files know decimals of 38 digits; one more is an error, not another number."""
    written = texts(array, column.shape)
    if any(v is not None and len(v.lstrip("-")) > _MOST_DIGITS for v in written):
        raise BadValueError(f"column {column.name} holds a {column.type} of more than {_MOST_DIGITS} digits",
                            hint=f"cast it in the query: {column.name}::VARCHAR")
    return pa.array([None if v is None else Decimal(v) for v in written], type=pa.decimal128(_MOST_DIGITS, 0))
