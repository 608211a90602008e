"""Prepared statements and portals, and the types of a statement's parameters.

Invariant: a parameter has a type before anything runs: the one given in Parse, else that of the cast behind it, else text; a list of text
between the parentheses of ANY. What nothing says is a guess, until somebody asks: then `learn` may know better (inference)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import duckdb

from kshell.errors import BadValueError, Error, StatementSyntaxError
from kshell.lang.tokens import Token, tokens
from kshell.output._shape import OutColumn
from kshell.serve.pgwire.backend import Answer
from kshell.serve.pgwire.commands import Command
from kshell.serve.pgwire.messages import Column
from kshell.serve.pgwire.sqlstate import StateError
from kshell.serve.pgwire.types import parameter, pg_type

MOST_PARAMETERS = MOST_COLUMNS = 32_767          # the protocol counts them in 16 bits
TEXT, BIGINT, TEXTS = 25, 20, 1009
_OIDS = {"oid": 26, "oid[]": 1028}                # DuckDB knows them as BIGINT
_TYPE = re.compile(r"""(?:\w+\s*\.\s*)?                # pg_catalog.
                       (?P<name>\w+(?:\s+with(?:out)?\s+time\s+zone|\s+precision|\s+varying)?(?:\s*\([\d\s,]*\))?(?:\s*\[\s*\])?)""",
                   re.IGNORECASE | re.VERBOSE)
_COUNTS = ("LIMIT", "OFFSET")
_LISTS = ("ANY", "ALL", "SOME")


@dataclass(slots=True)
class Prepared:
    """`at`: where the statement begins in the text that was sent. `told`: the types of its columns as a Describe told them; None: it has
    not. `size` counts characters. `guesses`: number of a parameter -> the type it was given because nothing says one."""

    command: Command
    oids: tuple[int, ...]
    at: int
    size: int
    guesses: Mapping[int, int] = field(default_factory=dict)
    told: tuple[int, ...] | None = None

    @contextmanager
    def placed(self) -> Iterator[None]:
        """Places in errors count from the start of the text that was sent, not of the statement in it."""
        try:
            yield
        except Error as error:
            if error.position is not None:
                error.position += self.at
            raise

    def learn(self, found: Mapping[int, int]) -> None:
        """Numbers of parameters -> their types."""
        self.oids = tuple(found.get(number, oid) for number, oid in enumerate(self.oids, 1))

    def value(self, number: int, value: bytes | None, format_: int, zone: str) -> Any:
        """Of a parameter. Text that is no value of a type found by itself is taken as it is: DuckDB casts more than PostgreSQL."""
        try:
            return parameter(value, format_, self.oids[number - 1], zone)
        except BadValueError as error:
            if format_ == 0 and self.guesses.get(number, self.oids[number - 1]) != self.oids[number - 1]:
                return parameter(value, format_, self.guesses[number], zone)
            raise StateError("22P02", error.message, hint=error.hint) from None

    def check(self, answer: Answer) -> None:
        """A client reads the rows by what it was told before."""
        if self.told is None or answer.rows is None:
            return
        if self.told != tuple(pg_type(column.type).oid for column in answer.rows.columns):
            answer.rows.close()
            raise StateError("0A000", "cached plan must not change result type", hint="columns have changed: prepare the statement again")


@dataclass(slots=True)
class Portal:
    """`answer` None: it has not run yet. `described`: its client knows its columns. `size` counts bytes of values."""

    prepared: Prepared
    parameters: tuple[Any, ...]
    formats: tuple[int, ...]
    size: int
    answer: Answer | None = None
    described: bool = False

    @property
    def columns(self) -> Sequence[OutColumn] | None:
        """Of one that has run."""
        if self.answer is None or self.answer.rows is None or self.answer.copy is not None:
            return None
        return self.answer.rows.columns


def formats_of(formats: Sequence[int], count: int, what: str) -> tuple[int, ...]:
    """One format for each: none given means text, one is for all."""
    if any(f not in (0, 1) for f in formats):
        raise StateError("08P01", f"unsupported format code of a {what}")
    if len(formats) > 1 and len(formats) != count:
        raise StateError("08P01", f"{len(formats)} format codes for {count} {what}s")
    return tuple(formats) * count if len(formats) == 1 else tuple(formats) or (0,) * count


def parameter_types(text: str, given: Sequence[int]) -> tuple[tuple[int, ...], dict[int, int]]:
    """The type of each parameter from $1 on, and by number those that are guesses."""
    found = tokens(text) if "$" in text else []
    types: dict[int, int] = {}
    for at, token in enumerate(found):
        number = _number(token)
        if number is not None and not types.get(number):
            types[number] = _implied(text, found, at)
    count = max([len(given), *types])
    known = [*given, *[0] * (count - len(given))]
    oids = tuple(oid or types.get(at, 0) or TEXT for at, oid in enumerate(known, 1))
    return oids, {at: oids[at - 1] for at, oid in enumerate(known, 1) if not oid and types.get(at, 0) in (0, TEXTS)}


def _number(token: Token) -> int | None:
    if token.kind != "op" or token.text[:1] != "$" or not token.text[1:].isdecimal():
        return None
    number = int(token.text[1:]) if len(token.text) < 8 else MOST_PARAMETERS + 1
    if not 1 <= number <= MOST_PARAMETERS:
        raise StatementSyntaxError(f"there is no parameter {token.text}", hint=f"parameters are $1 to ${MOST_PARAMETERS}",
                                   position=token.start, length=len(token.text))
    return number


def _implied(text: str, found: Sequence[Token], at: int) -> int:
    """The type that the text gives the parameter there; 0: none."""
    before, after = (found[at - 1] if at else None), found[at + 1]
    if after.text == "::":
        return _oid_at(text, found[min(at + 2, len(found) - 1)].start)
    if after.upper == "AS" and at > 1 and found[at - 2].upper in ("CAST", "TRY_CAST"):
        return _oid_at(text, found[min(at + 2, len(found) - 1)].start)
    if before is not None and before.text == "(" and at > 1 and found[at - 2].upper in _LISTS:
        return TEXTS
    return BIGINT if before is not None and before.upper in _COUNTS else 0


def _oid_at(text: str, at: int) -> int:
    """Of the type whose name begins there; 0: that is none."""
    found = _TYPE.match(text, at)
    name = re.sub(r"\s", "", found.group("name").lower()) if found else ""
    try:
        return _OIDS.get(name) or (pg_type(str(duckdb.sqltype(found.group("name")))).oid if found else 0)
    except (duckdb.Error, RuntimeError):
        return 0


def described(columns: Sequence[OutColumn], formats: Sequence[int]) -> list[Column]:
    """The columns of a RowDescription."""
    if len(columns) > MOST_COLUMNS:
        raise StateError("54011", f"the result has {len(columns)} columns; {MOST_COLUMNS} can be sent",
                         hint="name the columns that are needed")
    given = formats_of(formats, len(columns), "column")
    types = [pg_type(column.type) for column in columns]
    return [Column(c.name, t.oid, t.size, t.modifier, f) for c, t, f in zip(columns, types, given, strict=True)]
