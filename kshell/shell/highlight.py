"""Colours of the line being typed: SQL, kshell's words, dot commands; a string that is still open is marked.

Invariant: input only; nothing of a result passes through here."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.lexers import Lexer
from prompt_toolkit.styles import Style

from kshell.shell.tokens import tokens
from kshell.shell.words import keywords

STYLE = Style.from_dict({
    "prompt": "bold", "prompt.more": "ansibrightblack", "prompt.ro": "ansiyellow",
    "sql.keyword": "ansiblue bold", "sql.string": "ansigreen", "sql.open": "ansired", "sql.number": "ansicyan",
    "sql.comment": "ansibrightblack", "sql.command": "ansimagenta",
    "bottom-toolbar": "noreverse ansibrightblack", "auto-suggestion": "ansibrightblack",
    "completion-menu.completion": "bg:ansibrightblack ansiwhite",
    "completion-menu.completion.current": "bg:ansiblue ansiwhite bold noreverse",
    "completion-menu.meta.completion": "bg:ansibrightblack ansiwhite",
    "completion-menu.meta.completion.current": "bg:ansiblue ansiwhite noreverse",
})
_STYLES = {"string": "class:sql.string", "number": "class:sql.number", "comment": "class:sql.comment"}


class SqlLexer(Lexer):
    """`enabled` is asked at each drawing, so `.highlight off` works at once."""

    def __init__(self, enabled: Callable[[], bool] = lambda: True) -> None:
        self._enabled = enabled
        self._keywords = keywords()

    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        plain: StyleAndTextTuples = [("", document.text)]
        lines = _lines(self._fragments(document.text) if self._enabled() else plain)
        return lambda number: lines[number] if number < len(lines) else []

    def _fragments(self, text: str) -> StyleAndTextTuples:
        if text.lstrip().startswith((".", "\\")) and "\n" not in text:
            name, blank, rest = text.partition(" ")
            return [("class:sql.command", name), ("", blank + rest)]
        out: StyleAndTextTuples = []
        at = 0
        for token in tokens(text, comments=True):
            out.append(("", text[at:token.start]))
            style = "class:sql.open" if token.open and token.kind != "comment" else _STYLES.get(token.kind, "")
            if token.kind == "word" and token.text.upper() in self._keywords:
                style = "class:sql.keyword"
            out.append((style, token.text))
            at = token.end
        out.append(("", text[at:]))
        return out


def _lines(fragments: StyleAndTextTuples) -> list[StyleAndTextTuples]:
    lines: list[StyleAndTextTuples] = [[]]
    for style, text, *_ in fragments:
        first, *more = text.split("\n")
        lines[-1].append((style, first))
        lines.extend([(style, part)] for part in more)
    return lines
