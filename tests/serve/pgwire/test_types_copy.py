"""COPY ... TO STDOUT in PostgreSQL's three forms: one message for each row, and what psycopg and Python's csv read is what was there."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.adapt import Transformer

from kshell.query.shapes import columns_of
from kshell.serve.pgwire.types import CopyEncoder
from kshell.serve.pgwire.types.copy import CopyForm
from tests.serve.pgwire.wire import copied

ROWS = r"""SELECT * FROM (VALUES (1, 'a', true), (2, E'tab\there\\ "q", \nline', NULL), (NULL, '', false), (3, '\N', true)) t(n, s, b)"""


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def lines(duck: duckdb.DuckDBPyConnection, text: str, form: CopyForm) -> list[bytes]:
    duck.execute(text)
    encoder = CopyEncoder(columns_of(duck.description), form)
    return copied(encoder.head() + b"".join(encoder.encode(batch) for batch in duck.to_arrow_reader(2048)) + encoder.tail())


def test_text_escapes_what_would_be_read_as_something_else(duck: duckdb.DuckDBPyConnection) -> None:
    assert lines(duck, ROWS, CopyForm()) == [
        b"1\ta\tt\n", rb'2' + b"\t" + rb'tab\there\\ "q", \nline' + b"\t" + rb"\N" + b"\n", rb"\N" + b"\t\tf\n",
        b"3\t" + rb"\\N" + b"\tt\n"]


def test_csv_quotes_only_what_needs_it(duck: duckdb.DuckDBPyConnection) -> None:
    assert lines(duck, ROWS, CopyForm("csv", header=True)) == [
        b"n,s,b\n", b"1,a,t\n", b'2,"tab\there\\ ""q"", \nline",\n', b',"",f\n', b"3,\\N,t\n"]


@pytest.mark.parametrize(("form", "line"), [
    (CopyForm("text", delimiter="|", null="-"), rb"a\|b|-" + b"\n"), (CopyForm("csv", delimiter=";", null="NULL"), b"a|b;NULL\n"),
    (CopyForm("csv", force_quote="*"), b'"a|b",\n'), (CopyForm("csv", force_quote=frozenset({"t"})), b"a|b,\n"),
    (CopyForm("csv", delimiter="|", quote="'", escape="\\"), b"'a|b'|\n"),
])
def test_the_options_of_copy_are_kept(duck: duckdb.DuckDBPyConnection, form: CopyForm, line: bytes) -> None:
    assert lines(duck, "SELECT 'a|b' AS s, NULL::VARCHAR AS t", form) == [line]


def test_the_end_mark_alone_on_a_line_is_quoted(duck: duckdb.DuckDBPyConnection) -> None:
    assert lines(duck, r"SELECT '\.' AS s", CopyForm("csv")) == [b'"\\."\n']


def test_escape_and_quote_are_both_escaped(duck: duckdb.DuckDBPyConnection) -> None:
    assert lines(duck, r"""SELECT 'a"b\c' AS s""", CopyForm("csv", escape="\\")) == [b'"a\\"b\\\\c"\n']


def test_binary_has_its_signature_its_counts_and_its_end(duck: duckdb.DuckDBPyConnection) -> None:
    signature, row = b"PGCOPY\n\xff\r\n\0" + bytes(8), b"\0\2\0\0\0\4\0\0\0\1\xff\xff\xff\xff"
    text = "SELECT 1::INTEGER AS a, NULL::VARCHAR AS b FROM range(3000)"
    assert lines(duck, text, CopyForm("binary")) == [signature + row, *[row] * 2999, b"\xff\xff"]
    assert lines(duck, f"{text} WHERE false", CopyForm("binary")) == [signature + b"\xff\xff"]


def test_no_rows_are_no_messages(duck: duckdb.DuckDBPyConnection) -> None:
    assert lines(duck, "SELECT 1 AS a WHERE false", CopyForm()) == []


_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=10)
_odd = st.sampled_from([r"\N", r"\.", '"', "\r\n", "\\\t\v\b\f", ""])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.none() | _texts | _odd, _texts | _odd), min_size=1, max_size=6))
def test_text_and_csv_read_back(duck: duckdb.DuckDBPyConnection, rows: list[tuple[str | None, str]]) -> None:
    from psycopg import _copy_base

    text = "SELECT unnest(?::VARCHAR[]) AS a, unnest(?::VARCHAR[]) AS b"
    for form in (CopyForm(), CopyForm("csv")):
        duck.execute(text, [[a for a, _ in rows], [b for _, b in rows]])
        encoder = CopyEncoder(columns_of(duck.description), form)
        found = copied(b"".join(encoder.encode(batch) for batch in duck.to_arrow_reader(2048)))
        if form.format == "text":
            as_text = Transformer()
            as_text.set_loader_types([25, 25], 0)
            assert [_copy_base._parse_row_text(line, as_text) for line in found] == rows
        else:
            read = list(csv.reader(io.StringIO(b"".join(found).decode(), newline=""), strict=True))
            assert [tuple(row) for row in read] == [(a or "", b) for a, b in rows]
