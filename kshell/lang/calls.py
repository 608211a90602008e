"""Calls of kshell's table functions inside DuckDB text, with their arguments read.

Invariant: a call is found by its tokens, never inside a string, a quoted name or a comment, and its span covers the name and both brackets,
so that the text around it can be kept as it is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from kshell.lang.reader import Reader
from kshell.lang.values import read_struct, read_value
from kshell.options.written import Options, RawOption, Span, Value, canonical


@dataclass(frozen=True, slots=True)
class Call:
    """`positional` come first; `arguments` are named (`key := value` or `key => value`)."""

    name: str                                   # lower case
    span: Span
    positional: tuple[Value, ...]
    arguments: Options


def find_calls(text: str, names: Collection[str]) -> list[Call]:
    """The calls of these functions (lower case), in order. An argument that is no constant is an error with its place."""
    if not any(name in text.lower() for name in names):
        return []
    reader = Reader(text)
    found: list[Call] = []
    while not reader.done:
        here = reader.token
        qualified = reader.at > 0 and reader.tokens[reader.at - 1].text == "."
        reader.next()
        if here.kind == "word" and here.text.lower() in names and reader.sees_op("(") and not qualified:
            found.append(_call(reader, here.text.lower(), here.start))
    return found


def _call(reader: Reader, name: str, start: int) -> Call:
    reader.form = f"{name}('topic', argument := value, ...)"
    reader.expect_op("(")
    positional: list[Value] = []
    named: list[RawOption] = []
    while not reader.accept_op(")"):
        if positional or named:
            reader.expect_op(",", ", or )")
        if reader.ahead().text in (":=", "=>") or named:
            named.append(_named(reader))
        else:
            positional.append(_constant(reader))
    return Call(name, reader.span_from(start), tuple(positional), tuple(named))


def _named(reader: Reader) -> RawOption:
    token = reader.token
    if token.kind not in ("word", "name"):
        reader.fail("the name of an argument")
    reader.next()
    written = token.text.strip('"')
    if not reader.accept_op(":=") and not reader.accept_op("=>"):
        reader.fail(f":= and the value of {written}")
    start = reader.token.start
    return RawOption(canonical(written), written, _constant(reader), Span(token.start, token.end), reader.span_from(start))


def _constant(reader: Reader) -> Value:
    value = read_struct(reader) if reader.sees_op("{") else read_value(reader)
    if reader.token.text not in (",", ")"):
        reader.fail(", or )", hint="an argument is a constant; an expression goes into SET VARIABLE x = ..., then getvariable('x')")
    return value
