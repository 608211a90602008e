"""Members beside the columns: each is found, by the fast form or by the look, and becomes the column that types.md says."""

from __future__ import annotations

import json as text
import random
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pytest

from kshell.columns import Column
from kshell.decode import DOUBTS, Decoder, make, with_text
from tests.decode.support import Record, batch, columns

ID = ("id", "BIGINT")
CUSTOMER = ("customer", "STRUCT(name VARCHAR)")
ITEMS = ("items", "STRUCT(sku VARCHAR)[]")
TAGS = ("tags", "MAP(VARCHAR, STRUCT(n BIGINT))")


@pytest.fixture
def cursor() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": "1"})
    yield connection
    connection.close()


def evolving(*definitions: tuple[Any, ...]) -> Decoder:
    return make("json", "raw", columns(*definitions), evolves=True)


def strange(cursor: duckdb.DuckDBPyConnection, decoder: Decoder, values: Sequence[Record]) -> list[int]:
    """The rows that the look finds, which both of its forms agree on."""
    sent = batch(values)
    cursor.register("b", with_text(sent))
    found = []
    for careful in (True, False):
        sql = decoder.look("b", careful=careful)
        assert sql is not None
        try:
            found.append(sorted(row for row, _ in cursor.execute(sql).fetchall()))
        except DOUBTS:
            assert not careful
    assert all(rows == found[0] for rows in found)
    return found[0]


def wanted(decoder: Decoder, *values: Record) -> list[tuple[str, str]]:
    return [(c.name, c.type) for c in decoder.prepare(batch(values)).proposal]


CASES: list[tuple[str, tuple[tuple[Any, ...], ...], list[str], list[tuple[str, str]]]] = [
    ("integer", (ID,), ['{"id":1,"x":2}'], [("x", "BIGINT")]),
    ("beyond 64 bit", (ID,), ['{"x":99999999999999999999}'], [("x", "DECIMAL(38,0)")]),
    ("fraction", (ID,), ['{"x":2.5}'], [("x", "DOUBLE")]),
    ("text is never sniffed", (ID,), ['{"x":"2026-01-01"}'], [("x", "VARCHAR")]),
    ("boolean", (ID,), ['{"x":true}'], [("x", "BOOLEAN")]),
    ("null decides nothing", (ID,), ['{"x":null}'], []),
    ("empty object and list decide nothing", (ID,), ['{"x":{},"y":[]}'], []),
    ("null first, then a value", (ID,), ['{"x":null}', '{"x":1}'], [("x", "BIGINT")]),
    ("integer and fraction", (ID,), ['{"x":1}', '{"x":1.5}'], [("x", "DOUBLE")]),
    ("mixed kinds are JSON text", (ID,), ['{"x":1}', '{"x":"a"}'], [("x", "VARCHAR")]),
    ("object", (ID,), ['{"x":{"a":1,"b":null}}'], [("x", "STRUCT(a BIGINT)")]),
    ("list", (ID,), ['{"x":[1,2]}'], [("x", "BIGINT[]")]),
    ("names in the order met", (ID,), ['{"z":1,"y":1}', '{"x":1}'], [("z", "BIGINT"), ("y", "BIGINT"), ("x", "BIGINT")]),
    ("names differing in case", (("a", "BIGINT"),), ['{"a":1,"A":2}'], [("A_1", "BIGINT")]),
    ("reserved name", (ID,), ['{"_file":1}'], [("_file_1", "BIGINT")]),
    ("empty name", (ID,), ['{"":1}'], [("_", "BIGINT")]),
    ("dotted path of another column", (CUSTOMER,), ['{"customer.name":1}'], [("customer.name_1", "BIGINT")]),
    ("control characters get no column", (ID,), ['{"a\\nb":1}'], []),
    ("field of a struct", (CUSTOMER,), ['{"customer":{"city":"Graz"}}'], [("customer", 'STRUCT("name" VARCHAR, city VARCHAR)')]),
    ("field of a struct, parent null in another", (CUSTOMER,), ['{"customer":null}', '{"customer":{"city":"Graz"}}'],
     [("customer", 'STRUCT("name" VARCHAR, city VARCHAR)')]),
    ("struct in a struct", (CUSTOMER,), ['{"customer":{"address":{"city":"Graz"}}}'],
     [("customer", 'STRUCT("name" VARCHAR, address STRUCT(city VARCHAR))')]),
    ("field of list elements", (ITEMS,), ['{"items":[{"sku":"a"},{"price":2.5}]}'], [("items", "STRUCT(sku VARCHAR, price DOUBLE)[]")]),
    ("field of map values", (TAGS,), ['{"tags":{"k":{"n":1,"m":"x"}}}'], [("tags", "MAP(VARCHAR, STRUCT(n BIGINT, m VARCHAR))")]),
    ("null field of a struct", (CUSTOMER,), ['{"customer":{"city":null}}'], []),
    ("a column keeps its type", (ID,), ['{"id":"text","x":1}'], [("x", "BIGINT")]),
    ("an integer column stays one", (("n", "INTEGER"),), ['{"n":5000000000,"x":1}'], [("x", "BIGINT")]),
    ("the first of a repeated key", (ID,), ['{"x":1,"x":"a"}'], [("x", "BIGINT")]),
]


@pytest.mark.fault("F34")
@pytest.mark.parametrize(("have", "records", "want"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_what_records_bring_becomes_columns(cursor: duckdb.DuckDBPyConnection, have: tuple[tuple[Any, ...], ...], records: list[str],
                                            want: list[tuple[str, str]]) -> None:
    decoder = evolving(*have)
    assert strange(cursor, decoder, records) != [] or not want
    assert wanted(decoder, *records) == want


@pytest.mark.fault("F35")
def test_a_field_whose_path_spells_a_column_yields(cursor: duckdb.DuckDBPyConnection) -> None:
    decoder = evolving(CUSTOMER, ("customer.city", "BIGINT", None))
    assert wanted(decoder, '{"customer":{"city":"Graz"}}') == [("customer", 'STRUCT("name" VARCHAR, city_1 VARCHAR)')]
    grown = make("json", "raw", [*decoder.prepare(batch(['{"customer":{"city":"Graz"}}'])).proposal, decoder.columns[1]], evolves=True)
    table, bad = grown.judge(batch(['{"customer":{"name":"a","city":"Graz"},"customer.city":7}']))
    assert (bad, table["customer"].to_pylist(), table["customer.city"].to_pylist()) == ([], [{"name": "a", "city_1": "Graz"}], [7])


def test_a_member_that_decides_nothing_is_found_again_when_it_does(cursor: duckdb.DuckDBPyConnection) -> None:
    decoder = evolving(ID, CUSTOMER, ITEMS)
    void = ['{"x":null,"customer":{"city":{}},"items":[{"price":null}]}']
    assert strange(cursor, decoder, void) == [0]
    assert wanted(decoder, *void) == []
    assert strange(cursor, decoder, void * 3) == []
    later = [*void, '{"x":1}', '{"customer":{"city":"Graz"}}', '{"items":[{"price":2}]}']
    assert strange(cursor, decoder, later) == [1, 2, 3]
    assert [name for name, _ in wanted(decoder, *later)] == ["customer", "items", "x"]


def test_records_that_are_no_json_do_not_hide_their_neighbours(cursor: duckdb.DuckDBPyConnection) -> None:
    broken = [b"{nonsense", b'{"x":"\xff"}', b"\xff\xfe", b"", None, b"[1]", b"7", b'{"x":1e999}']
    assert strange(cursor, evolving(ID), [*broken, '{"id":1,"y":2}', b"{"]) == [7, 8]


def test_members_that_get_no_column_are_not_looked_for_again(cursor: duckdb.DuckDBPyConnection) -> None:
    decoder = evolving(ID)
    record = '{"id":1,"a\\u0000b":1,"' + "n" * 300 + '":2}'
    assert strange(cursor, decoder, [record]) == [0]
    assert wanted(decoder, record) == []
    assert strange(cursor, decoder, [record]) == []


HAVE = (ID, ("name", "VARCHAR"), CUSTOMER, ITEMS, ("tags", "MAP(VARCHAR, BIGINT)"), ("raw", "JSON"), ("numbers", "DOUBLE[]"))
WHOLE: dict[str, Any] = {"id": 1, "name": "n", "customer": {"name": "c"}, "items": [{"sku": "a"}], "tags": {"k": 1}, "raw": {"any": 1},
                         "numbers": [1.5]}


def _changed(change: dict[str, Any]) -> bytes:
    return text.dumps(WHOLE | change).encode()


@pytest.mark.parametrize(("record", "is_regular"), [
    (_changed({}), True),
    (_changed({"customer": None, "items": None, "raw": [1, {"x": 2}], "name": None}), True),
    (_changed({"items": [], "tags": {}}), True),
    (_changed({"more": 1}), False),
    (_changed({"more": None}), False),
    (_changed({"customer": {"name": "c", "city": 1}}), False),
    (_changed({"items": [{"sku": "a"}, {"sku": "b", "price": 1}]}), False),
    (_changed({"ID": 1}), False),
    (b'{"id":1,"id":2,' + _changed({})[9:], False),
    (b'{"id":1}', False),
    (b"{nonsense", False),
    (b"[1]", False),
    (b"\xff\xfe", False),
    (_changed({"name": "\x00 and \xe9"}), True),
    (_changed({"id": 1.5}), False),
    (None, True)])
def test_what_passes_as_regular_has_every_member_and_no_other(cursor: duckdb.DuckDBPyConnection, record: Record, is_regular: bool) -> None:
    decoder = evolving(*HAVE)
    sent = batch([_changed({}), record])
    cursor.register("t", with_text(sent))
    sql = decoder.regular("t")
    assert sql is not None
    try:
        rows = cursor.execute(sql).fetchall()
    except DOUBTS:
        assert not is_regular
        return
    assert is_regular
    cursor.register("b", sent)
    assert rows == cursor.execute(decoder.rows("b")).fetchall()


def test_the_fast_form_is_not_offered_where_it_would_not_see_a_member() -> None:
    for have in ((TAGS,), (("a", "BIGINT"), ("A_1", "BIGINT", "$.A")), (("a", "BIGINT", "$.x.a"), ("x", "JSON"))):
        assert evolving(*have).regular("t") is None
    assert make("json", "raw", columns(ID)).regular("t") is None


def test_no_member_is_overlooked(cursor: duckdb.DuckDBPyConnection) -> None:
    """Records at random: a record is left out by the look exactly if each of its members has a place."""
    random.seed(4)
    keys = ["id", "name", "customer", "items", "x", "Name", "a.b", 'q"q']

    def value(depth: int = 0) -> Any:
        kind = random.randrange(7 if depth < 3 else 4)
        if kind < 4:
            return random.choice([1, 2.5, "t", True])
        if kind == 4:
            return [value(depth + 1) for _ in range(random.randrange(1, 3))]
        return {random.choice(["name", "sku", "y", "city"]): value(depth + 1) for _ in range(random.randrange(1, 3))}

    decoder = evolving(ID, ("name", "VARCHAR"), CUSTOMER, ITEMS)
    records = [{k: value() for k in random.sample(keys, random.randrange(1, 5))} for _ in range(400)]

    def strays(record: dict[str, Any]) -> bool:
        items = record.get("items")
        inner = [record.get("customer"), *(items if isinstance(items, list) else [])]
        known = [{"name"}, *[{"sku"}] * (len(inner) - 1)]
        return bool(record.keys() - {"id", "name", "customer", "items"}) or any(
            isinstance(v, dict) and bool(v.keys() - k) for v, k in zip(inner, known, strict=True))

    expected = [i for i, record in enumerate(records) if strays(record)]
    assert strange(cursor, decoder, [text.dumps(r) for r in records]) == expected


def test_growth_keeps_what_was_declared_about_a_column() -> None:
    have = columns(("who", "STRUCT(name VARCHAR, extra JSON)", "$.person", True))
    grown, = make("json", "raw", have, evolves=True).prepare(batch(['{"person":{"name":"a","city":"Graz"}}'])).proposal
    assert isinstance(grown, Column)
    assert (grown.name, grown.path, grown.not_null) == ("who", ("person",), True)
    table, bad = make("json", "raw", [grown], evolves=True).judge(batch(['{"person":{"extra":[1],"city":"Graz"}}']))
    assert (bad, table["who"].to_pylist()) == ([], [{"name": None, "extra": "[1]", "city": "Graz"}])


def test_members_without_a_column_are_counted_where_nothing_evolves(cursor: duckdb.DuckDBPyConnection) -> None:
    decoder = make("json", "raw", columns(ID))
    sql = decoder.stray("b")
    assert sql is not None
    cursor.register("b", batch(['{"id":1,"a":1,"b":null}', "{nonsense", None, '{"a":2}', "[1]"]))
    assert cursor.execute(sql).fetchall() == [(3,)]
    assert make("json", "raw", columns(ID), ("rest",)).stray("b") is None


def test_members_inside_of_columns_are_counted_too(cursor: duckdb.DuckDBPyConnection) -> None:
    sql = make("json", "raw", columns(("s", "STRUCT(x INTEGER, l STRUCT(y INTEGER)[])"))).stray("b")
    assert sql is not None
    cursor.register("b", batch([
        '{"s":{"x":1,"z":2,"l":[{"y":1,"v":1},{"v":2,"w":3}]},"a":1}', '{"s":{"x":1,"n":{"x":2}}}', '{"s":null}', '{"s":5}']))
    assert cursor.execute(sql).fetchall() == [(5,)]
