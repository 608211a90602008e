"""The heart of decoding: where the SQL is certain, the exact form gives the same row; and a verdict knows nothing of its batch."""

from __future__ import annotations

import json as stdlib
import string
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.decode import make, split
from kshell.decode import paths as paths_of_keys
from tests.decode.records import Maker
from tests.decode.support import Both, batch, columns, json, same

SCALARS = [
    "BIGINT", "INTEGER", "DOUBLE", "FLOAT", "DECIMAL(20,4)", "DECIMAL(10,2)", "DECIMAL(38,0)", "DECIMAL(38,18)", "BOOLEAN", "VARCHAR",
    "JSON", "TIMESTAMPTZ", "TIMESTAMP", "DATE", "TIME", "UUID", "BLOB",
]
NAMES = [
    "a", "A", "b", "c d", "e.f", 'q"q', "g\\h", "", "gr\xf6\xdfe", "*",
]
NUMBERS = [
    "0", "-0", "-0.0", "1", "-1", "12", "1.7", "10.0", "1e3", "1E-2", "0.1", "1.50", "2147483647", "2147483648", "-2147483649",
    "9007199254740991", "9007199254740992", "9007199254740993", "4503599627370497.5", "9223372036854775807", "9223372036854775808",
    "-9223372036854775809", "18446744073709551615", "18446744073709551616", "99999999999999999999999999999999999999",
    "100000000000000000000000000000000000000", "12345678901234.5678", "123456789.123456", "1234567890.123456", "0.00001",
    "1.00000000000000000001", "12345678901234567e-10", "1234567890123456.5e-7", "1e16", "1e20", "1e21", "1e22", "1e38", "1e39",
    "3.4028235e38", "3.5e38", "1e308", "1e309", "1e400", "1e-400", "5e-324", "NaN", "Infinity", "-Infinity", "nan", "INF",
    "0.1000000000000000055511151231257827",
]
TEXTS = [
    "", "x", "12", " 12 ", "1_000", "1__0", "_1", "0x1F", "1.7", "1e3", ".5", "5.", "+5", "--5", "-", "NaN", "inf", "true", "TRUE", "t",
    "yes", "1", "12.", "2024-03-10T02:30:00Z", "2024-03-10T02:30:00.123456789Z", "2024-03-10T08:00:00+05:30", "2024-03-10T08:00:00-0530",
    "2024-03-10T08:00:00+05", "2024-03-10T02:30:00", "2024-03-10 02:30:00Z", "2024-03-10T24:00:00Z", "2024-03-10T24:00:01Z",
    "2024-03-10T23:59:60Z", "2024-02-30T00:00:00Z", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59-01:00", "2024-03-10T02:30:00.Z", "2024-03-10T02:30Z", " 024-03-10T02:30:00Z",
    "-024-03-10T02:30:00Z", "2024-03-10T02:30:00.5+99:99", "2024-03-10", "2024-3-1", "2024-03-1 ", "0000-01-01", "10000-01-01",
    "infinity", "epoch", "2024-03-10 ", "12:30:00", "12:30", "24:00:00", "12:30:00.1234567", "12:30:00+01", "00:00:00.",
    "123e4567-e89b-12d3-a456-426614174000", "{123e4567-e89b-12d3-a456-426614174000}", "123e4567e89b12d3a456426614174000",
    "123E4567-E89B-12D3-A456-42661417400Z", "YWJj", "YWI=", "YQ==", "YQ=", "YQ", "Y Q==", "====", "\x00", "\U0001f600", "\u6f22\u5b57",
    'say "hi"', "\u2028", "\x7f", "1111111111111111111111111111111111111111", "0000000000000000000000000000001",
    "0.1000000000000000000000001", "0.10",
    "x" * 300, "1" * 40, "0" * 30 + "1",
]
ODD = [
    "true", "false", "null", "{}", "[]", '"\\ud800"', '"\\ud83d\\ude00"', '"\\udc00\\ud800"', '"\\u0000"', '"1\\u0032"', '"\\u002e5"',
    "[1,]", '{"a":1,}', "tru", "01",
]
ODD.append('"0.1' + r"\u005f0" * 16 + r'\u005f1"')    # more digits than a double keeps, each behind an escape


def text(value: str) -> str:
    return stdlib.dumps(value, ensure_ascii=len(value) % 2 == 0)


def edited(text: str) -> st.SearchStrategy[str]:
    place = st.integers(0, max(len(text) - 1, 0))
    return st.tuples(place, st.sampled_from(string.printable[:95])).map(lambda at: text[:at[0]] + at[1] + text[at[0] + 1:])


near = st.sampled_from(TEXTS).flatmap(edited)
leaf = st.one_of(st.sampled_from(NUMBERS), st.sampled_from(TEXTS).map(text), near.map(text), st.sampled_from(ODD),
                 st.integers(-2**66, 2**66).map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr),
                 st.integers(-10**15, 10**15).map(lambda n: f"{n / 10**5:.5f}"), st.text(max_size=8).map(text))
keys = st.sampled_from(NAMES)


def containers(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    members = st.lists(st.tuples(keys, inner), max_size=4)
    return st.one_of(members.map(obj), st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]"))


def obj(members: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{stdlib.dumps(k)}:{v}" for k, v in members) + "}"


def struct(types: list[str]) -> str:
    return "STRUCT(" + ", ".join(f"{name} {type_}" for name, type_ in zip(("a", "b", '"e.f"'), types, strict=False)) + ")"


value = st.recursive(leaf, containers, max_leaves=6)
types = st.recursive(st.sampled_from(SCALARS), lambda inner: st.one_of(
    inner.map(lambda t: f"{t}[]"), inner.map(lambda t: f"MAP(VARCHAR, {t})"),
    st.lists(inner, min_size=1, max_size=3).map(struct)), max_leaves=4)
record = st.lists(st.tuples(keys, value), max_size=5).map(obj)


def mutated(pair: tuple[str, list[tuple[float, int]]]) -> bytes:
    data = bytearray(pair[0].encode("utf-8", "surrogatepass"))
    for place, byte in pair[1]:
        at = int(place * len(data))
        if byte < 128:
            data[at:at + 1] = bytes([byte])
        elif byte < 192:
            del data[at:at + 1]
        else:
            data[at:at] = bytes([byte])
    return bytes(data)


damaged = st.tuples(record, st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=2)).map(mutated)
whole = record.map(lambda r: r.encode("utf-8", "surrogatepass"))
anything = st.one_of(whole, whole, whole, damaged, value.map(lambda v: v.encode("utf-8", "surrogatepass")), st.none())
paths = st.one_of(st.none(), st.lists(keys.filter(lambda k: k), min_size=1, max_size=2).map(
    lambda ks: "$" + "".join('."' + k.replace("\\", "\\\\").replace('"', '\\"') + '"' for k in ks)))
definitions = st.lists(st.tuples(types, paths, st.sampled_from([False, False, False, True])), min_size=1, max_size=4).map(
    lambda cs: [(("a", "b", "c d", "größe")[i], t, p, n) for i, (t, p, n) in enumerate(cs)])
includes = st.sampled_from([(), (), ("rest",), ("value", "rest")])
bounded = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False)


def agree(both: Both, records: list[bytes | None]) -> None:
    for index, row in both.fast.items():
        assert index in both.exact, (records[index], "certain, and yet", both.bad, row)
        assert same(row, both.exact[index]), (records[index], row, both.exact[index])
    assert set(both.exact) | set(both.codes) == set(range(len(records)))
    if both.suspect:
        assert both.rows is None, "the optimistic form must raise"
    else:
        assert both.rows is not None
        assert same(both.rows, list(both.fast.values()))


@bounded
@given(definitions, includes, st.sampled_from(["raw", "string", "json"]), st.lists(anything, min_size=1, max_size=12), st.booleans())
def test_what_the_sql_is_certain_of_is_what_the_exact_form_gives(
        cursor: Any, declared: Any, include: Any, key_format: str, records: Any, wide: bool) -> None:
    decoder = json(*declared, include=include, key_format=key_format)
    if wide:
        decoder.wide = frozenset(c.name for c in decoder.columns)  # type: ignore[attr-defined]
    agree(Both(cursor, decoder, batch(records, keys=records[::-1])), records)


@settings(bounded, max_examples=60)
@given(st.integers(0, 2**40), includes, st.booleans())
def test_the_forms_agree_on_records_that_mostly_fit(cursor: Any, seed: int, include: Any, wide: bool) -> None:
    both, records = mostly_fitting(cursor, seed, include, wide)
    agree(both, records)


def test_half_of_such_records_need_no_exact_form(cursor: Any) -> None:
    """Otherwise the agreement would say little. The rest: odd values, repeated keys, maps of structs, long decimals."""
    made = [mostly_fitting(cursor, seed, (), True)[0] for seed in range(60)]
    certain, good = sum(len(both.fast) for both in made), sum(len(both.exact) for both in made)
    assert good > 1_000
    assert certain > 0.5 * good


def mostly_fitting(cursor: Any, seed: int, include: Any, wide: bool) -> tuple[Both, list[bytes | None]]:
    maker = Maker(seed)
    shaped = maker.columns()
    path = [paths_of_keys.spell(tuple(keys)) for _, _, keys, _ in shaped]
    decoder = json(*((name, shape.text, p, required) for (name, shape, _, required), p in zip(shaped, path, strict=True)), include=include)
    if wide:
        decoder.wide = frozenset(c.name for c in decoder.columns)  # type: ignore[attr-defined]
    records = [maker.record(shaped) for _ in range(30)]
    return Both(cursor, decoder, batch(records)), records


@pytest.mark.parametrize("kind", SCALARS)
def test_every_literal_in_every_scalar_column(cursor: Any, kind: str) -> None:
    values = [*NUMBERS, *map(text, TEXTS), *ODD, '{"x":1}', "[1]"]
    records: list[bytes | None] = [f'{{"a":{v}}}'.encode() for v in values]
    for wide in (False, True):
        decoder = json(("a", kind))
        if wide:
            decoder.wide = frozenset("a")  # type: ignore[attr-defined]
        agree(Both(cursor, decoder, batch(records)), records)


@pytest.mark.parametrize(("kind", "seed"), [
    ("TIMESTAMPTZ", "2024-03-10T02:30:00.123Z"), ("TIMESTAMPTZ", "2024-03-10T02:30:00+05:30"), ("TIMESTAMPTZ", "2024-03-10T02:30:00Z"),
    ("TIMESTAMP", "2024-03-10T02:30:00.5"), ("DATE", "2024-03-10"), ("TIME", "02:30:00.25"),
    ("UUID", "123e4567-e89b-12d3-a456-426614174000"), ("BLOB", "YWJjZA=="), ("BOOLEAN", "true"), ("DOUBLE", "-12.5e3"),
    ("BIGINT", "-1_234"), ("DECIMAL(10,2)", "+12.50")])
def test_no_text_one_edit_away_slips_through(cursor: Any, kind: str, seed: str) -> None:
    """DuckDB's casts accept more than ISO 8601; whatever passes the cheap test in SQL must be the exact form's value."""
    alphabet = " +-:./0159_,;TZtzeEnNuU\t"
    edits = [seed[:i] + c + seed[i + skip:] for i in range(len(seed) + 1) for c in alphabet for skip in (0, 1)]
    edits += [seed[:i] + seed[j:] for i in range(len(seed)) for j in range(i + 1, len(seed) + 1)]
    edits += [f"{seed[:i]}{c}{d}{seed[i + 2:]}" for i in range(len(seed)) for c in " +-:.019" for d in " +-:.019"]
    records: list[bytes | None] = [obj([("a", stdlib.dumps(e))]).encode() for e in edits]
    agree(Both(cursor, json(("a", kind)), batch(records)), records)


@settings(bounded, max_examples=40)
@given(definitions, st.lists(anything, min_size=2, max_size=10), st.randoms())
def test_a_verdict_does_not_depend_on_the_batch(cursor: Any, declared: Any, records: Any, rng: Any) -> None:
    """Any split of the same records, decoded as ingest does it, gives the same rows and the same errors."""
    whole = decoded(cursor, json(*declared), records, [len(records)])
    cuts = sorted(rng.sample(range(1, len(records)), rng.randint(1, len(records) - 1)))
    assert same(decoded(cursor, json(*declared), records, [*cuts, len(records)]), whole)


def decoded(cursor: Any, decoder: Any, records: list[Any], ends: list[int]) -> tuple[list[Any], list[Any]]:
    listed = ", ".join(f'"{c.name}" {c.type}' for c in (*decoder.columns, *decoder.metadata))
    cursor.execute(f"CREATE OR REPLACE TEMP TABLE segment ({listed})")
    errors = []
    start = 0
    for end in ends:
        part = batch(records[start:end], first=start)
        certain, doubtful = split(cursor, decoder, part)
        cursor.register("part", certain)
        cursor.execute(f"INSERT INTO segment {decoder.rows('part')}")
        table, bad = decoder.judge(doubtful)
        cursor.register("part", table)
        cursor.execute("INSERT INTO segment FROM part")
        errors += [(doubtful["_kafka_offset"][b.index].as_py(), b.code, b.message) for b in bad]
        start = end
    kept = [c.name for c in decoder.columns]
    select = ", ".join(["_kafka_offset", *(f'"{name}"' for name in kept)])
    return cursor.execute(f"SELECT {select} FROM segment ORDER BY _kafka_offset").fetchall(), sorted(errors)


@pytest.mark.parametrize("format", ["string", "raw"])
@settings(bounded, max_examples=50)
@given(records=st.lists(st.one_of(st.none(), st.binary(max_size=20), st.text(max_size=10).map(str.encode)), min_size=1, max_size=8))
def test_both_forms_of_a_single_column_agree(cursor: Any, format: str, records: Any) -> None:
    agree(Both(cursor, make(format, "string", (), ("value",)), batch(records, keys=records[::-1])), records)


@pytest.mark.parametrize(("kind", "form"), [("BIGINT", "{}"), ("STRUCT(x BIGINT, y DOUBLE)", '{{"x":{},"y":1.5}}'), ("BIGINT[]", "[1,{}]"),
                                            ("MAP(VARCHAR, BIGINT)", '{{"x":{}}}'), ("DECIMAL(20,0)", "{}")])
def test_large_integers_change_the_sql_and_not_the_rows(cursor: Any, kind: str, form: str) -> None:
    """After enough integers beyond 2^53 the column is read in the form that holds them."""
    records: list[bytes | None] = [f'{{"a":{form.format(2**60 + i)}}}'.encode() for i in range(100)]
    decoder = json(("a", kind))
    before = Both(cursor, decoder, batch(records))
    after = Both(cursor, decoder, batch(records))
    assert len(before.suspect) == 100
    assert after.suspect == []
    assert same(list(after.fast.values()), list(before.exact.values()))


@pytest.mark.parametrize("edit", [lambda s: s, lambda s: s.upper()])
def test_columns_below_one_another_are_each_read(cursor: Any, edit: Callable[[str], str]) -> None:
    made = make("json", "raw", columns(("whole", edit("json"), "$.a"), ("part", "BIGINT", "$.a.b"), ("again", "VARCHAR", "$.a.b")))
    both = Both(cursor, made, batch(['{"a":{"b":5}}', '{"a":7}', '{"a":{"b":"x"}}', "{}"]))
    assert [row[:3] for row in both.exact.values()] == [('{"b":5}', 5, "5"), ("7", None, None), (None, None, None)]
    assert both.fast.keys() == both.exact.keys()
    assert both.codes == {2: "TYPE_MISFIT"}
