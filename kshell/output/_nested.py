"""The walk through nested Arrow arrays, one column at a time; what is written at each step is the subclass's.

Invariant: offsets and validity of sliced arrays are respected, so value i belongs to row i."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import pyarrow as pa

from kshell.output._shape import Shape


class Encoder:
    """Subclasses say how leaves and the frames around them are written."""

    null = "null"

    def leaf(self, array: pa.Array, shape: Shape) -> list[str]:
        raise AssertionError("every encoder writes leaves")

    def items(self, items: Sequence[str]) -> str:
        return f"[{','.join(items)}]"

    def struct(self, names: Sequence[str], values: Sequence[str]) -> str:
        raise AssertionError("every encoder writes structs")

    def row(self, values: Sequence[str]) -> str:
        return self.items(values)

    def map(self, pairs: Sequence[tuple[str, str]], key: Shape) -> str:
        raise AssertionError("every encoder writes maps")

    def member(self, name: str, value: str) -> str:
        """A value of a union."""
        return value

    def encode(self, array: pa.Array, shape: Shape) -> list[str]:
        """The text of every value, `null` for NULL."""
        if pa.types.is_null(array.type):
            return [self.null] * len(array)
        walk = {"list": self._lists, "array": self._arrays, "struct": self._structs, "row": self._rows, "map": self._maps,
                "union": self._unions}
        return walk[shape.id](array, shape) if shape.nested else self.leaf(array, shape)

    def _lists(self, array: pa.Array, shape: Shape) -> list[str]:
        items = self.encode(array.values, shape.fields[0][1])
        return [self.items(items[a:b]) if ok else self.null for (a, b), ok in zip(_bounds(array), _valid(array), strict=True)]

    def _arrays(self, array: pa.Array, shape: Shape) -> list[str]:
        size = array.type.list_size
        items = self.encode(array.values, shape.fields[0][1])
        return [self.items(items[i * size:(i + 1) * size]) if ok else self.null for i, ok in enumerate(_valid(array), start=array.offset)]

    def _structs(self, array: pa.Array, shape: Shape) -> list[str]:
        names = [name for name, _ in shape.fields]
        return [self.struct(names, row) if ok else self.null for row, ok in self._fields(array, shape)]

    def _rows(self, array: pa.Array, shape: Shape) -> list[str]:
        return [self.row(row) if ok else self.null for row, ok in self._fields(array, shape)]

    def _fields(self, array: pa.Array, shape: Shape) -> Iterator[tuple[Sequence[str], bool]]:
        columns = [self.encode(array.field(i), inner) for i, (_, inner) in enumerate(shape.fields)]
        return zip(zip(*columns, strict=True), _valid(array), strict=True)

    def _maps(self, array: pa.Array, shape: Shape) -> list[str]:
        (_, key), (_, value) = shape.fields
        pairs = list(zip(self.encode(array.keys, key), self.encode(array.items, value), strict=True))
        return [self.map(pairs[a:b], key) if ok else self.null for (a, b), ok in zip(_bounds(array), _valid(array), strict=True)]

    def _unions(self, array: pa.Array, shape: Shape) -> list[str]:
        members = [self.encode(array.field(i), inner) for i, (_, inner) in enumerate(shape.fields)]
        return [self.member(shape.fields[code][0], members[code][row]) for row, code in enumerate(array.type_codes.to_pylist())]


def _valid(array: pa.Array) -> list[bool]:
    flags: list[bool] = array.is_valid().to_pylist()
    return flags


def _bounds(array: pa.Array) -> Iterator[tuple[int, int]]:
    return pairwise(array.offsets.to_pylist())
