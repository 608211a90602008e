"""Values and option lists as they are written, for every statement and for the arguments of kshell's table functions.

Invariant: nothing is evaluated here. A value that stands for another one (getenv, getvariable, SECRET, FILE, COMMAND) stays a Lookup."""

from __future__ import annotations

from typing import Literal

from kshell.errors import BadValueError, StatementSyntaxError
from kshell.lang.reader import Reader
from kshell.options import Duration, read
from kshell.options.written import Lookup, Options, RawOption, Span, Typed, Value, Word, canonical, value_text

_VALUE = "a value"
_CONSTANTS: dict[str, bool | None] = {"TRUE": True, "FALSE": False, "NULL": None}
_DEEPEST = 50                                   # lists and maps inside each other


def read_options(reader: Reader) -> Options:
    """[WITH] ( key value, ... ), or nothing at all."""
    if not reader.sees("WITH") and not reader.sees_op("("):
        return ()
    reader.accept("WITH")
    reader.expect_op("(", "( and options")
    return _list(reader)


def expect_options(reader: Reader) -> Options:
    """An option list that must be there and must not be empty."""
    if not reader.sees("WITH") and not reader.sees_op("("):
        reader.fail("( and options")
    found = read_options(reader)
    if not found:
        reader.at -= 1
        reader.fail("an option")
    return found


def _list(reader: Reader) -> Options:
    options: list[RawOption] = []
    if reader.accept_op(")"):
        return ()
    while True:
        options.append(_option(reader))
        if reader.accept_op(")"):
            return tuple(options)
        if reader.sees_op("("):
            reader.fail(", or )", hint=f"write the value of {options[-1].written} in quotes")
        reader.expect_op(",", ", or )")


def _option(reader: Reader) -> RawOption:
    start = reader.token.start
    written = read_key(reader)
    key_span = reader.span_from(start)
    if reader.sees_op(",") or reader.sees_op(")"):      # (READ_ONLY), as DuckDB writes it
        return RawOption(canonical(written), written, True, key_span, key_span)
    if reader.token.text in (":=", "=>", ":"):
        reader.fail(_VALUE, hint=f"write {written} value, or {written} = value")
    reader.accept_op("=")
    value_start = reader.token.start
    value = read_value(reader)
    return RawOption(canonical(written), written, value, key_span, reader.span_from(value_start))


def read_argument(reader: Reader) -> RawOption:
    """name := value, name = value or name => value, of a table function."""
    start = reader.token.start
    written = read_key(reader)
    span = Span(start, start + len(written))
    if not (reader.accept_op(":=") or reader.accept_op("=") or reader.accept_op("=>")):
        reader.fail(":= and a value")
    begin = reader.token.start
    value = read_struct(reader) if reader.sees_op("{") else read_value(reader)
    return RawOption(canonical(written), written, value, span, reader.span_from(begin))


def read_key(reader: Reader) -> str:
    """A key as written: words joined by dots or dashes, or a string."""
    if reader.token.kind == "string":
        return reader.string()
    if reader.token.kind not in ("word", "name"):
        reader.fail("the name of an option")
    parts = [reader.next().text.strip('"')]
    while reader.token.text in (".", "-") and reader.token.end == reader.ahead().start and reader.ahead().kind == "word":
        parts += [reader.next().text, reader.next().text]
    return "".join(parts)


def read_value(reader: Reader, *, deep: int = 0) -> Value:
    token = reader.token
    if token.kind == "string":
        return reader.string()
    if token.kind == "number" or (token.text in ("-", "+") and reader.ahead().kind == "number"):
        return _number(reader)
    if reader.sees_op("["):
        return _items(reader, deep)
    if token.kind == "word" and token.upper not in ("MAP", "FROM", "WHERE", "LIMIT"):
        return _worded(reader)
    if reader.sees("MAP") and reader.ahead().text == "{":
        reader.next()
        return _map(reader, deep, Word)
    if token.kind == "name":
        return _dotted(reader)
    if reader.sees_op("{"):
        return reader.fail(_VALUE, hint="a map is written MAP {key: value}")
    return reader.fail(_VALUE)


def _number(reader: Reader) -> int | float:
    sign = -1 if reader.token.text == "-" else 1
    if reader.token.kind == "op":
        reader.next()
    token = reader.next()
    after = reader.token
    if after.start == token.end and after.kind in ("word", "number"):
        written = f"{token.text}{after.text}"
        raise StatementSyntaxError(f"expected a value, found {written}", hint=f"write it in quotes: '{written}'", position=token.start,
                                   length=len(written))
    text = token.text.replace("_", "")
    if text.isdigit():
        if len(text) > 19:
            raise BadValueError("the number is too large", position=token.start, length=len(token.text))
        return sign * int(text)
    return sign * float(text)


def _worded(reader: Reader) -> Value:
    word, ahead = reader.token.upper, reader.ahead()
    if word in _CONSTANTS:
        reader.next()
        return _CONSTANTS[word]
    if word in ("INTERVAL", "TIMESTAMP", "TIMESTAMPTZ"):
        typed = _typed(reader)
        if typed is not None:
            return typed
    if word in ("GETENV", "GETVARIABLE") and ahead.text == "(":
        return _call(reader)
    if word == "SECRET" and ahead.kind in ("word", "name"):
        reader.next()
        return Lookup("secret", reader.name("the name of a secret"))
    if word in ("FILE", "COMMAND") and ahead.kind == "string":
        reader.next()
        return Lookup("file" if word == "FILE" else "command", reader.string())
    return _dotted(reader)


def _typed(reader: Reader) -> Typed | None:
    """INTERVAL '1 hour', INTERVAL 1 HOUR, TIMESTAMP [WITH TIME ZONE] '...'; None: only a word that looks like it."""
    word = reader.token.upper
    if word == "TIMESTAMP" and [reader.ahead(i).upper for i in (1, 2, 3)] == ["WITH", "TIME", "ZONE"]:
        reader.at += 4
        return Typed("TIMESTAMPTZ", reader.string())
    if reader.ahead().kind == "string":
        reader.next()
        text = reader.string()
        unit = reader.next().text if word == "INTERVAL" and reader.token.kind == "word" and text.strip().isdigit() else ""
        return Typed(word, f"{text} {unit}".strip() if unit else text)  # type: ignore[arg-type]
    if word == "INTERVAL" and reader.ahead().kind == "number":
        reader.next()
        number = reader.next().text
        if reader.token.kind != "word":
            reader.fail("a unit such as HOURS")
        return Typed("INTERVAL", f"{number} {reader.next().text}")
    return None


def _call(reader: Reader) -> Lookup:
    kind: Literal["getenv", "getvariable"] = "getenv" if reader.next().upper == "GETENV" else "getvariable"
    reader.expect_op("(")
    name = reader.string()
    reader.expect_op(")")
    return Lookup(kind, name)


def _dotted(reader: Reader) -> Word:
    """A word, or a dotted name as written. What needs quotes is told so."""
    start = reader.next()
    while reader.sees_op(".") and reader.ahead().kind in ("word", "name", "number"):
        reader.next()
        reader.next()
    text = reader.text[start.start:reader.tokens[reader.at - 1].end]
    after = reader.token
    glued = after.kind == "op" and after.start == reader.tokens[reader.at - 1].end and after.text not in (",", ")", "]", "}", ":")
    if glued or after.text == "(":
        reader.fail(", or )", hint=f"write the value in quotes: '{_run(reader, start.start)}'")
    return Word(text)


def _run(reader: Reader, start: int) -> str:
    """The text up to the comma or bracket that ends the value, for a hint."""
    end, depth = reader.at, 0
    while reader.tokens[end].kind not in ("end", "open"):
        text = reader.tokens[end].text
        if depth == 0 and text in (",", ")", "]", "}"):
            break
        depth += (text == "(") - (text == ")")
        end += 1
    return reader.text[start:reader.tokens[end - 1].end].replace("'", "''")


def _items(reader: Reader, deep: int) -> list[Value]:
    _check_depth(reader, deep)
    reader.expect_op("[")
    items: list[Value] = []
    if reader.accept_op("]"):
        return items
    while True:
        items.append(read_value(reader, deep=deep + 1))
        if reader.accept_op("]"):
            return items
        reader.expect_op(",", ", or ]")


def _map(reader: Reader, deep: int, words: type[Word] | None) -> dict[str | int, Value]:
    """{ key: value, ... }. `words`: an unquoted word is no key, as in DuckDB's MAP; None: it is one, as in a struct."""
    _check_depth(reader, deep)
    reader.expect_op("{", "{ of the map")
    found: dict[str | int, Value] = {}
    if reader.accept_op("}"):
        return found
    while True:
        start = reader.token.start
        key = read_value(reader, deep=deep + 1)
        if isinstance(key, Word) and words is None:
            key = key.text.strip('"')
        place = reader.span_from(start)
        if isinstance(key, bool) or not isinstance(key, str | int):
            raise BadValueError(f"a key of a map is a string or a whole number, not {value_text(key)}",
                                hint=f"write '{key.text}'" if isinstance(key, Word) else None, position=place.start, length=place.length)
        if key in found:
            raise BadValueError(f"the map has the key {value_text(key)} twice", position=place.start, length=place.length)
        reader.expect_op(":", ": and a value")
        found[key] = read_value(reader, deep=deep + 1)
        if reader.accept_op("}"):
            return found
        reader.expect_op(",", ", or }")


def _check_depth(reader: Reader, deep: int) -> None:
    if deep >= _DEEPEST:
        raise BadValueError(f"lists and maps are at most {_DEEPEST} deep", position=reader.token.start, length=1)


def read_struct(reader: Reader) -> dict[str | int, Value]:
    """{'a': 'BIGINT', b: 'VARCHAR'}: only as an argument of a function."""
    return _map(reader, 0, None)


def read_timeout(reader: Reader) -> Value:
    """[TIMEOUT value], checked here as far as it is written out. None: not given."""
    if not reader.accept("TIMEOUT"):
        return None
    start = reader.token.start
    value = read_value(reader)
    if not isinstance(value, Lookup):
        read(Duration(), value, what="TIMEOUT", span=reader.span_from(start))
    return value
