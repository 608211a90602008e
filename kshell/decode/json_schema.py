"""Columns of a JSON Schema, draft-07 and 2020-12.

A node that no column type can hold is JSON text, with a notice that names it; what only restricts values (`required`, lengths, patterns)
is not looked at: kshell maps types, it does not validate.

Invariant: the result depends on the schema's text and its references alone, nothing is fetched, and what comes out is within the limits
of a table however often `$ref` names the same part."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kshell.decode.json_refs import Place, Places
from kshell.decode.paths import spell
from kshell.decode.schema_types import Field, inferred, struct, tree_of
from kshell.decode.types import JSON_TEXT, MOST_LEVELS, VARCHAR, Type
from kshell.decode.unusable import Unusable
from kshell.decode.values import Inference
from kshell.errors import RefusedError
from kshell.schemas.values import Schema

MOST_NODES = 5_000                            # that are looked at, each use of a shared part counted
_MOST_NOTICES = 20
_SCALARS = {"integer": Type("BIGINT"), "number": Type("DOUBLE"), "boolean": Type("BOOLEAN"), "string": VARCHAR}
_FORMATS = {"date-time": Type("TIMESTAMP WITH TIME ZONE"), "date": Type("DATE"), "time": Type("TIME"), "uuid": Type("UUID")}
# Keywords that say of what type a value is in a way that no column follows.
_BRANCHING = ("if", "then", "else", "not", "patternProperties", "$dynamicRef", "$recursiveRef")
_CHOICES = ("oneOf", "anyOf", "allOf")
_STRUCTURAL = frozenset({"type", "properties", "additionalProperties", "items", "prefixItems", "enum", "const", "format", *_BRANCHING,
                         *_CHOICES})


@dataclass(frozen=True, slots=True)
class _Nothing:
    """Only NULL stands there: no column."""


_NOTHING = _Nothing()
Found = Type | _Nothing


def infer(schema: Schema) -> Inference:
    """RefusedError: the schema is no JSON Schema of an object with properties, or beyond the limits."""
    try:
        fields, notices = _Reader(schema).top()
    except Unusable as unusable:
        raise RefusedError(f"{unusable.code}: {unusable.message}", hint=unusable.hint) from None
    return inferred(fields, notices)


def fields_of(schema: Schema) -> list[Field]:
    """The members of the top level with their types, as `schema_types.proposal` takes them. Unusable: as `infer` refuses it."""
    return _Reader(schema).top()[0]


class _Reader:
    def __init__(self, schema: Schema) -> None:
        if schema.kind != "json":
            raise Unusable("TYPE_UNSUPPORTED", f"it is a schema of kind {schema.kind}, not a JSON Schema", hint=f"FORMAT {schema.kind}")
        self._places = Places(_parsed(schema.text), [(r.name, _parsed(r.schema.text)) for r in _all_references(schema)])
        self._notices: list[str] = []
        self._seen = 0
        self._open: list[int] = []            # the parts that `$ref` has led into, by identity

    def top(self) -> tuple[list[Field], list[str]]:
        """What cannot be looked into at the top does not hide its properties: each record has them or not."""
        place = self._places.root
        for _ in range(MOST_LEVELS):          # `$ref`, or the one alternative that is not null, may lead to the object
            node = place.node
            if not isinstance(node, Mapping):
                break
            if isinstance(node.get("properties"), Mapping) and node["properties"]:
                return self._top_fields(place, node["properties"]), self._said()
            inner = self._single(place)
            if inner is None:
                break
            place = inner
        raise Unusable("TYPE_UNSUPPORTED", "the schema says of no object which properties it has, so there are no columns",
                       hint="declare columns, or read it as it is: FORMAT string")

    def _single(self, place: Place) -> Place | None:
        """What the node is another spelling of."""
        node = place.node
        if isinstance(node.get("$ref"), str):
            return self._places.find(place, node["$ref"])
        for word in _CHOICES:
            parts = node.get(word)
            rest = [part for part in parts if not _is_null(part)] if isinstance(parts, list) else []
            if len(rest) == 1:
                return place.inside(rest[0])
        return None

    def _top_fields(self, place: Place, properties: Mapping[str, Any]) -> list[Field]:
        looked_over = [word for word in (*_BRANCHING, *_CHOICES) if word in place.node]
        if looked_over:
            self._notices.append(f"{', '.join(looked_over)} at the top of the schema is not looked into: its properties are the columns")
        self._open.append(id(place.node))
        return list(self._fields(place, properties, (), 0))

    def _said(self) -> list[str]:
        more = len(self._notices) - _MOST_NOTICES
        return self._notices if more <= 0 else [*self._notices[:_MOST_NOTICES], f"{more} more parts of the schema are JSON text"]

    # ---- nodes -------------------------------------------------------------------------------------------------------

    def _fields(self, place: Place, properties: Mapping[str, Any], path: tuple[str, ...], level: int) -> Iterator[Field]:
        for key, node in properties.items():
            found = self._type(place.inside(node), (*path, key), level)
            if isinstance(found, Type):
                yield key, found

    def _type(self, place: Place, path: tuple[str, ...], level: int) -> Found:
        """`level`: structs, lists and maps around this node."""
        self._seen += 1
        if self._seen > MOST_NODES:
            raise Unusable("SCHEMA_TOO_LARGE", f"the schema has more than {MOST_NODES:,} parts, each use of a shared one counted")
        node = place.node
        if node is False:
            return _NOTHING
        if not isinstance(node, Mapping) or not {"$ref", *_STRUCTURAL} & set(node):
            return JSON_TEXT                  # true, {}: any value
        if "$ref" in node:
            return self._referred(place, path, level)
        if word := next((word for word in _BRANCHING if word in node), None):
            return self._text(path, word)
        if word := next((word for word in _CHOICES if word in node), None):
            return self._chosen(place, word, path, level)
        if "type" not in node and ("enum" in node or "const" in node):
            return self._listed(node, path)
        return self._typed(place, path, level)

    def _referred(self, place: Place, path: tuple[str, ...], level: int) -> Found:
        node = place.node
        beside = _STRUCTURAL & set(node)
        if beside and not self._places.draft7:
            return self._text(path, f"$ref together with {', '.join(sorted(beside))}")
        target = self._places.find(place, node["$ref"])
        if target is None:
            return self._text(path, f"{node['$ref']!s:.80} is not in the schema or its references")
        if id(target.node) in self._open:
            return self._text(path, "it contains itself")
        self._open.append(id(target.node))
        try:
            return self._type(target, path, level)
        finally:
            self._open.pop()

    def _chosen(self, place: Place, word: str, path: tuple[str, ...], level: int) -> Found:
        """T, or T and null."""
        parts, beside = place.node[word], _STRUCTURAL & (set(place.node) - {word})
        rest = [part for part in parts if not _is_null(part)] if isinstance(parts, list) else [None, None]
        if not rest and parts:
            return _NOTHING
        if len(rest) != 1 or beside:
            return self._text(path, word)
        return self._type(place.inside(rest[0]), path, level)

    def _listed(self, node: Mapping[str, Any], path: tuple[str, ...]) -> Found:
        values = node["enum"] if isinstance(node.get("enum"), list) else [node.get("const")]
        kinds = {_kind_of(value) for value in values if value is not None}
        if not kinds:
            return _NOTHING
        if kinds == {"integer", "number"}:
            kinds = {"number"}
        kind = kinds.pop()
        if kinds or kind not in _SCALARS:
            return self._text(path, "enum of several types" if kinds else f"enum of {kind}s")
        return _SCALARS[kind]

    def _typed(self, place: Place, path: tuple[str, ...], level: int) -> Found:
        node = place.node
        kinds = _kinds(node)
        if kinds == ["null"]:
            return _NOTHING
        kinds = [kind for kind in kinds if kind != "null"]
        if set(kinds) == {"integer", "number"}:
            kinds = ["number"]
        if len(kinds) != 1:
            return self._text(path, f"type {' or '.join(kinds)}" if kinds else "no type")
        if kinds[0] in ("object", "array") and level >= MOST_LEVELS:
            return self._text(path, f"it stands below {MOST_LEVELS} levels")
        match kinds[0]:
            case "object":
                return self._object(place, path, level)
            case "array":
                return self._array(place, path, level)
            case "string":
                return _FORMATS.get(str(node.get("format")), VARCHAR)
            case kind:
                return _SCALARS.get(kind) or self._text(path, f"type {kind!s:.40}")

    def _object(self, place: Place, path: tuple[str, ...], level: int) -> Found:
        properties, more = place.node.get("properties"), place.node.get("additionalProperties")
        maps = isinstance(more, Mapping) and bool(more)
        if isinstance(properties, Mapping) and properties:
            if maps:
                return self._text(path, "properties together with additionalProperties")
            made = struct(list(self._fields(place, properties, path, level + 1)))
            return made or self._text(path, "an object without a field that has a column")
        if not maps or properties is not None:
            return self._text(path, "an object without properties")
        value = self._type(place.inside(more), path, level + 1)
        return Type("MAP", fields=(("key", VARCHAR), ("value", value if isinstance(value, Type) else JSON_TEXT)))

    def _array(self, place: Place, path: tuple[str, ...], level: int) -> Found:
        items = place.node.get("items")
        if "prefixItems" in place.node or isinstance(items, list):
            return self._text(path, "an array with a type for each place")
        if not isinstance(items, Mapping) or not items:
            return self._text(path, "an array without items")
        item = self._type(place.inside(items), path, level + 1)
        return Type("LIST", fields=(("element", item),)) if isinstance(item, Type) else self._text(path, "an array of null")

    def _text(self, path: tuple[str, ...], why: str) -> Type:
        self._notices.append(f"{spell(path)} is JSON text: {why}")
        return JSON_TEXT


def _kinds(node: Mapping[str, Any]) -> list[str]:
    """What `type` says; without it what the other keywords are about."""
    told = node.get("type")
    if isinstance(told, list):
        return [str(kind) for kind in dict.fromkeys(map(str, told))]
    if told is not None:
        return [str(told)]
    about = (("object", ("properties", "additionalProperties")), ("array", ("items", "prefixItems")), ("string", ("format",)))
    return [kind for kind, words in about if any(word in node for word in words)]


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
    return "object"


def _is_null(node: Any) -> bool:
    return isinstance(node, Mapping) and (node.get("type") in ("null", ["null"]) or node.get("enum") == [None]
                                          or ("const" in node and node["const"] is None))


def _parsed(text: str) -> Any:
    try:
        return tree_of(text)
    except (ValueError, RecursionError):
        raise Unusable("TYPE_UNSUPPORTED", "the schema is no JSON that can be read, or not of valid Unicode") from None


def _all_references(schema: Schema) -> Iterable[Any]:
    for reference in schema.references:
        yield reference
        yield from _all_references(reference.schema)
