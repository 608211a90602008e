"""The text of an Avro schema as a tree of nodes, within limits.

Invariant: a tree is finite and small. No record stands inside itself, at most 32 levels lie below a column, and all its fields written
out are at most 5,000, also where named types are used again and again; so walking a tree needs no guard of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kshell.decode.schema_types import tree_of
from kshell.decode.types import MOST_LEVELS
from kshell.decode.unusable import Unusable
from kshell.decode.verdict import RECORD_BYTES
from kshell.schemas.values import Schema

MOST_FIELDS = 5_000
MOST_NESTING = 200                            # of the text, where a type may be wrapped without being a level
PRIMITIVES = {"null": 0, "boolean": 1, "int": 1, "long": 1, "float": 4, "double": 8, "bytes": 1, "string": 1}   # -> fewest bytes
_ON = {"int": {"date", "time-millis"}, "string": {"uuid"}, "fixed": {"uuid", "decimal", "duration"}, "bytes": {"decimal"},
       "long": {"time-micros", "timestamp-millis", "timestamp-micros", "timestamp-nanos",
                "local-timestamp-millis", "local-timestamp-micros", "local-timestamp-nanos"}}
_SIZES = {"uuid": 16, "duration": 12}         # of the fixed that a logical type annotates


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One type. `logical` only where it changes the meaning: unknown or wrong ones are ignored, as Avro asks."""

    kind: str                                 # null, ..., string, fixed, enum, record, array, map, union
    least: int                                # the fewest bytes that a value takes
    logical: str = ""
    precision: int = 0                        # decimal
    scale: int = 0
    size: int = 0                             # fixed
    name: str = ""                            # full name of record, enum, fixed
    symbols: tuple[str, ...] = ()
    fields: tuple[tuple[str, Node], ...] = () # record: by name; array, map: the one item; union: the branches
    total: int = 0                            # fields and branches, written out
    levels: int = 0                           # below and including this one

    @property
    def item(self) -> Node:
        return self.fields[0][1]

    @property
    def branches(self) -> list[Node]:
        """Of a union those that are not null, else the node itself."""
        return [n for _, n in self.fields if n.kind != "null"] if self.kind == "union" else [self]


def parse(schema: Schema) -> Node:
    """The tree. Unusable: it is recursive, too large, or no Avro schema."""
    if schema.kind != "avro":
        raise Unusable("TYPE_UNSUPPORTED", f"{titled(schema)}: it is a {schema.kind} schema, not one of Avro.",
                       hint="use the FORMAT that writes it")
    try:
        return _Parser(titled(schema)).run(schema)
    except RecursionError:
        raise Unusable("SCHEMA_TOO_LARGE", f"{titled(schema)}: its text is nested too deeply.") from None


def titled(schema: Schema) -> str:
    """`Schema "orders-value" (id 42)`."""
    parts = ["Schema", f'"{schema.subject}"' if schema.subject else "", f"(id {schema.id})" if schema.id is not None else ""]
    return " ".join(p for p in parts if p)


class _Parser:
    """`_open` holds the records around the place that is being read, each with the path from it."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._named: dict[str, Node] = {}
        self._open: list[tuple[str, list[str]]] = []
        self._read: set[tuple[str, int]] = set()

    def run(self, schema: Schema) -> Node:
        for reference in schema.references:
            if (reference.subject, reference.version) not in self._read:
                self._read.add((reference.subject, reference.version))
                self.run(reference.schema)
        try:
            found = tree_of(schema.text)
        except ValueError:
            raise self.wrong("its text is no JSON of valid Unicode") from None
        node = self.node(found, "", 0)
        return self.checked(node) if node.kind == "record" else self.checked(node, MOST_LEVELS)

    def wrong(self, what: str) -> Unusable:
        return Unusable("TYPE_UNSUPPORTED", f"{self._title}: {what}, so it is no Avro schema.", hint="correct the schema")

    def node(self, tree: Any, space: str, nesting: int) -> Node:
        if nesting > MOST_NESTING:
            raise RecursionError
        if isinstance(tree, str):
            return self.known(tree, space)
        if isinstance(tree, list):
            return self.checked(self.union([self.node(branch, space, nesting + 1) for branch in tree]))
        if not isinstance(tree, dict) or "type" not in tree:
            raise self.wrong("a type is neither a name nor an object with a type")
        kind = tree["type"]
        if not isinstance(kind, str):
            return self.node(kind, space, nesting + 1)
        if kind in ("record", "error"):
            return self.record(tree, space, nesting)
        if kind in ("array", "map"):
            return self.checked(self.repeated(kind, tree, space, nesting))
        if kind in ("enum", "fixed"):
            return self.define(*self.flat(kind, tree, space))
        return logical(self.known(kind, space), tree)

    def known(self, name: str, space: str) -> Node:
        if name in PRIMITIVES:
            return Node(name, PRIMITIVES[name])
        full = name if "." in name or not space else f"{space}.{name}"
        for candidate in (full, name):
            path = next((path for open_, path in self._open if open_ == candidate), None)
            if path is not None:
                short = candidate.rpartition(".")[2]
                raise Unusable("TYPE_RECURSIVE", f"{self._title}: record {short} contains itself at {short}{''.join(path)}. "
                                              "Recursive schemas are not supported.")
            if candidate in self._named:
                return self._named[candidate]
        raise self.wrong(f"there is no type {full[:80]}")

    # ---- named types ----------------------------------------------------------------------------------------------

    def record(self, tree: dict[str, Any], space: str, nesting: int) -> Node:
        full = self.full(tree, space)
        inner = full.rpartition(".")[0]
        listed = tree.get("fields")
        if not isinstance(listed, list):
            raise self.wrong(f"record {full[:80]} has no fields")
        self._open.append((full, []))
        fields: list[tuple[str, Node]] = []
        for field in listed:
            if not isinstance(field, dict) or not isinstance(field.get("name"), str) or "type" not in field:
                raise self.wrong(f"a field of {full[:80]} has no name or no type")
            with self.under(f".{field['name']}"):
                fields.append((field["name"], self.node(field["type"], inner, nesting + 1)))
        self._open.pop()
        if len({name for name, _ in fields}) < len(fields):
            raise self.wrong(f"record {full[:80]} has two fields of one name")
        least = sum(node.least for _, node in fields)
        return self.define(full, Node("record", least, name=full, fields=tuple(fields), total=_total(fields), levels=_levels(fields)))

    def flat(self, kind: str, tree: dict[str, Any], space: str) -> tuple[str, Node]:
        full = self.full(tree, space)
        if kind == "enum":
            symbols = tree.get("symbols")
            if not isinstance(symbols, list) or not all(isinstance(s, str) for s in symbols):
                raise self.wrong(f"enum {full[:80]} has no symbols")
            return full, Node("enum", 1, name=full, symbols=tuple(symbols))
        size = tree.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise self.wrong(f"fixed {full[:80]} has no size")
        if size > RECORD_BYTES:
            raise Unusable("SCHEMA_TOO_LARGE", f"{self._title}: fixed {full[:80]} is larger than a record may be.")
        return full, logical(Node("fixed", size, name=full, size=size), tree)

    def full(self, tree: dict[str, Any], space: str) -> str:
        name, own = tree.get("name"), tree.get("namespace", space)
        if not isinstance(name, str) or not name or not isinstance(own, str):
            raise self.wrong("a named type has no name")
        return name if "." in name or not own else f"{own}.{name}"

    def define(self, full: str, node: Node) -> Node:
        if full in self._named or full in PRIMITIVES:
            raise self.wrong(f"type {full[:80]} is defined twice")
        self._named[full] = self.checked(node)
        return node

    # ---- others -----------------------------------------------------------------------------------------------------

    def repeated(self, kind: str, tree: dict[str, Any], space: str, nesting: int) -> Node:
        inner = tree.get("items" if kind == "array" else "values")
        with self.under("[]" if kind == "array" else ".*"):
            item = self.node(inner, space, nesting + 1)
        return Node(kind, 1, fields=(("", item),), total=item.total, levels=item.levels + 1)

    def union(self, branches: Sequence[Node]) -> Node:
        kinds = [node.name or node.kind for node in branches]
        if not branches or len(set(kinds)) < len(kinds) or any(node.kind == "union" for node in branches):
            raise self.wrong("a union is empty, or has a branch twice, or a union as a branch")
        fields = [("", node) for node in branches]
        several = sum(node.kind != "null" for node in branches) > 1
        return Node("union", 1 + min(node.least for node in branches), fields=tuple(fields), total=_total(fields),
                    levels=_levels(fields) - (not several))

    def checked(self, node: Node, most_levels: int = MOST_LEVELS + 1) -> Node:
        """Around the columns stands one record more, which is no level of theirs."""
        if node.total > MOST_FIELDS:
            raise Unusable("SCHEMA_TOO_LARGE", f"{self._title}: more than {MOST_FIELDS:,} fields.")
        if node.levels > most_levels:
            raise Unusable("SCHEMA_TOO_LARGE", f"{self._title}: more than {MOST_LEVELS} levels.")
        return node

    def under(self, step: str) -> _Step:
        return _Step([path for _, path in self._open], step)


class _Step:
    """One step of all open paths, while it is taken."""

    def __init__(self, paths: list[list[str]], step: str) -> None:
        self._paths, self._step = paths, step

    def __enter__(self) -> None:
        for path in self._paths:
            path.append(self._step)

    def __exit__(self, *raised: object) -> None:
        for path in self._paths:
            path.pop()


def _total(fields: Iterable[tuple[str, Node]]) -> int:
    return sum(1 + node.total for _, node in fields)


def _levels(fields: Iterable[tuple[str, Node]]) -> int:
    return 1 + max((node.levels for _, node in fields), default=0)


def logical(node: Node, tree: dict[str, Any]) -> Node:
    """The node with the logical type that annotates it, if it is one that fits."""
    name = tree.get("logicalType")
    if not isinstance(name, str) or name not in _ON.get(node.kind, ()):
        return node
    if node.kind == "fixed" and _SIZES.get(name, node.size) != node.size:
        return node
    precision = scale = 0
    if name == "decimal":
        precision, scale = tree.get("precision", 0), tree.get("scale", 0)
        if not _decimal(precision, scale, node):
            return node
    return Node(node.kind, node.least, name, precision, scale, node.size, node.name)


def _decimal(precision: Any, scale: Any, node: Node) -> bool:
    if type(precision) is not int or type(scale) is not int or not 0 <= scale <= precision or precision < 1:
        return False
    largest = 2 ** (8 * min(node.size, 1_000)) // 2 - 1
    return node.kind == "bytes" or (node.size > 0 and precision < len(str(largest)))
