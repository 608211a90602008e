"""Whatever is typed ends as a statement or as an error with its place: never as an exception of Python, never slowly."""

from __future__ import annotations

import re
from time import process_time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kshell.errors import Error, InternalError
from kshell.lang import parse, split
from kshell.lang.declared import ATTACH_ICEBERG, ATTACH_KAFKA, SETTINGS, SINK, SOURCE
from kshell.lang.statements import AlterSink, AlterSource, Attach, CreateSink, CreateSource, DuckStatement, Set, Statement
from kshell.options import Lookup
from tests.lang.test_passthrough import OURS, SHADOWED

_WORDS = sorted({word for text in [*OURS, *SHADOWED] for word in re.findall(r"\w+|[^\w\s]", text)})
_MORE = [*(o.name for o in SOURCE.options), *(o.name for o in SINK.options), "[", "]", "{", "}", "MAP", ":", "5", "-", "1.5", "'60s'",
         "NULL", "TRUE", "INTERVAL", "TIMESTAMP", "getenv", "getvariable", "SECRET", "'", '"', "$$", "--", "/*", "*/", "\n", "é", "😀",
         "\u00a0", "\0", ";", "WITH", "="]
_BENDS = ([], ["("], [")"], [","], ["x"], ["5"], ["'x'"], ["FROM"], ["."], ["["], ["}"])
_SOUP = st.lists(st.sampled_from(_WORDS + _MORE), max_size=20).map(" ".join)


@st.composite
def _bent(draw: st.DrawFn) -> str:
    """A right statement with some tokens taken out, doubled or exchanged."""
    words = re.findall(r"'[^']*'|\w+|[^\w\s]", draw(st.sampled_from([*OURS, *SHADOWED])))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(words) - 1)) if words else 0
        words[at:at + 1] = draw(st.sampled_from([*_BENDS, words[at:at + 1] * 2]))
    return " ".join(words)


def _carry_out(text: str) -> Statement:
    statement = parse(text)
    if isinstance(statement, CreateSource | AlterSource):
        SOURCE.changes(statement.options, _unset, altering=False)
    elif isinstance(statement, CreateSink | AlterSink):
        SINK.changes(statement.options, _unset, altering=False)
    elif isinstance(statement, Attach):
        (ATTACH_KAFKA if statement.kind == "kafka" else ATTACH_ICEBERG).parse(statement.options, _unset)
    elif isinstance(statement, Set) and not statement.reset:
        SETTINGS.read(statement.name, statement.value, span=statement.value_span)
    return statement


def _statement_or_error(text: str) -> Statement | Error:
    try:
        return _carry_out(text)
    except Error as error:
        return error


def _unset(lookup: Lookup) -> None:
    return None


@settings(max_examples=400, deadline=None)
@given(st.one_of(_SOUP, _bent(), st.text(max_size=60)))
@example("CREATE SOURCE \"\" FROM KAFKA")
@example("ATTACH '' AS k (TYPE")
@example("ATTACH '' AS k (TYPE =")
@example("CREATE SECRET ( TYPE")
@example("SET kshell_grammar = " + "[" * 200)
@example("CREATE SOURCE o FROM KAFKA (X MAP {0: " + "MAP {0: " * 200)
@example("SHOW \ud800")
def test_any_text_is_a_statement_or_an_error_with_its_place(text: str) -> None:
    for piece in split(text):
        found = _statement_or_error(piece.text)
        if isinstance(found, Error):
            assert not isinstance(found, InternalError)
            assert found.message
            assert found.position is not None
            assert 0 <= found.position <= len(piece.text)
            assert found.length >= 1
        else:
            assert found.text == piece.text
            assert not isinstance(found, DuckStatement) or found == DuckStatement(text=piece.text)


@pytest.mark.parametrize("text", [
    "CREATE SOURCE o (" + ", ".join(f"c{n} STRUCT(a INT, b VARCHAR[])" for n in range(2000)) + ") FROM KAFKA k",
    "CREATE SINK s AS SELECT " + ", ".join(f"c{n}" for n in range(20_000)) + " FROM o INTO ICEBERG l.n.t",
    "CREATE SOURCE o FROM KAFKA k (PARTITIONS [" + ", ".join(str(n) for n in range(20_000)) + "])",
    "INSERT INTO t VALUES " + ", ".join("(1, 'x')" for _ in range(200_000)),
    "-- " + "x" * 1_000_000,
    "SELECT '" + "x" * 1_000_000 + "' EMIT CHANGES",
    "CREATE SOURCE o FROM KAFKA k (TOPIC '" + "''" * 200_000,
    "/*" * 5_000,
])
def test_a_long_text_is_read_in_seconds(text: str) -> None:
    began = process_time()
    _statement_or_error(text)
    assert process_time() - began < 5
