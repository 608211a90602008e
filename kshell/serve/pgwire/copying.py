"""COPY (query) TO STDOUT: the forms of PostgreSQL, of today and of before version 9.

Invariant: COPY into a file or a program is no business of this module; COPY FROM would write, and says so."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from kshell.errors import ReadOnlyError, StatementSyntaxError
from kshell.lang.reader import Reader, string_value
from kshell.serve.pgwire.commands import Command, CopyOut, Query
from kshell.serve.pgwire.sqlstate import FEATURE_NOT_SUPPORTED, StateError
from kshell.serve.pgwire.types.copy import CopyForm

COPY_FORM = "COPY (query) TO STDOUT (FORMAT csv, HEADER)"


def copy(reader: Reader) -> Command:
    """COPY into a file stays a Query: the gate says what it thinks of it."""
    reader.form = COPY_FORM
    reader.next()
    query = _copied(reader)
    if reader.accept("FROM"):
        raise ReadOnlyError("COPY FROM would write", hint="this server only reads; COPY (query) TO STDOUT sends rows",
                            position=0, length=len("COPY"))
    if query is None or not reader.accept("TO") or reader.token.upper != "STDOUT":
        return Query(reader.text)
    reader.next()
    return CopyOut(query, _copy_form(reader))


def _copied(reader: Reader) -> Query | None:
    """The query in parentheses, or a table with or without columns."""
    if reader.sees_op("("):
        start = reader.token.end
        end = _past_parenthesis(reader)
        return None if end is None else Query(reader.text[start:end], start)
    start = reader.token.start
    while (reader.token.kind in ("word", "name") and not reader.sees("TO") and not reader.sees("FROM")) or reader.sees_op("."):
        reader.next()
    table = reader.text[start:reader.token.start].strip()
    if not reader.sees_op("("):
        return Query(f"FROM {table}", start) if table else None
    first = reader.token.end
    end = _past_parenthesis(reader)
    return None if end is None else Query(f"SELECT {reader.text[first:end]} FROM {table}", start)


def _past_parenthesis(reader: Reader) -> int | None:
    """The place of the parenthesis that closes the one here; the reader stands after it. None: it is never closed."""
    depth = 0
    while not reader.done:
        token = reader.next()
        depth += {"(": 1, ")": -1}.get(token.text, 0) if token.kind == "op" else 0
        if depth == 0:
            return token.start
    return None


def _copy_form(reader: Reader) -> CopyForm:
    """`(FORMAT csv, HEADER)`, or as before PostgreSQL 9: `CSV HEADER DELIMITER ';'`."""
    reader.accept("WITH")
    listed = reader.accept_op("(")
    form = CopyForm()
    while not (reader.over or (listed and reader.sees_op(")"))):
        form = _copy_option(reader, form)
        reader.accept_op(",")
    if listed:
        reader.expect_op(")")
    over(reader)
    return form


def _copy_option(reader: Reader, form: CopyForm) -> CopyForm:
    token = reader.next()
    match token.upper:
        case "FORMAT":
            return _format(form, _word(reader))
        case "CSV" | "TEXT" | "BINARY":
            return _format(form, token.text)
        case "HEADER":
            return replace(form, header=_flag(reader))
        case "DELIMITER":
            return replace(form, delimiter=_character(reader, "DELIMITER"))
        case "NULL":
            return replace(form, null=_string(reader))
        case "QUOTE":
            return replace(form, quote=_character(reader, "QUOTE"))
        case "ESCAPE":
            return replace(form, escape=_character(reader, "ESCAPE"))
        case "FORCE_QUOTE":
            return replace(form, force_quote=_forced(reader))
        case "FORCE":                             # FORCE QUOTE a, b
            reader.expect("QUOTE")
            return replace(form, force_quote=_forced(reader))
        case "ENCODING":
            if _string(reader).upper().replace("-", "") not in ("UTF8", "UNICODE"):
                raise StateError(FEATURE_NOT_SUPPORTED, "COPY sends UTF-8 only")
            return form
        case _:
            raise StatementSyntaxError(f"COPY TO STDOUT has no option {token.text}", position=token.start, length=max(1, len(token.text)),
                                       hint="FORMAT, HEADER, DELIMITER, NULL, QUOTE, ESCAPE, FORCE_QUOTE, ENCODING")


def _format(form: CopyForm, name: str) -> CopyForm:
    match name.lower():
        case "csv":
            return replace(form, format="csv")
        case "text":
            return replace(form, format="text")
        case "binary":
            return replace(form, format="binary")
        case other:
            raise StateError(FEATURE_NOT_SUPPORTED, f"COPY has no format {other} here", hint="FORMAT text, csv or binary")


def _forced(reader: Reader) -> frozenset[str] | Literal["*"]:
    """`*`, or names of columns with or without parentheses."""
    if reader.accept_op("*"):
        return "*"
    listed = reader.accept_op("(")
    names = {name(reader, "a column")}
    while reader.accept_op(","):
        names.add(name(reader, "a column"))
    if listed:
        reader.expect_op(")")
    return frozenset(names)


def _word(reader: Reader) -> str:
    token = reader.next()
    return string_value(token.text) if token.kind == "string" else token.text.strip('"')


def _string(reader: Reader) -> str:
    reader.accept("AS")
    if reader.token.kind != "string":
        reader.fail("a string")
    return string_value(reader.next().text)


def _character(reader: Reader, name: str) -> str:
    token = reader.ahead() if reader.sees("AS") else reader.token
    value = _string(reader)
    if len(value.encode()) != 1 or value in "\r\n\\":
        raise StatementSyntaxError(f"{name} is one single-byte character", position=token.start, length=len(token.text))
    return value


def _flag(reader: Reader) -> bool:
    if reader.token.upper in ("TRUE", "ON", "FALSE", "OFF") or reader.token.text in ("0", "1"):
        return reader.next().text.upper() in ("TRUE", "ON", "1")
    return True


def over(reader: Reader) -> None:
    reader.accept_op(";")
    reader.end()


def name(reader: Reader, what: str) -> str:
    """As PostgreSQL has it: without quotes in small letters."""
    quoted = reader.token.kind == "name"
    name = reader.name(what)
    return name if quoted else name.lower()
