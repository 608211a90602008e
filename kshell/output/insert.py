"""INSERT statements that DuckDB reads back with the same values and types."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from kshell.columns import literal, quote
from kshell.output._base import Writer as Base
from kshell.output._base import unique
from kshell.output._nested import Encoder
from kshell.output._shape import OutColumn, Shape
from kshell.output._values import escaped, texts

EXTENSION = ".sql"
_BARE = frozenset({"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "boolean", "hugeint"})


class Writer(Base):
    def begin(self) -> None:
        names = unique([c.name for c in self.columns])
        # SQL has no escapes in names: one that cannot be shown is left to its place in the row
        listed = f" ({', '.join(map(quote, names))})" if all(map(str.isprintable, names)) else ""
        self._head = f"INSERT INTO {quote(self.settings.table)}{listed} VALUES ("

    def batch(self, batch: pa.RecordBatch) -> None:
        values = [_literals(array, column) for array, column in zip(batch.columns, self.columns, strict=True)]
        self.put("".join(f"{self._head}{', '.join(row)});\n" for row in zip(*values, strict=True)))


class _Sql(Encoder):
    null = "NULL"

    def leaf(self, array: pa.Array, shape: Shape) -> list[str]:
        if shape.id == "blob":
            return ["NULL" if v is None else f"{_quoted(escaped(v))}::BLOB" for v in array.to_pylist()]
        if shape.id == "interval":            # DuckDB does not read ISO 8601 intervals
            return ["NULL" if v is None else f"INTERVAL '{v.months} months {v.days} days {v.nanoseconds // 1000} microseconds'"
                    for v in array.to_pylist()]
        bare = shape.id in _BARE
        return ["NULL" if text is None else text if bare else _quoted(text) for text in texts(array, shape)]

    def struct(self, names: Sequence[str], values: Sequence[str]) -> str:
        return "{" + ", ".join(f"{_quoted(name)}: {value}" for name, value in zip(names, values, strict=True)) + "}"

    def row(self, values: Sequence[str]) -> str:
        return f"row({', '.join(values)})"

    def map(self, pairs: Sequence[tuple[str, str]], key: Shape) -> str:
        return "MAP {" + ", ".join(f"{k}: {v}" for k, v in pairs) + "}"

    def member(self, name: str, value: str) -> str:
        return value if value == "NULL" else f"union_value({quote(name)} := {value})"


_SQL = _Sql()


def _literals(array: pa.Array, column: OutColumn) -> list[str]:
    """A literal keeps its type by a cast, except where SQL's own literals have it."""
    written = _SQL.encode(array, column.shape)
    if column.shape.id in (*_BARE, "varchar", "blob", "interval"):
        return written
    return [text if text == "NULL" else f"{text}::{column.type}" for text in written]


def _quoted(text: str) -> str:
    """A literal on one line without control characters: those are written with chr()."""
    if all(char.isprintable() for char in text):
        return literal(text)
    parts = "".join(char if char.isprintable() else f"'||chr({ord(char)})||'" for char in text.replace("'", "''"))
    return f"('{parts}')"
