"""Values by the rules of the program, to the letter, and formats that read back what was written."""

from __future__ import annotations

import csv
import decimal
import io
import json
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from kshell.errors import BadValueError, UnknownOptionError
from kshell.output._errors import Place, error_object, error_text
from kshell.output._values import double
from kshell.output._width import width
from tests.output.conftest import EVERY_TYPE, Render


def value_of(render: Render, expression: str) -> Any:
    text = render("ndjson", f"SELECT {expression} AS v").decode()
    return json.loads(text, parse_float=decimal.Decimal)["v"]


@pytest.mark.parametrize(("expression", "value"), [
    ("9007199254740993::BIGINT", 9007199254740993),
    ("170141183460469231731687303715884105727::HUGEINT", 170141183460469231731687303715884105727),
    ("340282366920938463463374607431768211455::UHUGEINT", 340282366920938463463374607431768211455),
    ("12345678901234567890.12345678::DECIMAL(38,8)", decimal.Decimal("12345678901234567890.12345678")),
    ("0.00000001::DECIMAL(18,8)", decimal.Decimal("0.00000001")),
    ("0.1::FLOAT", decimal.Decimal("0.1")), ("1e300::DOUBLE", decimal.Decimal("1e300")),
    ("'nan'::DOUBLE", "NaN"), ("'inf'::FLOAT", "Infinity"), ("'-inf'::DOUBLE", "-Infinity"), ("['nan'::DOUBLE]", ["NaN"]),
    ("-123456789012345678901234567890::BIGNUM", -123456789012345678901234567890),
    ("'\\xAA\\x00'::BLOB", "qgA="), ("'10100000001'::BIT", "10100000001"),
    ("TIMESTAMPTZ '2026-11-25 14:00:00.5+01'", "2026-11-25T13:00:00.5Z"), ("TIMESTAMPTZ '2026-11-25 13:00:00+00'", "2026-11-25T13:00:00Z"),
    ("'infinity'::TIMESTAMPTZ", "infinity"), ("TIMESTAMPTZ '0044-03-15 (BC) 00:00:00+00'", "0044-03-15 (BC) 00:00:00Z"),
    ("TIMESTAMPTZ '12345-01-01 00:00:00+00'", "12345-01-01T00:00:00Z"),
    ("TIMESTAMP '2024-02-29 23:59:59.000001'", "2024-02-29 23:59:59.000001"), ("DATE '1600-02-29'", "1600-02-29"),
    ("DATE '0000-01-01'", "0001-01-01 (BC)"),
    ("TIME '24:00:00'", "24:00:00"), ("'1969-12-31 23:59:59.999999999'::TIMESTAMP_NS", "1969-12-31 23:59:59.999999999"),
    ("INTERVAL '14 months 2 days 3.5 seconds'", "P1Y2M2DT3.5S"), ("INTERVAL '0 days'", "PT0S"), ("INTERVAL '-90 minutes'", "PT-1H-30M"),
    ("{'a': 1, 'b': {'c': NULL}}", {"a": 1, "b": {"c": None}}), ("row(1, 'x')", [1, "x"]), ("[[1], NULL, []]", [[1], None, []]),
    ("MAP {'k': 1}", {"k": 1}), ("MAP {1: 'v'}", [{"key": 1, "value": "v"}]), ("[1, 2]::INT[2]", [1, 2]), ("union_value(n := 'x')", "x"),
    ("'{\"a\": [1,\n2]}'::JSON", {"a": [1, 2]}), ("'[NaN,]'::JSON", "[NaN,]"), ("[1]::JSON[]", [1]),
    ("chr(27) || chr(0) || 'ü\"'", "\x1b\x00ü\""), ("NULL::STRUCT(a INT)", None), ("true", True),
])
def test_json_values_follow_one_rule(render: Render, expression: str, value: Any) -> None:
    assert value_of(render, expression) == value


@pytest.mark.parametrize("mode", ["json", "ndjson"])
def test_json_is_valid_for_every_type(render: Render, mode: str) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)
    text = render(mode, EVERY_TYPE).decode()
    rows = json.loads(text, parse_constant=refuse) if mode == "json" else [json.loads(x, parse_constant=refuse) for x in text.splitlines()]
    assert len(rows) == 3
    assert set(rows[2].values()) == {None}


def test_members_of_one_name_get_a_suffix(render: Render) -> None:
    assert json.loads(render("ndjson", "SELECT 1 AS a, 2 AS a, 3 AS a_1")) == {"a": 1, "a_1": 2, "a_1_1": 3}


def test_values_inside_sliced_batches_stay_with_their_rows(render: Render) -> None:
    query = """SELECT i, [i, i + 1] AS l, {'a': i} AS s, MAP {i::VARCHAR: i} AS m, [i, i]::INT[2] AS f, union_value(u := i) AS u
               FROM range(40000) t(i) WHERE i % 3 <> 1 ORDER BY i"""
    for line in render("ndjson", query).splitlines():
        row = json.loads(line)
        i = row["i"]
        assert row == {"i": i, "l": [i, i + 1], "s": {"a": i}, "m": {str(i): i}, "f": [i, i], "u": i}


def test_csv_reads_back_the_same_cells(render: Render) -> None:
    query = '''SELECT * FROM (VALUES (1, 'a,b'), (2, 'say "hi"'), (3, 'l1' || chr(10) || 'l2'), (4, chr(13)), (5, ' lead '), (6, 'ü漢😀;'))
               t(id, "a ""name""") ORDER BY id'''
    written = render("csv", query).decode()
    assert "\r\n" not in written
    rows = list(csv.reader(io.StringIO(written, newline="")))
    assert rows == [["id", 'a "name"'], ["1", "a,b"], ["2", 'say "hi"'], ["3", "l1\nl2"], ["4", "\r"], ["5", " lead "], ["6", "ü漢😀;"]]


def test_csv_tells_null_from_empty_text(render: Render) -> None:
    assert render("csv", "SELECT NULL AS a, '' AS b, 'NULL' AS c") == b'a,b,c\n,"",NULL\n'
    assert render("csv", "SELECT NULL AS a, '' AS b, '-' AS c", nullvalue="-") == b'a,b,c\n-,"","-"\n'


def test_headers_can_be_left_out(render: Render) -> None:
    for mode in ("csv", "tsv", "list"):
        assert render(mode, "SELECT 1 AS a", header=False) == b"1\n"


def test_tsv_has_one_line_a_row(render: Render) -> None:
    assert render("tsv", "SELECT 'a' || chr(9) || chr(10) || '\\' AS v, 2 AS b", header=False) == b"a\\t\\n\\\\\t2\n"


def test_insert_statements_make_the_same_rows_again(render: Render) -> None:
    query = f"SELECT * EXCLUDE (ro) FROM ({EVERY_TYPE}) ORDER BY i8 DESC NULLS LAST"
    statements = render("insert", query, table="copy").decode()
    with duckdb.connect(":memory:", config={"python_enable_replacements": "false"}) as connection:
        connection.execute(f"CREATE TABLE original AS {query}")
        connection.execute("CREATE TABLE copy AS FROM original LIMIT 0")
        for statement in statements.splitlines():
            connection.execute(statement)
        assert connection.execute("SELECT count(*) FROM (FROM original EXCEPT FROM copy)").fetchall() == [(0,)]
        assert connection.execute("SELECT count(*) FROM copy").fetchall() == [(3,)]


def test_parquet_and_arrow_hold_the_values(render: Render) -> None:
    query = "SELECT 1::BIGINT AS a, 'ü' AS b, TIMESTAMPTZ '2024-01-02 03:04:05+00' AS t, 7::HUGEINT AS h, INTERVAL '1 day' AS i, 1 AS a"
    table = pyarrow.parquet.read_table(pa.BufferReader(render("parquet", query)))
    assert table.drop_columns("t").to_pylist() == [{"a": 1, "b": "ü", "h": decimal.Decimal(7), "i": "P1D", "a_1": 1}]
    assert table["t"].cast(pa.int64()).to_pylist() == [1704164645000000]
    assert pa.ipc.open_file(render("arrow", query)).read_all()["a"].to_pylist() == [1]


def test_a_pipe_gets_the_arrow_stream_format(render: Render) -> None:
    from kshell import output
    from kshell.output import OutColumn

    class Pipe:
        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> None:
            self.data += data

        def flush(self) -> None:
            pass

    pipe = Pipe()
    output.write([OutColumn("v", "VARCHAR")], [pa.RecordBatch.from_pydict({"v": ["x"]})], output.find("arrow"), pipe, output.Settings())
    assert pa.ipc.open_stream(pipe.data).read_all().to_pylist() == [{"v": "x"}]


def test_markdown_cells_do_not_break_their_row(render: Render) -> None:
    written = render("markdown", "SELECT 'a|b' AS x, 'l1' || chr(13) || chr(10) || 'l2' AS \"y|\", 'back\\|' AS z, '<b>' AS h").decode()
    head, rule, row = written.splitlines()
    assert row == "| a\\|b | l1<br>l2 | back&#92;\\| | &lt;b> |"
    assert {line.count("|") - line.count("\\|") for line in (head, rule, row)} == {5}


def test_html_escapes_names_and_values(render: Render) -> None:
    written = render("html", "SELECT '<b>&\"' AS \"<i>\"").decode()
    assert "&lt;b&gt;&amp;&quot;" in written
    assert "<i>" not in written


def test_vertical_has_one_value_a_line(render: Render) -> None:
    assert render("vertical", "SELECT 1 AS a, NULL AS long_name").decode() == "        a = 1\nlong_name = NULL\n"


def test_doubles_read_back() -> None:
    assert [double(x) for x in (0.1, 1e16, -0.0, float("nan"))] == ["0.1", "1e+16", "-0.0", "NaN"]


# ---- errors -------------------------------------------------------------------------------------------------------

def test_an_error_shows_its_place_byte_for_byte() -> None:
    text = "CREATE SOURCE o FROM KAFKA k (TOPC 'orders');"
    error = UnknownOptionError("CREATE SOURCE has no option TOPC", hint="did you mean TOPIC?", position=30, length=4)
    place = Place(text, 0, 1, None, text)
    assert error_text(error, place) == ("error: CREATE SOURCE has no option TOPC\n  CREATE SOURCE o FROM KAFKA k (TOPC 'orders');\n"
                                        "                                ^^^^\nhint: did you mean TOPIC?\n")


def test_an_error_in_a_file_names_file_and_line_of_the_place() -> None:
    text = "SELECT 1;\nSELECT\n  nope;"
    place = Place(text, 10, 2, "smoke.sql", text[10:])
    error = BadValueError("no", position=9)
    assert error_text(error, place).startswith("error: smoke.sql:3: no\n")
    told = json.loads(error_object(error, place))
    assert told == {"code": "bad_value", "message": "no", "hint": None, "position": 9, "length": 1, "statement": 2, "file": "smoke.sql",
                    "line": 3, "exit": 1}


def test_the_caret_stands_below_wide_characters() -> None:
    text = "SELECT '漢字', nope"
    lines = error_text(BadValueError("no", position=text.index("nope"), length=4), Place(text, 0, 1, None, text)).splitlines()
    assert lines[2] == "  " + " " * 15 + "^^^^"


@pytest.mark.parametrize("columns", [41, 80, 120, 200])
@pytest.mark.parametrize("before", [0, 70, 78, 300])
@pytest.mark.parametrize("letter", ["x", "漢"])
def test_the_line_of_an_error_and_its_caret_fit_the_screen(columns: int, before: int, letter: str) -> None:
    text = f"{letter * before} nope {letter * 200}"
    error = BadValueError("no", position=before + 1, length=4)
    _, line, marks = error_text(error, Place(text, 0, 1, None, text), columns=columns).splitlines()
    assert width(line) < columns
    assert width(line[:line.index("nope")]) == marks.index("^")
    assert marks.count("^") == 4


@pytest.mark.parametrize("statement", [
    "CREATE SECRET x (TYPE kafka, SASL_PASSWORD 'hunter2-secret')",
    "CREATE OR REPLACE SECRET x (TYPE kafka, SASL_PASSWRD = 'hunter2-secret')",
    "ATTACH 'https://c' AS c (TYPE iceberg, CATALOG rest, PROPERTIES MAP {'token': 'hunter2-secret'})",
    "ATTACH 'postgres://me:hunter2-secret@host/db' AS p"])
def test_no_error_shows_a_secret_of_its_statement(statement: str) -> None:
    error = BadValueError(f"near 'hunter2-secret' in {statement}", hint="hunter2-secret", position=10)
    place = Place(statement, 0, 1, "f.sql", statement)
    assert "hunter2" not in error_text(error, place) + error_object(error, place)


def test_error_text_is_printable() -> None:
    shown = error_text(BadValueError("topic \x1b[2J\u202e\udc9b"), Place("\x1b", 0, 1, "a\x1b.sql", ""))
    assert "\x1b" not in shown
    assert "\\e[2J\\u202e\\x9b" in shown
