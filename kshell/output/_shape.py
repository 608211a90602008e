"""Shape: the type of a column as a tree, because Arrow alone does not tell UHUGEINT from DECIMAL or BIT from BLOB.

Invariant: a shape names DuckDB's type; the Arrow array beside it is what DuckDB's export makes of that type."""

from __future__ import annotations

from dataclasses import dataclass

NESTED = frozenset({"struct", "list", "array", "map", "union", "row"})


@dataclass(frozen=True, slots=True)
class Shape:
    """`id` is DuckDB's lower-case type id, `json` for its JSON alias, `row` for a struct whose fields have no names."""

    id: str
    fields: tuple[tuple[str, Shape], ...] = ()

    @property
    def nested(self) -> bool:
        return self.id in NESTED

    @property
    def numeric(self) -> bool:
        return self.id in NUMERIC

    def holds(self, *ids: str) -> bool:
        """Whether this type or one inside it is one of `ids`."""
        return self.id in ids or (bool(self.fields) and any(inner.holds(*ids) for _, inner in self.fields))


NUMERIC = frozenset({"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint",
                     "float", "double", "decimal", "bignum"})
TEXT = Shape("varchar")


@dataclass(frozen=True, slots=True)
class OutColumn:
    """A column of a result: its name and its DuckDB type, as text and as a tree."""

    name: str
    type: str
    shape: Shape = TEXT
