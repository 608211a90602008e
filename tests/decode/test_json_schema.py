"""JSON Schema into columns: one case for each row of the mapping, what is said about the rest, and the limits."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.decode import infer_schema
from kshell.decode.json_schema import MOST_NODES
from kshell.decode.types import of
from kshell.errors import RefusedError
from kshell.schemas import Reference, Schema

TEXT = "VARCHAR"
POINT = {"type": "object", "properties": {"lat": {"type": "number"}}}


def schema(node: Any, *references: Reference, draft: str = "http://json-schema.org/draft-07/schema#", **more: Any) -> Schema:
    tree = {"$schema": draft, "type": "object", "properties": {"c": node}, **more}
    return Schema("json", json.dumps(tree), subject="t-value", references=references)


def column(node: Any, *references: Reference, **more: Any) -> str | None:
    """The type of a column with this schema, JSON text as `JSON`; None: there is no column."""
    columns = infer_schema("json", schema(node, *references, **more)).columns
    return ("JSON" if columns[0].json_text else (columns[0].declared or columns[0].type).replace('"', "")) if columns else None


ROWS: list[tuple[Any, str | None]] = [
    # integer / number / boolean
    ({"type": "integer"}, "BIGINT"), ({"type": "number"}, "DOUBLE"), ({"type": "boolean"}, "BOOLEAN"),
    ({"type": ["integer", "number"]}, "DOUBLE"),
    # string, and its formats
    ({"type": "string"}, "VARCHAR"), ({"type": "string", "format": "date-time"}, "TIMESTAMP WITH TIME ZONE"),
    ({"type": "string", "format": "date"}, "DATE"), ({"type": "string", "format": "time"}, "TIME"),
    ({"type": "string", "format": "uuid"}, "UUID"), ({"type": "string", "format": "email", "maxLength": 5, "pattern": "x"}, "VARCHAR"),
    ({"format": "date"}, "DATE"),
    # enum, const: the type of the values
    ({"enum": ["a", "b"]}, "VARCHAR"), ({"enum": [1, 2, None]}, "BIGINT"), ({"enum": [1, 2.5]}, "DOUBLE"), ({"const": True}, "BOOLEAN"),
    ({"enum": ["a", 1]}, "JSON"), ({"enum": [{"a": 1}]}, "JSON"), ({"type": "string", "enum": ["a"]}, "VARCHAR"),
    # null, and T or null
    ({"type": "null"}, None), ({"const": None}, None), ({"enum": [None]}, None), ({"oneOf": [{"type": "null"}]}, None),
    ({"type": ["integer", "null"]}, "BIGINT"), ({"type": ["null", "string"], "format": "date"}, "DATE"),
    ({"oneOf": [{"type": "null"}, {"type": "string"}]}, "VARCHAR"), ({"anyOf": [{"type": "number"}, {"type": "null"}]}, "DOUBLE"),
    ({"anyOf": [POINT, {"const": None}]}, "STRUCT(lat DOUBLE)"), ({"oneOf": [{"type": "string"}]}, "VARCHAR"),
    # array
    ({"type": "array", "items": {"type": "integer"}}, "BIGINT[]"), ({"items": {"type": "string"}}, "VARCHAR[]"),
    ({"type": "array", "items": POINT}, "STRUCT(lat DOUBLE)[]"),
    ({"type": "array"}, "JSON"), ({"type": "array", "items": {}}, "JSON"), ({"type": "array", "items": [{"type": "string"}]}, "JSON"),
    ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "string"}}, "JSON"),
    ({"type": "array", "items": {"type": "null"}}, "JSON"),
    ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}}, "JSON[]"),
    # object with properties
    (POINT, "STRUCT(lat DOUBLE)"), ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, "STRUCT(a VARCHAR)"),
    ({**POINT, "additionalProperties": False}, "STRUCT(lat DOUBLE)"), ({**POINT, "additionalProperties": True}, "STRUCT(lat DOUBLE)"),
    ({"type": "object", "properties": {}}, "JSON"), ({"type": "object"}, "JSON"),
    ({"type": "object", "properties": {"n": {"type": "null"}}}, "JSON"),
    # additionalProperties only: a map; both kinds: JSON text
    ({"type": "object", "additionalProperties": {"type": "number"}}, "MAP(VARCHAR, DOUBLE)"),
    ({"type": "object", "additionalProperties": POINT}, "MAP(VARCHAR, STRUCT(lat DOUBLE))"),
    ({**POINT, "additionalProperties": {"type": "number"}}, "JSON"), ({"type": "object", "additionalProperties": {}}, "JSON"),
    # any value
    (True, "JSON"), ({}, "JSON"), ({"description": "anything"}, "JSON"), (False, None),
    # what branches
    ({"oneOf": [{"type": "string"}, {"type": "integer"}]}, "JSON"), ({"anyOf": [POINT, {"type": "string"}, {"type": "null"}]}, "JSON"),
    ({"allOf": [POINT, {"type": "object", "properties": {"b": {"type": "string"}}}]}, "JSON"),
    ({"type": "string", "if": {"const": "a"}, "then": {}}, "JSON"), ({"type": "string", "not": {"const": "a"}}, "JSON"),
    ({"type": "object", "patternProperties": {"^x": {"type": "string"}}}, "JSON"), ({"$dynamicRef": "#node"}, "JSON"),
    ({**POINT, "oneOf": [{"required": ["lat"]}, {"required": ["lon"]}]}, "JSON"), ({"type": ["string", "integer"]}, "JSON"),
    # what restricts only
    ({"type": "integer", "minimum": 1, "default": 7, "multipleOf": 2}, "BIGINT"),
]


@pytest.mark.parametrize("draft", ["http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2020-12/schema"])
@pytest.mark.parametrize(("node", "type_"), ROWS, ids=lambda value: json.dumps(value)[:60])
def test_a_node_has_the_type_of_the_mapping(node: Any, type_: str | None, draft: str) -> None:
    assert column(node, draft=draft) == type_


@pytest.mark.parametrize(("node", "said"), [
    ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "$.c is JSON text: anyOf"), ({"type": "array"}, "an array without items"),
    ({"type": "object", "properties": {"d": {"not": {}}}}, "$.c.d is JSON text: not"), ({"enum": [1, "a"]}, "enum of several types"),
    ({"type": "object"}, "an object without properties"), ({"$ref": "#/definitions/gone"}, "#/definitions/gone is not in the schema"),
])
def test_a_node_that_becomes_json_text_is_named(node: Any, said: str) -> None:
    assert any(said in notice for notice in infer_schema("json", schema(node)).notices)


# ---- $ref --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ref", "more"), [
    ("#/definitions/p", {"definitions": {"p": POINT}}), ("#/$defs/p", {"$defs": {"p": POINT}}),
    ("#/$defs/a~1b%20c~0", {"$defs": {"a/b c~": POINT}}), ("#here", {"$defs": {"p": {**POINT, "$anchor": "here"}}}),
    ("#here", {"definitions": {"p": {**POINT, "$id": "#here"}}}),
    ("p.json", {"$id": "https://h/s/o.json", "$defs": {"p": {**POINT, "$id": "p.json"}}}),
    ("https://h/s/o.json#/$defs/p", {"$id": "https://h/s/o.json", "$defs": {"p": POINT}}),
    ("#/definitions/q", {"definitions": {"q": {"$ref": "#/definitions/p"}, "p": POINT}}), ("#/all/0", {"all": [POINT]}),
])
def test_a_reference_inside_the_schema_is_followed(ref: str, more: dict[str, Any]) -> None:
    assert column({"$ref": ref}, **more) == "STRUCT(lat DOUBLE)"


@pytest.mark.parametrize(("name", "ref", "own"), [
    ("point.json", "point.json", {}), ("point.json", "point.json#/definitions/p", {"definitions": {"p": POINT}}),
    ("https://h/point.json", "https://h/point.json", {}), ("point.json", "https://h/by-id.json", {"$id": "https://h/by-id.json"}),
])
def test_a_reference_of_the_registry_is_followed(name: str, ref: str, own: dict[str, Any]) -> None:
    other = Schema("json", json.dumps({**POINT, **own}))
    between = Schema("json", json.dumps({"properties": {"p": {"$ref": ref}}}), references=(Reference(name, "point", 1, other),))
    assert column({"$ref": ref}, Reference(name, "point", 1, other)) == "STRUCT(lat DOUBLE)"
    assert column({"$ref": "between.json"}, Reference("between.json", "between", 1, between)) == "STRUCT(p STRUCT(lat DOUBLE))"


def test_words_beside_a_reference_count_since_2019_only() -> None:
    node, defs = {"$ref": "#/$defs/p", "type": "string"}, {"$defs": {"p": POINT}}
    assert column(node, **defs) == "STRUCT(lat DOUBLE)"
    assert column(node, draft="https://json-schema.org/draft/2020-12/schema", **defs) == "JSON"
    assert column({"$ref": "#/$defs/p", "description": "where"}, draft="https://json-schema.org/draft/2020-12/schema", **defs) == \
        "STRUCT(lat DOUBLE)"


def test_what_contains_itself_is_json_text_at_the_second_turn() -> None:
    tree = {"type": "object", "properties": {"v": {"type": "integer"}, "left": {"$ref": "#/definitions/t"},
                                             "more": {"type": "array", "items": {"$ref": "#/definitions/t"}}}}
    assert column({"$ref": "#/definitions/t"}, definitions={"t": tree}) == "STRUCT(v BIGINT, left JSON, more JSON[])"
    assert column({"$ref": "#"}) == "JSON"


# ---- the top -----------------------------------------------------------------------------------------------------------


def test_columns_stand_in_the_order_of_the_properties_and_have_names_a_table_takes() -> None:
    found = infer_schema("json", Schema("json", json.dumps({"properties": {
        "b": {"type": "integer"}, "B": {"type": "string"}, "_file": {"type": "string"}, "x": {"properties": {"K": {"type": "string"},
                                                                                                   "k": {"type": "string"}}}}})))
    assert [(c.name, c.type, c.path) for c in found.columns] == [
        ("b", "BIGINT", ()), ("B_1", "VARCHAR", ("B",)), ("_file_1", "VARCHAR", ("_file",)), ("x", "STRUCT(K VARCHAR, k_1 VARCHAR)", ())]


@pytest.mark.parametrize("tree", [
    {"$ref": "#/definitions/o", "definitions": {"o": {"type": "object", "properties": {"c": {"type": "integer"}}}}},
    {"oneOf": [{"type": "null"}, {"type": "object", "properties": {"c": {"type": "integer"}}}]},
    {"properties": {"c": {"type": "integer"}}, "oneOf": [{"required": ["c"]}, {"required": ["d"]}]},
    {"properties": {"c": {"type": "integer"}}, "additionalProperties": {"type": "string"}},
])
def test_the_top_is_found_behind_references_and_alternatives(tree: dict[str, Any]) -> None:
    assert [(c.name, c.type) for c in infer_schema("json", Schema("json", json.dumps(tree))).columns] == [("c", "BIGINT")]


@pytest.mark.parametrize("text", ["true", "[]", '{"type":"array","items":{"type":"string"}}', '{"type":"object"}', '{"$ref":"#"}', "{",
                                  '{"oneOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}', "[" * 5000,
                                  '{"oneOf":true}', '{"anyOf":7}', '{"$ref":5}', '{"properties":{"\\ud800":{"type":"string"}}}'])
def test_a_schema_without_properties_at_its_top_is_refused_with_what_to_type(text: str) -> None:
    with pytest.raises(RefusedError, match="TYPE_UNSUPPORTED") as refused:
        infer_schema("json", Schema("json", text))
    assert refused.value.hint


_WORDS = ("$schema", "$id", "$ref", "$anchor", "$defs", "definitions", "type", "properties", "additionalProperties", "items", "prefixItems",
          "oneOf", "anyOf", "allOf", "enum", "const", "format", "if", "patternProperties")
_LEAVES = st.none() | st.booleans() | st.integers(-2, 9) | st.sampled_from((
    "string", "integer", "object", "array", "null", "date-time", "#", "#/", "#/$defs/a", "#/oneOf/0", "#x", "a", "a#b", "http://[x",
    "http://h/s", "//", "?", "\ud800", "https://json-schema.org/draft/2020-12/schema"))
_KEYS = st.sampled_from((*_WORDS, "a", "b"))
_ANY = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4), max_leaves=12)


@given(_ANY, _ANY)
@settings(max_examples=300, deadline=None)
def test_whatever_a_registry_says_is_columns_or_a_refusal(tree: Any, other: Any) -> None:
    for text in (tree, {"properties": {"a": tree, "b": other}, "$defs": {"a": other}}, {"properties": tree}):
        referred = Reference("a", "a-value", 1, Schema("json", json.dumps(other)))
        with suppress(RefusedError):
            assert all(of(c).sql() for c in infer_schema("json", Schema("json", json.dumps(text), references=(referred,))).columns)


def test_an_address_that_is_none_is_json_text() -> None:
    tree = {"$id": "http://[x", "properties": {"a": {"$ref": "b"}, "c": {"$ref": 5}, "d": {"type": "integer"}}}
    found = infer_schema("json", Schema("json", json.dumps(tree)))
    assert [(c.name, c.declared or c.type, c.json_text) for c in found.columns] == [
        ("a", "VARCHAR", True), ("c", "VARCHAR", True), ("d", "BIGINT", False)]


# ---- limits ------------------------------------------------------------------------------------------------------------


def test_deep_schemas_are_json_text_from_a_level_on() -> None:
    node: dict[str, Any] = {"type": "integer"}
    for _ in range(40):
        node = {"type": "object", "properties": {"n": node}}
    found = infer_schema("json", schema(node))
    assert (found.columns[0].declared or "").count("STRUCT") == 32
    assert any("32 levels" in notice for notice in found.notices)


def test_a_schema_that_unfolds_without_end_is_refused() -> None:
    next_one = [{"$ref": f"#/definitions/d{n + 1}"} for n in range(30)]
    doubling = {f"d{n}": {"properties": {"left": next_one[n], "right": next_one[n]}} for n in range(30)}
    with pytest.raises(RefusedError, match=f"SCHEMA_TOO_LARGE: .*{MOST_NODES:,}"):
        infer_schema("json", schema({"$ref": "#/definitions/d0"}, definitions={**doubling, "d30": {"type": "integer"}}))


def test_many_notices_are_cut() -> None:
    found = infer_schema("json", Schema("json", json.dumps({"properties": {f"c{n}": {"type": "array"} for n in range(100)}})))
    assert len(found.notices) == 21
    assert found.notices[-1] == "80 more parts of the schema are JSON text"
