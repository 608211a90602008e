"""A place in a statement's tokens, and the questions a parser asks there.

Invariant: every `accept` that answers False has moved nothing; every error carries the place of the token it is about, what was expected
there, and the form of the statement."""

from __future__ import annotations

import re
from typing import NoReturn

from kshell.errors import BadValueError, StatementSyntaxError, did_you_mean
from kshell.lang.tokens import Token, tokens
from kshell.options.written import Span

# DuckDB's reserved words: as a name they must be quoted, in a source as in every query over it.
RESERVED = frozenset([
    "ALL", "ANALYSE", "ANALYZE", "AND", "ANY", "ARRAY", "AS", "ASC", "ASYMMETRIC", "BOTH", "CASE", "CAST", "CHECK", "COLLATE", "COLUMN",
    "CONSTRAINT", "CREATE", "DEFAULT", "DEFERRABLE", "DESC", "DESCRIBE", "DISTINCT", "DO", "ELSE", "END", "EXCEPT", "FALSE", "FETCH",
    "FOR", "FOREIGN", "FROM", "GROUP", "HAVING", "IN", "INITIALLY", "INTERSECT", "INTO", "LAMBDA", "LATERAL", "LEADING", "LIMIT", "NOT",
    "NULL", "OFFSET", "ON", "ONLY", "OR", "ORDER", "PIVOT", "PIVOT_LONGER", "PIVOT_WIDER", "PLACING", "PRIMARY", "QUALIFY",
    "REFERENCES", "RETURNING", "SELECT", "SHOW", "SOME", "SUMMARIZE", "SYMMETRIC", "TABLE", "THEN", "TO", "TRAILING", "TRUE", "UNION",
    "UNIQUE", "UNPIVOT", "USING", "VARIADIC", "WHEN", "WHERE", "WINDOW", "WITH",
])
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{1,3})|(.))|''", re.DOTALL)
_QUOTED = re.compile(r"'([^']*(?:''[^']*)*)'")
_OPENED = {"'": "a string", '"': "a quoted name", "/": "a comment", "$": "a string"}


class Reader:
    """`form` is shown as the hint of syntax errors."""

    def __init__(self, text: str, form: str = "") -> None:
        self.text = text
        self.tokens = tokens(text)
        self.at = 0
        self.form = form

    # ---- looking ---------------------------------------------------------------------------------------------

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def ahead(self, distance: int = 1) -> Token:
        return self.tokens[min(self.at + distance, len(self.tokens) - 1)]

    def sees(self, *words: str) -> bool:
        """Whether exactly these words come next, unquoted."""
        return all(self.ahead(i).upper == word for i, word in enumerate(words))

    def sees_op(self, op: str) -> bool:
        return self.token.kind == "op" and self.token.text == op

    @property
    def done(self) -> bool:
        return self.token.kind == "end"

    @property
    def over(self) -> bool:
        """Nothing of this statement follows, whatever is still open."""
        return self.token.kind in ("end", "open") or self.sees_op(";")

    def span_from(self, start: int) -> Span:
        """From `start` to the end of the token read last."""
        return Span(start, self.tokens[self.at - 1].end if self.at else start)

    # ---- taking ----------------------------------------------------------------------------------------------

    def next(self) -> Token:
        token = self.token
        self.at = min(self.at + 1, len(self.tokens) - 1)
        return token

    def accept(self, *words: str) -> bool:
        if not self.sees(*words):
            return False
        self.at += len(words)
        return True

    def accept_op(self, op: str) -> bool:
        if not self.sees_op(op):
            return False
        self.at += 1
        return True

    def one_of(self, *words: str) -> str | None:
        """The next word, if it is one of these."""
        return self.next().upper if self.token.upper in words and self.token.upper else None

    def expect(self, *words: str) -> None:
        for word in words:
            if not self.accept(word):
                self.fail(" ".join(words))

    def expect_op(self, op: str, expected: str | None = None) -> None:
        if not self.accept_op(op):
            self.fail(expected or op)

    def name(self, what: str = "a name") -> str:
        """An identifier. An unquoted reserved word is none, as in DuckDB."""
        token = self.token
        if token.kind == "name":
            if len(token.text) == 2 or token.text[0] != '"':
                self.fail(what)
            return self.next().text[1:-1].replace('""', '"')
        if token.kind != "word":
            self.fail(what)
        if token.upper in RESERVED:
            raise StatementSyntaxError(f"expected {what}, found the reserved word {token.text}", hint=self._reserved_hint(token.text),
                                       position=token.start, length=len(token.text))
        return self.next().text

    def _reserved_hint(self, word: str) -> str:
        quoted = f'as a name it needs quotes: "{word}"'
        return f"{quoted}; form: {self.form}" if self.form else quoted

    def unqualified(self, what: str) -> str:
        """The name of a source or sink; `sales.orders` is refused."""
        start = self.token.start
        name = self.name(what)
        if self.sees_op("."):
            self.next()
            if self.token.kind in ("word", "name"):
                self.next()
            place = self.span_from(start)
            raise StatementSyntaxError(f"{what} has no schema: {self.text[place.start:place.end]}",
                                       hint=f'write one name: {name}, or "a.b" in quotes', position=place.start, length=place.length)
        return name

    def string(self, what: str = "a string in quotes") -> str:
        token = self.token
        if token.kind == "name":
            self.fail(what, hint=f"a string stands in single quotes: '{token.text[1:-1]}'")
        if token.kind != "string" or token.text[0] in "xXbBuU":
            self.fail(what)
        return string_value(self.next().text)

    def whole_number(self, what: str) -> int:
        token = self.token
        if token.kind != "number" or not re.fullmatch(r"\d[\d_]*", token.text):
            self.fail(what)
        number = int(self.next().text.replace("_", ""))
        if number >= 2**63:
            raise BadValueError(f"{what} is less than 2^63, not {number}", position=token.start, length=len(token.text))
        return number

    def end(self, *also: str) -> None:
        """Nothing may follow; `also` names what else could have."""
        if not self.done:
            self.fail(" or ".join(filter(None, (", ".join(also), "the end of the statement"))))

    # ---- failing ---------------------------------------------------------------------------------------------

    def fail(self, expected: str, hint: str | None = None) -> NoReturn:
        token = self.token
        if token.kind == "open":
            what = next((_OPENED[c] for c in token.text if c in _OPENED), "text")
            raise StatementSyntaxError(f"{what} begins here and is never closed", hint=f"form: {self.form}" if self.form else None,
                                       position=token.start, length=min(2, len(token.text)) if what == "a comment" else 1)
        found = "the end of the statement" if token.kind == "end" else _shown(token.text)
        raise StatementSyntaxError(f"expected {expected}, found {found}", hint=hint or (f"form: {self.form}" if self.form else None),
                                   position=token.start, length=max(1, len(token.text)))

    def fail_word(self, words: tuple[str, ...], what: str) -> NoReturn:
        """One of some words was expected; a near miss is named."""
        self.fail(what, hint=did_you_mean(self.token.text, words) if self.token.kind == "word" else None)


def _shown(text: str) -> str:
    first = text.split("\n")[0]
    return first if len(first) <= 40 else first[:37] + "..."


def string_value(text: str) -> str:
    """What a string token stands for."""
    if text[0] == "$":
        edge = text.index("$", 1) + 1
        return text[edge:-edge]
    if text[0] in "eE":
        return _ESCAPE.sub(_unescaped, text[2:-1])
    return "".join(part.replace("''", "'") for part in _QUOTED.findall(text))      # 'a' newline 'b' is one string


def _unescaped(match: re.Match[str]) -> str:
    hexa, four, eight, octal, plain = match.groups()
    if hexa or four or eight or octal:
        code = int(octal, 8) if octal else int(hexa or four or eight, 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"
    return _ESCAPES.get(plain, plain) if plain else "'"
