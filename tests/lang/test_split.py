"""A script is cut where DuckDB would cut it, in characters, whatever stands in strings and comments."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.lang import Piece, is_complete, split, splitter
from kshell.lang.tokens import tokens


def _texts(text: str) -> list[str]:
    return [piece.text for piece in split(text)]


@pytest.mark.parametrize(("text", "expected"), [
    ("", []),
    (" \n\t ", []),
    (";;;", []),
    ("-- only a comment", []),
    ("/* only */ -- comments\n", []),
    ("SELECT 1", ["SELECT 1"]),
    ("SELECT 1;", ["SELECT 1"]),
    ("SELECT 1;SELECT 2", ["SELECT 1", "SELECT 2"]),
    ("SELECT ';' ; SELECT \";\"", ["SELECT ';'", 'SELECT ";"']),
    ("SELECT 'it''s;'; x", ["SELECT 'it''s;'", "x"]),
    (r"SELECT e'it\'s;'; x", [r"SELECT e'it\'s;'", "x"]),
    ("SELECT $$a;b$$; SELECT $t$ ;$$; $t$; x", ["SELECT $$a;b$$", "SELECT $t$ ;$$; $t$", "x"]),
    ("SELECT 1 -- it's; not\n; x", ["SELECT 1", "x"]),
    ("SELECT /* ; /* ; */ ; */ 1; x", ["SELECT /* ; /* ; */ ; */ 1", "x"]),
    ("-- a\nSELECT 1 /* b */ ; -- c", ["SELECT 1"]),
    ("SELECT 'a'\n  'b;c'; x", ["SELECT 'a'\n  'b;c'", "x"]),
    ("SELECT U&'a;b'; x", ["SELECT U&'a;b'", "x"]),
    ('SELECT ""; x', ['SELECT ""', "x"]),
    ("SELECT 'open; x", ["SELECT 'open; x"]),
    ('a; SELECT "open; x', ["a", 'SELECT "open; x']),
    ("a; $q$ open; x", ["a", "$q$ open; x"]),
    ("a; /* open; x", ["a", "/* open; x"]),
    ("é; 'ü;' ; 😀", ["é", "'ü;'", "😀"]),
    ("SELECT\u00a01; x", ["SELECT\u00a01", "x"]),
    ("a\0b; c", ["a\0b", "c"]),
    ("\ud800; x", ["\ud800", "x"]),
])
def test_statements_are_cut_at_their_semicolons(text: str, expected: list[str]) -> None:
    assert _texts(text) == expected


def test_a_script_from_windows_is_read() -> None:
    assert split("\ufeffSELECT 1;\r\n.mode csv\r\n-- c\r\nSELECT\r\n2;\r\n") == [
        Piece("SELECT 1", 1, "sql", 1), Piece(".mode csv", 12, "dot", 2), Piece("SELECT\r\n2", 29, "sql", 4),
    ]


@pytest.mark.parametrize(("text", "expected"), [
    (".mode csv", [("dot", ".mode csv")]),
    ("  .mode csv  \nSELECT 1", [("dot", ".mode csv"), ("sql", "SELECT 1")]),
    (".print it's\n.print \"x\nSELECT 1;", [("dot", ".print it's"), ("dot", '.print "x'), ("sql", "SELECT 1")]),
    (".print /* \n.print $$\n.print e'\\'\nx", [("dot", ".print /*"), ("dot", ".print $$"), ("dot", ".print e'\\'"), ("sql", "x")]),
    ("SELECT 1\n.mode csv", [("sql", "SELECT 1\n.mode csv")]),
    ("SELECT a\n.list_sort(b);\n.mode csv", [("sql", "SELECT a\n.list_sort(b)"), ("dot", ".mode csv")]),
    ("SELECT '\n.mode csv\n'; x", [("sql", "SELECT '\n.mode csv\n'"), ("sql", "x")]),
    ("SELECT '\n.a\n.b\n';\n.c it's\n.d", [("sql", "SELECT '\n.a\n.b\n'"), ("dot", ".c it's"), ("dot", ".d")]),
    ("/*\n.mode csv\n*/ x", [("sql", "x")]),
    ("-- c\n.mode csv", [("dot", ".mode csv")]),
    ("SELECT 1;\n\n.5", [("sql", "SELECT 1"), ("sql", ".5")]),
    (".mode csv; SELECT 1", [("dot", ".mode csv; SELECT 1")]),
    (r"\d orders", [("dot", r"\d orders")]),
    ("SELECT 1; .mode csv", [("sql", "SELECT 1"), ("dot", ".mode csv")]),
    ("SELECT 1; .mode csv; SELECT 2", [("sql", "SELECT 1"), ("dot", ".mode csv"), ("sql", "SELECT 2")]),
    ("SELECT 1; .print it's\nSELECT 2;", [("sql", "SELECT 1"), ("sql", ".print it's\nSELECT 2;")]),
])
def test_a_dot_command_is_a_line_of_its_own_outside_statements(text: str, expected: list[tuple[str, str]]) -> None:
    assert [(piece.kind, piece.text) for piece in split(text)] == expected


@pytest.mark.parametrize(("text", "complete"), [
    ("", True), ("-- x", True), ("SELECT 1", False), ("SELECT 1;", True), ("SELECT 1; -- it's", True), ("SELECT ';'", False),
    ("SELECT ';", False), ("SELECT 1; SELECT", False), ("SELECT 1; /* open", False), ("SELECT 1 -- ;", False), (".mode csv", True),
    ("SELECT 1;\n.mode csv", True), ("SELECT 1\n.mode csv", False), ("$$ ;", False), ("SELECT 1;;", True),
])
def test_enter_submits_when_nothing_is_open(text: str, complete: bool) -> None:
    assert is_complete(text) is complete


def test_lines_and_places_lead_back_to_the_text() -> None:
    text = "-- head\nSELECT 'a\nb';\n\n  .mode csv\nü; x"
    assert [(piece.line, piece.text) for piece in split(text)] == [(2, "SELECT 'a\nb'"), (5, ".mode csv"), (6, "ü"), (6, "x")]
    assert all(text[piece.start:].startswith(piece.text) for piece in split(text))


_PARTS = st.sampled_from([
    ";", "'", '"', "''", "--", "/*", "*/", "\n", "\r\n", "$$", "$t$", "e'", "\\", ".mode x", "SELECT", "é", "😀", " ", "\u00a0", "1.5", "(",
    ")", "U&'", "\0", "[", ":=", "::", "{", "a", "?", "#", "@", "\ufeff", "x'",
])


@settings(max_examples=300, deadline=None)
@given(st.lists(_PARTS, max_size=24).map("".join))
def test_pieces_are_in_order_and_leave_out_only_what_is_no_token(text: str) -> None:
    pieces = split(text)
    end = 0
    for piece in pieces:
        assert piece.start >= end
        assert text[piece.start:piece.start + len(piece.text)] == piece.text == piece.text.strip()
        assert piece.line == text.count("\n", 0, piece.start) + 1
        assert all(t.text == ";" for t in tokens(text[end:piece.start])[:-1]), text[end:piece.start]
        end = piece.start + len(piece.text)
    assert all(piece.ended for piece in pieces[:-1])


@settings(max_examples=300, deadline=None)
@given(st.lists(_PARTS, max_size=16).map("".join))
def test_tokens_do_not_overlap_and_begin_where_duckdb_says(text: str) -> None:
    found = tokens(text)
    assert found[-1].kind == "end"
    assert all(a.end <= b.start for a, b in pairwise(found))
    assert all(text[t.start:t.end] == t.text for t in found)
    if text.isascii() and "\0" not in text:
        theirs = [offset for offset, _ in duckdb.tokenize(text)]
        assert [t.start for t in found][:len(theirs)] == theirs


_STATEMENTS = st.sampled_from(["SELECT 1", "SELECT ';'", "FROM t WHERE a = $$;$$", 'SELECT "ü;" -- ;\n', "/* ; */ SELECT e'\\';'", ";"])


@settings(max_examples=100, deadline=None)
@given(st.lists(_STATEMENTS, min_size=1, max_size=8).map(";\n".join))
def test_a_script_of_duckdb_has_as_many_pieces_as_duckdb_finds_statements(script: str) -> None:
    assert len(split(script)) == len(duckdb.default_connection().extract_statements(script))


@pytest.mark.parametrize("text", [
    "SELECT 1;\n" * 20_000,
    ".mode csv\n" * 5_000,
    "SELECT '" + "\n.mode csv" * 20_000 + "';",
    "SELECT 1;\n.mode csv\n" * 3_000,
    'SELECT "" FROM t;\n' * 900,
    "INSERT INTO t VALUES " + "(1, 'a;b', 2.5)," * 50_000,
])
def test_a_long_script_is_cut_in_seconds(text: str) -> None:
    began = perf_counter()
    split(text)
    assert perf_counter() - began < 10


_WORDS = ["SELECT", "FROM", "x", "_kafka_offset", "e", "U", "x1", "1", "1.5", "5_", ".5", "1e", "'a'", "''", "'a b'", "'--'", "'/*'",
          "'it'", "'.help'", "(", ")", "*", ",", "=", "<=", "<>", "!=", ":", "::", "+", "%", ".", " ", "  ", "\t"]
_ONE = st.lists(st.sampled_from(_WORDS), max_size=12).map("".join)


@given(_ONE)
@settings(max_examples=500, deadline=None)
def test_what_is_one_piece_at_a_glance_is_that_piece_when_it_is_read(text: str) -> None:
    read = [Piece(text[start:end], start, kind, 1, ended) for start, end, kind, ended in splitter._pieces(text)]
    assert split(text) == read


@pytest.mark.parametrize("text", ["SELECT 1", " \tFROM t ", "SELECT count(*) FROM t WHERE s = 'a -- b' AND n >= 5", "(SELECT 1)"])
def test_a_plain_line_is_taken_at_a_glance(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = split(text)

    def refuse(_: str) -> None:
        raise AssertionError("it was read token by token")

    monkeypatch.setattr(splitter, "starts", refuse)
    assert split(text) == expected == [Piece(text.strip(" \t"), len(text) - len(text.lstrip(" \t")), "sql", 1, ended=False)]
