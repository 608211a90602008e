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

# Middle tones of the fixed part of the palette: a terminal's own sixteen colours are made for one background, and nobody tells which.
RULES = {
    "prompt": "bold", "prompt.more": "#767676", "prompt.ro": "#af5f00 bold",
    "sql.keyword": "#0087d7 bold", "sql.string": "#008700", "sql.open": "#d70000 bold", "sql.number": "#af5f00",
    "sql.comment": "#767676", "sql.command": "#af00af bold",
    "bottom-toolbar": "noreverse #767676", "auto-suggestion": "#767676",
    "completion-menu.completion": "bg:#303030 #e4e4e4",
    "completion-menu.completion.current": "bg:#005faf #ffffff bold noreverse",
    "completion-menu.meta.completion": "bg:#303030 #bcbcbc",
    "completion-menu.meta.completion.current": "bg:#005faf #ffffff noreverse",
}
STYLE = Style.from_dict(RULES)
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
