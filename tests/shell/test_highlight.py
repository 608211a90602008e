"""Colours of the line being typed."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.document import Document

from kshell.shell.highlight import RULES, SqlLexer
from kshell.shell.tokens import tokens


def styles(text: str) -> dict[str, str]:
    line = SqlLexer().lex_document(Document(text))
    return {part[1]: part[0] for number in range(text.count("\n") + 1) for part in line(number) if part[1].strip()}


def test_words_of_kshell_are_coloured_like_sql() -> None:
    found = styles("CREATE SOURCE o FROM KAFKA k;")
    assert {found[word] for word in ("CREATE", "SOURCE", "FROM", "KAFKA")} == {"class:sql.keyword"}
    assert found["o"] == ""


@pytest.mark.parametrize("text", ["SELECT 'abc", 'SELECT "abc', "SELECT $$abc", "SELECT 'it''s"])
def test_a_string_that_is_open_is_marked(text: str) -> None:
    assert "class:sql.open" in styles(text).values()


@pytest.mark.parametrize("text", ["SELECT 'abc'", 'SELECT "a""b"', "SELECT $x$abc$x$", "SELECT 'it''s'", "-- it's open"])
def test_a_closed_one_is_not(text: str) -> None:
    assert "class:sql.open" not in styles(text).values()


def test_switched_off_there_is_no_colour() -> None:
    line = SqlLexer(lambda: False).lex_document(Document("SELECT 1"))
    assert line(0) == [("", "SELECT 1")]


@given(st.text(alphabet="ab '\"$\n;-/*.:=\\é(", max_size=40))
def test_any_text_keeps_every_character(text: str) -> None:
    line = SqlLexer().lex_document(Document(text))
    assert "\n".join("".join(part[1] for part in line(n)) for n in range(text.count("\n") + 1)) == text


@given(st.text(alphabet="ab '\"$\n;-/*.:=\\é(", max_size=40))
def test_tokens_stand_where_they_say(text: str) -> None:
    for token in tokens(text, comments=True):
        assert text[token.start:token.end] == token.text


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb, as WCAG 2 defines it."""
    parts = [int(color[at:at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if "#" in rule])
def test_a_colour_can_be_read_on_a_dark_and_on_a_light_background(rule: str) -> None:
    found = re.search(r"(?:bg:(#\w{6}) )?(?:noreverse )?(#\w{6})", rule)
    assert found is not None
    backgrounds = [found[1]] if found[1] else ["#000000", "#ffffff"]
    enough = 3.0 if "bold" in rule else 4.4       # bold letters count as large ones
    assert all(contrast(found[2], background) >= enough for background in backgrounds)
