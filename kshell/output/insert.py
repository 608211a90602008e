"""INSERT statements that DuckDB reads back with the same values and types."""

from __future__ import annotations

import pyarrow as pa

from kshell.columns import literal, quote
from kshell.output._base import Writer as Base
from kshell.output._base import unique
from kshell.output._shape import OutColumn
from kshell.output._values import escaped, texts

EXTENSION = ".sql"
_BARE = frozenset({"tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "boolean", "hugeint"})


class Writer(Base):
    def begin(self) -> None:
        names = ", ".join(quote(name) for name in unique([c.name for c in self.columns]))
        self._head = f"INSERT INTO {quote(self.settings.table)} ({names}) VALUES ("

    def batch(self, batch: pa.RecordBatch) -> None:
        values = [_literals(array, column) for array, column in zip(batch.columns, self.columns, strict=True)]
        self.put("".join(f"{self._head}{', '.join(row)});\n" for row in zip(*values, strict=True)))


def _literals(array: pa.Array, column: OutColumn) -> list[str]:
    shape = column.shape
    if shape.id == "blob":
        return ["NULL" if v is None else f"{_quoted(escaped(v))}::BLOB" for v in array.to_pylist()]
    return ["NULL" if text is None else _literal(text, column) for text in texts(array, shape)]


def _literal(text: str, column: OutColumn) -> str:
    if column.shape.id in _BARE:
        return text
    if column.shape.id == "varchar":
        return _quoted(text)
    if column.shape.nested:
        return f"{_quoted(text)}::JSON::{column.type}"
    return f"{_quoted(text)}::{column.type}"


def _quoted(text: str) -> str:
    """A literal on one line without control characters: those are written with chr()."""
    if all(char.isprintable() for char in text):
        return literal(text)
    parts = "".join(char if char.isprintable() else f"'||chr({ord(char)})||'" for char in text.replace("'", "''"))
    return f"('{parts}')"
