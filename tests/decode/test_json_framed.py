"""JSON in a registry's frame: both forms read the body, and the schema that a record names may want columns, once it can be had."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import duckdb
import pytest

from kshell.columns import Column
from kshell.decode import Decoder, infer, infer_schema, make
from kshell.schemas import Schema, SchemaUnavailable, SchemaUnknown
from kshell.schemas.frame import FramesOnly
from tests.decode.support import Both, batch, columns, same

_GUID = "0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b"


class Source:
    frames, unframed = True, None

    def __init__(self, **by_id: dict[str, Any]) -> None:
        self.trees = {int(name[1:]): tree for name, tree in by_id.items()}
        self.down = False
        self.asked: list[int] = []

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        self.asked.append(id)
        if self.down:
            raise SchemaUnavailable("the registry is away")
        if id not in self.trees:
            raise SchemaUnknown
        return Schema("json", json.dumps({"properties": self.trees[id]}), id)

    def by_guid(self, guid: str) -> Schema:
        return self.by_id(1)

    def latest(self, subject: str) -> Schema:
        return self.by_id(max(self.trees))


ONE = {"id": {"type": "integer"}}
TWO = {"id": {"type": "integer"}, "name": {"type": "string"}}


def frame(id: int, body: str) -> bytes:
    return b"\0" + id.to_bytes(4, "big") + body.encode()


def decoder(source: Any, found: tuple[Column, ...] | None = None, key_format: str = "raw", include: tuple[str, ...] = ()) -> Decoder:
    found = infer_schema("json", source.latest("t-value")).columns if found is None else found
    return make("json", key_format, found, include, schemas=source, key_schemas=FramesOnly())


def test_both_forms_read_the_body_of_framed_and_of_plain_records(cursor: duckdb.DuckDBPyConnection) -> None:
    values = batch([frame(2, '{"id": 1, "name": "a"}'), '{"id": 2}', None, frame(7, "{"), b"\0", b"\0\0\0\0\2", frame(1, '{"id": "x"}')])
    both = Both(cursor, decoder(Source(s2=TWO), include=("value",)), values)
    assert {row: found[:2] for row, found in both.exact.items()} == {0: (1, "a"), 1: (2, None), 2: (None, None)}
    assert all(same(found, both.exact[row]) for row, found in both.fast.items())
    assert set(both.fast) >= {0, 1}
    assert both.codes == {3: "JSON_SYNTAX", 4: "JSON_SYNTAX", 5: "JSON_SYNTAX", 6: "TYPE_MISFIT"}
    assert both.exact[0][-1] == frame(2, '{"id": 1, "name": "a"}')


def test_members_without_a_column_are_counted_inside_the_frame(cursor: duckdb.DuckDBPyConnection) -> None:
    sql = decoder(Source(s1=ONE)).stray("b")
    assert sql is not None
    cursor.register("b", batch([frame(1, '{"id": 1, "more": 2}'), '{"id": 1, "more": 2, "x": null}', b"\0", None]))
    assert cursor.execute(sql).fetchall() == [(3,)]


def test_a_schema_that_is_named_in_a_header_leaves_the_value_whole() -> None:
    headers = [[{"key": "__value_schema_id", "value": b"\1" + UUID(_GUID).bytes}]]
    values = batch(['{"id": 1, "name": "a"}'], headers=headers)
    source = Source(s1=TWO)
    plain = decoder(source, columns(("id", "BIGINT")), include=("topic", "headers"))
    assert [c.name for c in plain.prepare(values).proposal] == ["name"]
    assert decoder(source).judge(values)[0]["name"].to_pylist() == ["a"]


def test_a_further_schema_wants_its_columns_and_types() -> None:
    source = Source(s1=ONE, s2={"id": {"type": "number"}, "name": {"type": "string"}, "geo": {"properties": {"lat": {"type": "number"}}}})
    first = decoder(source, infer_schema("json", source.by_id(1)).columns)
    proposal = first.prepare(batch([frame(1, "{}"), frame(2, "{}")])).proposal
    assert [(c.name, c.type) for c in proposal] == [("name", "VARCHAR"), ("geo", "STRUCT(lat DOUBLE)")]
    grown = decoder(source, (*first.columns, *proposal))
    assert grown.prepare(batch([frame(1, "{}"), frame(2, "{}")])).proposal == ()


def test_a_schema_is_looked_at_once() -> None:
    source = Source(s2=TWO)
    made = decoder(source)
    source.asked.clear()
    for _ in range(3):
        made.prepare(batch([frame(2, "{}"), frame(2, '{"id": 1}')]))
    assert source.asked == [2]


@pytest.mark.fault("F40")
def test_records_wait_for_a_registry_that_is_away_and_not_for_one_that_does_not_know_their_schema() -> None:
    source = Source(s2=TWO)
    made = decoder(source)
    records = batch([frame(2, "{}"), frame(9, "{}"), "{}", frame(9, "{}")])
    assert made.prepare(records).waiting == {}
    again = decoder(source)
    source.down = True
    assert again.prepare(records).waiting == dict.fromkeys((0, 1, 3), "the registry is away")
    source.down = False
    source.trees[9] = {"more": {"type": "boolean"}}
    assert [c.name for c in again.prepare(records).proposal] == ["more"]


def test_a_schema_that_makes_no_columns_is_no_verdict() -> None:
    source = Source(s2=TWO, s3={})
    made = decoder(source, infer_schema("json", source.by_id(2)).columns)
    records = batch([frame(3, '{"id": 3}')])
    assert made.prepare(records).proposal == ()
    assert made.judge(records)[0]["id"].to_pylist() == [3]


def test_columns_are_inferred_from_bodies_where_no_schema_is_known() -> None:
    found = infer(batch([frame(1, '{"a": 1}'), '{"b": "x"}']), framed=True)
    assert [(c.name, c.type) for c in found.columns] == [("a", "BIGINT"), ("b", "VARCHAR")]
    made = decoder(FramesOnly(), found.columns)
    assert made.prepare(batch([frame(1, "{}")])).waiting == {}


@pytest.mark.parametrize("key", [frame(4, '{"k": 1}'), b'{"k": 1}'])
def test_a_json_key_may_be_framed(cursor: duckdb.DuckDBPyConnection, key: bytes) -> None:
    both = Both(cursor, decoder(Source(s1=ONE), key_format="json"), batch([frame(1, '{"id": 1}')], [key]))
    assert both.rows is not None
    assert both.exact[0][-1] == '{"k":1}'
    assert same(both.fast[0], both.exact[0])


def test_a_frame_where_no_registry_is_known_says_what_is_missing() -> None:
    _, bad = make("json", "raw", columns(("id", "BIGINT"))).judge(batch([b'\0\0\0\0\x07{"id":1}']))
    assert [b.code for b in bad] == ["JSON_SYNTAX"]
    assert bad[0].message.endswith("it begins the frame of a schema registry: is SCHEMA_REGISTRY missing?")
