"""Envelopes: what the row is, which records are none, and that both forms say the same."""

from __future__ import annotations

import json as stdlib
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.decode import Decoder, infer, make, with_text
from tests.decode.support import Both, batch, columns, same
from tests.decode.test_both_forms_agree import agree, anything, bounded, decoded, definitions, includes

BINARY = [{"key": "ce_specversion", "value": b"1.0"}, {"key": "ce_id", "value": b"7"}, {"key": "ce_a", "value": b"5"}]


def enveloped(kind: str, *definitions_: tuple[Any, ...], include: Iterable[str] = ()) -> Decoder:
    return make("json", "raw", columns(*definitions_), include, envelope=kind)


def rows(cursor: Any, decoder: Decoder, records: list[Any], headers: Any = None) -> tuple[dict[int, Any], dict[int, str]]:
    both = Both(cursor, decoder, batch(records, headers=headers or [None] * len(records)))
    if decoder.sql:
        agree(both, records)
    width = len(decoder.columns)
    return {index: row[:width] for index, row in both.exact.items()}, both.codes


# ---- what the row is -------------------------------------------------------------------------------------------------

def test_connect_the_row_is_the_payload(cursor: Any) -> None:
    decoder = enveloped("connect", ("id", "BIGINT"), ("name", "VARCHAR", "$.who.name"), include=["rest"])
    found, codes = rows(cursor, decoder, [
        '{"schema":{"type":"struct"},"payload":{"id":7,"who":{"name":"ann"},"more":1}}', '{"schema":null,"payload":null}', None,
        '{"payload":{"id":8}}', '{"id":9}', '{"schema":{},"payload":5}', '{"payload":{"id":"x"}}', "[1]", '{"payload":{}}'])
    assert found == {0: (7, "ann"), 1: (None, None), 2: (None, None), 3: (8, None), 8: (None, None)}
    assert codes == {4: "ENVELOPE_MISSING", 5: "JSON_NOT_OBJECT", 6: "TYPE_MISFIT", 7: "JSON_NOT_OBJECT"}


EVENTS = ['{"schema":{"type":"struct"},"payload":{"before":null,"after":{"id":7},"source":{"db":"shop"},"op":"c","ts_ms":1700000000000}}',
          '{"before":{"id":7},"after":null,"source":{"db":"shop"},"op":"d","ts_ms":1700000000001}', None,
          '{"schema":null,"payload":null}', '{"ts_ms":1}', '{"payload":{"id":5}}', '{"op":"c","after":{"id":8}, "note":"a \\"payload\\""}']


def test_debezium_an_event_is_a_row_in_its_wrapper_or_without(cursor: Any) -> None:
    decoder = enveloped("debezium", ("op", "VARCHAR"), ("id", "BIGINT", "$.after.id"), ("was", "BIGINT", "$.before.id"))
    found, codes = rows(cursor, decoder, EVENTS)
    assert found == {0: ("c", 7, None), 1: ("d", None, 7), 2: (None, None, None), 3: (None, None, None), 6: ("c", 8, None)}
    assert codes == {4: "ENVELOPE_MISSING", 5: "ENVELOPE_MISSING"}


@pytest.mark.parametrize("event", EVENTS[:2])
def test_debezium_the_sql_takes_the_form_that_the_topic_has(cursor: Any, event: str) -> None:
    decoder = enveloped("debezium", ("op", "VARCHAR"), ("id", "BIGINT", "$.after.id"))
    records: list[Any] = [event] * 100
    before = Both(cursor, decoder, batch(records))
    after = Both(cursor, decoder, batch(records))
    assert after.suspect == []
    assert same(list(after.fast.values()), list(before.exact.values()))


def test_cloudevents_in_one_object_and_with_their_attributes_in_headers(cursor: Any) -> None:
    declared = [("ce_id", "VARCHAR"), ("ce_time", "TIMESTAMPTZ"), ("amount", "DOUBLE"), ("mine", "BIGINT", "$.data_ce_id")]
    decoder = enveloped("cloudevents", *declared)
    structured = '{"specversion":"1.0","id":"a","source":"/s","type":"t","time":"2026-01-02T03:04:05Z","data":{"amount":2.5,"ce_id":3}}'
    other = [{"key": "content-type", "value": b"application/cloudevents+json"}]
    headers = [None, other, BINARY, BINARY, None, None, [*BINARY, {"key": "content-type", "value": b"text/plain"}]]
    found, codes = rows(cursor, decoder, [structured, structured, '{"amount":4}', None, None, '{"amount":4}', "not { json"], headers)
    ids = {index: (row[0], row[2], row[3]) for index, row in found.items()}
    assert ids == {0: ("a", 2.5, 3), 1: ("a", 2.5, 3), 2: ("7", 4.0, None), 3: ("7", None, None), 4: (None, None, None),
                   6: ("7", None, None)}
    assert found[0][1].isoformat().startswith("2026-01-02T")
    assert codes == {5: "ENVELOPE_MISSING"}


def test_cloudevents_data_that_is_no_object_is_one_column(cursor: Any) -> None:
    decoder = enveloped("cloudevents", ("ce_id", "VARCHAR"), ("data", "JSON"), ("data_base64", "VARCHAR"))
    head = '{"specversion":"1.0","id":"a"'
    plain = [*BINARY, {"key": "content-type", "value": b"text/plain"}]
    records = [f'{head},"data":[1,2]}}', f'{head},"data":"hey"}}', f'{head},"data_base64":"AAE="}}', "hey", b"\x00\xff"]
    found, _ = rows(cursor, decoder, records, [None, None, None, plain, plain])
    assert [row[1:] for row in found.values()] == [("[1,2]", None), ('"hey"', None), (None, "AAE="), ('"hey"', None), (None, "AP8=")]


JSON = {"key": "content-type", "value": b"application/json"}
ODD = [BINARY, None, [*BINARY, JSON | {"key": "Content-Type"}], [*BINARY, JSON | {"value": b"text/plain"}],
       [*BINARY, {"key": "ce_a", "value": b"6"}, {"key": "ce_z", "value": b"\xff"}], [*BINARY[:2], {"key": "ce_a", "value": b"\xff"}],
       [{"key": "ce_a", "value": None}, *BINARY], [*BINARY, {"key": "ce_time", "value": b"2026-01-02T03:04:05Z"}], [],
       [*BINARY, {"key": "ce_time", "value": b"yesterday"}], [*BINARY, {"key": "ce_datacontenttype", "value": b"x"}]]


@settings(bounded, max_examples=40)
@given(st.lists(st.tuples(anything, st.sampled_from(ODD)), min_size=1, max_size=10))
def test_both_forms_agree_on_attributes_in_headers(cursor: Any, made: Any) -> None:
    declared = [("ce_a", "VARCHAR"), ("ce_time", "TIMESTAMPTZ"), ("ce_datacontenttype", "VARCHAR"), ("a", "BIGINT"), ("b", "VARCHAR")]
    decoder = enveloped("cloudevents", *declared)
    decoder._wrapped = False  # type: ignore[attr-defined]
    decoder._wraps()  # type: ignore[attr-defined]
    agree(Both(cursor, decoder, batch([r for r, _ in made], headers=[h for _, h in made])), [r for r, _ in made])


def test_cloudevents_with_attributes_in_headers_need_no_exact_form_once_there_are_many(cursor: Any) -> None:
    decoder = enveloped("cloudevents", ("ce_id", "VARCHAR"), ("ce_time", "TIMESTAMPTZ"), ("amount", "DOUBLE"))
    made = batch([f'{{"amount":{i}}}' for i in range(100)], headers=[[*BINARY, JSON]] * 100)
    before = Both(cursor, decoder, made)
    after = Both(cursor, decoder, made)
    assert len(before.suspect) == 100
    assert after.suspect == []
    assert same(list(after.fast.values()), list(before.exact.values()))


def test_structured_cloudevents_need_no_exact_form(cursor: Any) -> None:
    decoder = enveloped("cloudevents", ("ce_id", "VARCHAR"), ("amount", "DOUBLE"))
    records = [stdlib.dumps({"specversion": "1.0", "id": str(i), "data": {"amount": i}}) for i in range(50)]
    both = Both(cursor, decoder, batch(records, headers=[None] * 50))
    assert both.suspect == []


# ---- inferred --------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kind", "records", "wanted"), [
    ("connect", ['{"schema":{},"payload":{"id":7,"tags":["a"]}}', '{"id":"no envelope"}'], [("id", "BIGINT"), ("tags", "VARCHAR[]")]),
    ("debezium", EVENTS, [("before", "STRUCT(id BIGINT)"), ("after", "STRUCT(id BIGINT)"), ("source", "STRUCT(db VARCHAR)"),
                          ("op", "VARCHAR"), ("ts_ms", "BIGINT"), ("note", "VARCHAR")]),
    ("cloudevents", ['{"specversion":"1.0","id":"a","time":"2026-01-02T03:04:05Z","data":{"amount":2,"ce_id":1}}'],
     [("ce_specversion", "VARCHAR"), ("ce_id", "VARCHAR"), ("ce_time", "TIMESTAMP WITH TIME ZONE"), ("amount", "BIGINT"),
      ("data_ce_id", "BIGINT")])])
def test_columns_are_those_of_what_the_envelope_holds(kind: str, records: list[Any], wanted: list[tuple[str, str]]) -> None:
    found = infer(batch(records), envelope=kind).columns
    assert sorted((c.name, c.type) for c in found) == sorted(wanted)


def test_columns_of_events_with_attributes_in_headers() -> None:
    found = infer(batch(['{"amount":1}'], headers=[BINARY]), envelope="cloudevents").columns
    attributes = [("ce_specversion", "VARCHAR"), ("ce_id", "VARCHAR"), ("ce_a", "VARCHAR")]
    assert [(c.name, c.type) for c in found] == [*attributes, ("amount", "BIGINT")]


# ---- both forms ------------------------------------------------------------------------------------------------------

def wrapped(kind: str, record: bytes | None, how: int) -> bytes | None:
    """In an envelope of one of its forms, or left as it is."""
    if record is None or how == 0:
        return record
    around = {"connect": [b'{"schema":{},"payload":%b}', b'{"payload":%b}', b'{"payload":null,"x":%b}'],
              "debezium": [b'{"schema":{},"payload":{"op":"c","a":%b}}', b'{"op":"c","a":%b,"b":1}', b'{"payload":%b}'],
              "cloudevents": [b'{"specversion":"1.0","a":5,"data":%b}', b'{"data":%b,"specversion":"1.0"}',
                              b'{"specversion":null,"data":%b}']}
    return around[kind][how - 1].replace(b"%b", record)


renamed = definitions.map(lambda cs: [(n, t, p.replace('$."a"', '$."ce_a"') if p and len(p) % 2 else p, r) for n, t, p, r in cs])


@settings(bounded, max_examples=70)
@given(st.sampled_from(["connect", "debezium", "cloudevents"]), renamed, includes,
       st.lists(st.tuples(anything, st.integers(0, 3), st.sampled_from([None, None, BINARY])), min_size=1, max_size=10), st.booleans())
def test_what_the_sql_is_certain_of_in_an_envelope_is_what_the_exact_form_gives(
        cursor: Any, kind: str, declared: Any, include: Any, made: Any, turned: bool) -> None:
    decoder = enveloped(kind, *declared, include=include)
    if turned and kind != "connect":
        decoder._wrapped = False  # type: ignore[attr-defined]
        decoder._wraps()  # type: ignore[attr-defined]
    records = [wrapped(kind, record, how) for record, how, _ in made]
    if decoder.sql:
        agree(Both(cursor, decoder, batch(records, headers=[h for _, _, h in made])), records)


@settings(bounded, max_examples=20)
@given(st.sampled_from(["connect", "debezium"]), definitions, st.lists(st.tuples(anything, st.integers(0, 3)), min_size=2, max_size=10),
       st.randoms())
def test_a_verdict_in_an_envelope_does_not_depend_on_the_batch(cursor: Any, kind: str, declared: Any, made: Any, rng: Any) -> None:
    records = [wrapped(kind, record, how) for record, how in made]
    whole = decoded(cursor, enveloped(kind, *declared), records, [len(records)])
    cuts = sorted(rng.sample(range(1, len(records)), rng.randint(1, len(records) - 1)))
    assert same(decoded(cursor, enveloped(kind, *declared), records, [*cuts, len(records)]), whole)


# ---- fields that appear later ------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("kind", "before", "after"), [
    ("connect", '{"schema":{},"payload":{"id":1}}', '{"schema":{},"payload":{"id":1,"more":2}}'),
    ("debezium", '{"op":"c","id":1}', '{"schema":{},"payload":{"op":"c","id":1,"more":2}}'),
    ("cloudevents", '{"specversion":"1.0","data":{"id":1}}', '{"specversion":"1.0","data":{"id":1,"more":2}}')])
def test_a_field_that_appears_inside_is_looked_for_and_proposed(cursor: Any, kind: str, before: str, after: str) -> None:
    known = [("id", "BIGINT"), ("op", "VARCHAR")] + ([("ce_specversion", "VARCHAR")] if kind == "cloudevents" else [])
    decoder = make("json", "raw", columns(*known), (), envelope=kind, evolves=True)
    made = batch([*[before] * 5, after, None, "not json"], headers=[None] * 8)
    cursor.register("texts", with_text(made))
    looked = decoder.look("texts", careful=True)
    rows_ = [index for index, _ in cursor.execute(looked or "").fetchall()]
    assert 5 in rows_
    assert len(rows_) <= (6 if kind == "debezium" else 2), "events without the wrapper are another form than the SQL's"
    assert [(c.name, c.type) for c in decoder.prepare(made.take(rows_)).proposal] == [("more", "BIGINT")]


@pytest.mark.parametrize("turned", [False, True])
def test_events_in_another_form_are_looked_at_too(cursor: Any, turned: bool) -> None:
    decoder = make("json", "raw", columns(("ce_specversion", "VARCHAR"), ("id", "BIGINT")), (), envelope="cloudevents", evolves=True)
    records = ['{"specversion":"1.0","data":{"id":1}}', '{"specversion":"1.0","data":[1]}', '{"id":1}', '{"specversion":"1.0","more":1}']
    made = batch(records, headers=[None, None, BINARY, None])
    if turned:
        decoder._wrapped = False  # type: ignore[attr-defined]
        decoder._wraps()  # type: ignore[attr-defined]
    cursor.register("texts", with_text(made))
    found = sorted(index for index, _ in cursor.execute(decoder.look("texts", careful=False) or "").fetchall())
    assert set(found) >= {1, 2, 3}
    proposed = {c.name for c in decoder.prepare(made.take(found)).proposal}
    assert proposed == {"data", "ce_id", "ce_a", "ce_more"}


@pytest.mark.parametrize(("kind", "record", "expected"), [
    ("connect", '{"schema":{},"payload":{"id":1,"s":{"x":1,"y":2},"a":1,"b":2}}', 3),
    ("debezium", '{"payload":{"op":"c","id":1,"s":{"x":1}}}', 1),
    ("cloudevents", '{"specversion":"1.0","id":"7","source":"/a","data":{"id":1,"a":2}}', 4),
    ("connect", '{"schema":{},"payload":null}', 0), ("connect", "no JSON", 0)])
def test_members_without_a_column_are_counted_inside_of_an_envelope(cursor: Any, kind: str, record: str, expected: int) -> None:
    sql = enveloped(kind, ("id", "BIGINT"), ("s", "STRUCT(x BIGINT)")).stray("b")
    assert sql is not None
    cursor.register("b", batch([record, None]))
    assert cursor.execute(sql).fetchall() == [(expected,)]


@pytest.mark.parametrize(("kind", "record"), [
    ("connect", '{"schema":{},"payload":{"id":1,"s":{"x":1,"y":2},"a":1}}'),
    ("debezium", '{"payload":{"op":"c","id":1,"s":{"x":1,"y":2},"a":1}}'), ("debezium", '{"op":"c","id":1,"s":{"x":1,"y":2},"a":1}'),
    ("cloudevents", '{"specversion":"1.0","data":{"id":1,"s":{"x":1,"y":2},"a":1}}')])
def test_what_a_column_inside_of_an_envelope_does_not_hold_is_in_the_rest(cursor: Any, kind: str, record: str) -> None:
    decoder = enveloped(kind, ("id", "BIGINT"), ("s", "STRUCT(x BIGINT)"), include=["rest"])
    if decoder.sql:
        both = Both(cursor, decoder, batch([record]))
        assert both.suspect == [0]
    rest = decoder.judge(batch([record]))[0]["_kafka_rest"].to_pylist()
    held = {"debezium": {"op": "c"}, "cloudevents": {"ce_specversion": "1.0"}}.get(kind, {})
    assert [stdlib.loads(text) for text in rest] == [{"s": {"y": 2}, "a": 1, **held}]
