"""JSON text as DuckDB reads and writes it, without recursion: a parser into plain values, and the writer of JSON text.

Invariant: `parse` accepts exactly what DuckDB's reader accepts (trailing commas, NaN and Infinity in any case) within the limits of a
record, and `write` gives the bytes that DuckDB gives for the same value: members in their order and with their repeats, integers
beyond 64 bit and numbers beyond a double as written, other numbers shortest."""

from __future__ import annotations

import math
import re
from contextlib import suppress
from json.decoder import JSONDecodeError, JSONDecoder
from json.decoder import scanstring as _scanstring  # type: ignore[attr-defined]  # the C scanner of strings with escapes
from typing import Union, cast

from kshell.decode.verdict import LEVELS, OBJECT_KEYS, VALUE_BYTES, Verdict, text_of


class Number(str):
    """A number as written, which keeps every digit."""

    __slots__ = ()

    @property
    def integral(self) -> bool:
        """Written without point and exponent; NaN and Infinity are not."""
        return self.lstrip("-").isdigit()

    @property
    def finite(self) -> bool:
        return self[-1].isdigit() and math.isfinite(float(self))


class Members:
    """An object: members in their order, repeats included. The first of a repeated key counts."""

    __slots__ = ("pairs",)

    def __init__(self, pairs: list[tuple[str, Value]] | None = None) -> None:
        self.pairs: list[tuple[str, Value]] = pairs if pairs is not None else []

    def get(self, key: str) -> Value:
        return next((value for k, value in self.pairs if k == key), None)

    def first(self) -> dict[str, Value]:
        return dict(reversed(self.pairs))


Value = Union[None, bool, str, Number, "list[Value]", Members]

_TOKEN = re.compile(
    r'[ \t\n\r]*(?:"(?P<text>[^"\\\x00-\x1f]*)"|(?P<mark>[{}\[\]:,])|(?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)'
    r'|(?P<word>true|false|null)|(?P<escaped>")|(?P<odd>-?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?))|(?P<end>\Z))')
_WORDS: dict[str, Value] = {"true": True, "false": False, "null": None}
_BOM = b"\xef\xbb\xbf"
_SMALL = 2_000                                # characters: too few for the limits of levels, keys and values
_QUICK = JSONDecoder(object_pairs_hook=Members, parse_float=Number, parse_int=Number, parse_constant=Number)


def read(data: bytes, what: str = "value") -> Value:
    """The value of a record's bytes; a leading byte order mark is ignored."""
    text = text_of(data.removeprefix(_BOM), what)
    if len(text) < _SMALL and "\\u" not in text:
        # the standard parser is four times as fast; what it refuses may still be accepted below
        with suppress(ValueError, RecursionError):
            return cast(Value, _QUICK.decode(text))
    return parse(text, big=len(data) > VALUE_BYTES)


def parse(text: str, *, big: bool = False) -> Value:
    """`big`: single strings may be over the limit of a value."""
    return _Parser(text, big).run()


class _Parser:
    """After `[` and after a comma a value or `]` may stand: so one trailing comma is accepted, and `[,]` is not."""

    def __init__(self, text: str, big: bool) -> None:
        self.text, self.big, self.position = text, big, 0

    def run(self) -> Value:
        root: list[Value] = []
        stack: list[list[Value] | Members] = []
        top: list[Value] | Members = root
        key: str | None = None                # a key that waits for its value
        while True:
            kind, token = self.next()
            if kind == "mark" and token in "}]":
                if top is root or key is not None or (token == "}") is not isinstance(top, Members):
                    raise self.syntax()
                top = stack.pop()
            else:
                if isinstance(top, Members) and key is None:
                    key = self.key(kind, token)
                    continue
                value = self.value(kind, token)
                if isinstance(top, Members):
                    self.add(top, key, value)
                    key = None
                else:
                    top.append(value)
                if isinstance(value, list | Members):
                    stack.append(top)
                    top = value
                    if len(stack) > LEVELS:
                        raise Verdict("JSON_DEPTH", f"more than {LEVELS:,} levels at character {self.position}")
                    continue
            # a value is complete: a comma goes on, a closing mark is seen by the next turn
            while top is not root:
                if self.comma():
                    break
                token = self.close(top)
                top = stack.pop()
            if top is root:
                if self.next()[0] != "end":
                    raise self.syntax()
                return root[0]

    def next(self) -> tuple[str, str]:
        match = _TOKEN.match(self.text, self.position)
        if match is None:
            raise self.syntax()
        kind = match.lastgroup or ""
        self.position = match.end()
        if kind == "escaped":
            return "text", self.escaped()
        token = match[kind]
        if kind == "text" and self.big:
            self.weigh(token)
        return kind, token

    def comma(self) -> bool:
        match = _TOKEN.match(self.text, self.position)
        if match is None or match["mark"] != ",":
            return False
        self.position = match.end()
        return True

    def close(self, top: list[Value] | Members) -> str:
        kind, token = self.next()
        if kind != "mark" or token != ("}" if isinstance(top, Members) else "]"):
            raise self.syntax()
        return token

    def key(self, kind: str, token: str) -> str:
        if kind != "text" or self.next() != ("mark", ":"):
            raise self.syntax()
        return token

    def value(self, kind: str, token: str) -> Value:
        if kind == "text":
            return token
        if kind in ("number", "odd"):
            return Number(token)
        if kind == "word":
            return _WORDS[token]
        if token == "{":
            return Members()
        if token == "[":
            return []
        raise self.syntax()

    def add(self, top: Members, key: str | None, value: Value) -> None:
        if len(top.pairs) >= OBJECT_KEYS:
            raise Verdict("TOO_MANY_KEYS", f"an object has more than {OBJECT_KEYS:,} keys at character {self.position}")
        top.pairs.append((key or "", value))

    def escaped(self) -> str:
        try:
            token, self.position = _scanstring(self.text, self.position, True)
        except JSONDecodeError:
            raise self.syntax() from None
        try:
            size = len(token.encode())
        except UnicodeEncodeError:
            raise Verdict("UTF8_INVALID", f"a lone surrogate in the text before character {self.position}") from None
        if size > VALUE_BYTES:
            self.weigh(token)
        return str(token)

    def weigh(self, token: str) -> None:
        if len(token) * 4 > VALUE_BYTES and len(token.encode()) > VALUE_BYTES:
            raise Verdict("VALUE_TOO_LARGE", f"a text of more than {VALUE_BYTES:,} bytes before character {self.position}")

    def syntax(self) -> Verdict:
        return Verdict("JSON_SYNTAX", f"not JSON at character {self.position}")


# ---- writing ---------------------------------------------------------------------------------------------------

_ESCAPED = re.compile(r'["\\\x00-\x1f]')
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def write(value: Value) -> str:
    """Compact JSON text."""
    out: list[str] = []
    todo: list[Value | _Raw] = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, _Raw):
            out.append(item.text)
        elif isinstance(item, Members):
            todo.append(_Raw("}"))
            for position in range(len(item.pairs) - 1, -1, -1):
                key, member = item.pairs[position]
                todo.append(member)
                todo.append(_Raw(f"{',' if position else ''}{quoted(key)}:"))
            out.append("{")
        elif isinstance(item, list):
            todo.append(_Raw("]"))
            for position in range(len(item) - 1, -1, -1):
                todo.append(item[position])
                if position:
                    todo.append(_Raw(","))
            out.append("[")
        else:
            out.append(_scalar(item))
    return "".join(out)


class _Raw:
    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def _scalar(value: bool | str | None) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, Number) else quoted(value)


def quoted(text: str) -> str:
    return f'"{_ESCAPED.sub(_escape, text)}"' if _ESCAPED.search(text) else f'"{text}"'


def _escape(match: re.Match[str]) -> str:
    return _ESCAPES.get(match[0]) or f"\\u{ord(match[0]):04X}"


def number_text(number: Number) -> str:
    """A number within JSON text."""
    return _number(number, _plain_up_to_21)


def scalar_number_text(number: Number) -> str:
    """A number that is itself the text of a VARCHAR: DuckDB writes doubles in another way there."""
    return _number(number, repr)


def _number(number: Number, real: object) -> str:
    if number.integral:
        if len(number) > 20:
            return str(number)
        whole = int(number)
        return str(whole) if -(2**63) <= whole < 2**64 else str(number)
    if not number.finite:
        return str(number)
    return str(real(float(number)))           # type: ignore[operator]


def _plain_up_to_21(value: float) -> str:
    """Shortest digits; plain notation where the decimal point stands within (-6, 21], else an exponent."""
    text = repr(abs(value))
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + ("" if fraction == "0" else fraction)).lstrip("0")
    if not digits:
        return "-0.0" if math.copysign(1, value) < 0 else "0.0"
    point = len(whole) + int(exponent or 0) if whole != "0" else int(exponent or 0) - (len(fraction) - len(fraction.lstrip("0")))
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    if 0 < point <= 21:
        return f"{sign}{digits[:point].ljust(point, '0')}.{digits[point:] or '0'}"
    return f"{sign}{digits[0]}{'.' + digits[1:] if len(digits) > 1 else ''}e{point - 1}"
