"""GET /tail/<source>: what a request asks of a stream, as one TAIL statement.

Invariant: whatever stands in the address, the statement has one relation, the source, and one condition: names are quoted, numbers are
read as numbers, and `where` cannot leave its parentheses. The gate and TAIL judge the rest."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass

from kshell.columns import OFFSET, PARTITION, TOPIC, quote
from kshell.errors import BadValueError, Error, StatementSyntaxError
from kshell.lang.tokens import tokens
from kshell.options import Duration, Lookup, read
from kshell.serve.http.asked import wide_as_text
from kshell.serve.http.places import offsets

PARAMETERS = ("where", "since", "last", "columns", "limit", "numbers")
HIDDEN = ("kshell topic", "kshell partition", "kshell offset")      # columns for the ids, behind those that are shown
_OPENS, _CLOSES = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Following:
    """`relation` is the source, quoted."""

    relation: str
    where: str | None
    columns: tuple[str, ...]                  # empty: all
    start: str                                # a clause of TAIL
    limit: int | None
    wide_as_text: bool

    def describes(self) -> str:
        """Text that gives the columns of the source."""
        return f"SELECT * FROM {self.relation}"

    def head(self, *, topics: bool) -> str:
        shown = ", ".join(quote(name) for name in self.columns) or "*"
        places = (quote(TOPIC) if topics else "NULL::VARCHAR", quote(PARTITION), quote(OFFSET))
        hidden = ", ".join(f"{place} AS {quote(name)}" for place, name in zip(places, HIDDEN, strict=True))
        return f"TAIL (SELECT {shown}, {hidden} FROM {self.relation}" + ("" if self.where is None else " WHERE (\n")

    def statement(self, *, topics: bool) -> str:
        where = "" if self.where is None else f"{self.where}\n)"      # a comment at its end goes no further than the line
        limit = "" if self.limit is None else f" LIMIT {self.limit}"
        return f"{self.head(topics=topics)}{where}){self.start}{limit}"

    def placed(self, error: Error, *, topics: bool) -> Error:
        """The error with its place in `where`, or with none."""
        if error.position is not None:
            at = error.position - len(self.head(topics=topics))
            error.position = at if self.where is not None and 0 <= at < len(self.where) else None
        return error


def following(source: str, given: Mapping[str, str], last_id: str | None) -> Following:
    where = given.get("where")
    if where is not None:
        refuse_more_than_one(where)
    return Following(_relation(source), where, _columns(given.get("columns")), _start(given, last_id), _count(given, "limit", least=1),
                     wide_as_text(given.get("numbers")))


def _relation(source: str) -> str:
    side, dot, name = source.partition(".")
    return f"live.{quote(name)}" if dot and name and side.lower() == "live" else quote(source)


def _columns(text: str | None) -> tuple[str, ...]:
    """Names apart by commas; one that holds a comma stands in double quotes."""
    if text is None:
        return ()
    try:
        names = next(csv.reader([text], strict=True, skipinitialspace=True), [])
    except csv.Error:
        names = [""]
    if not all(name.strip() for name in names) or not names:
        raise BadValueError("columns takes names apart by commas", hint="columns=id,amount")
    return tuple(names)


def _start(given: Mapping[str, str], last_id: str | None) -> str:
    """Who comes again goes on where he was, whatever the address says about the first time."""
    since, last = given.get("since"), _count(given, "last")
    if since is not None and last is not None:
        raise BadValueError("since and last exclude each other", hint="since=5m, or last=100")
    seconds = None if since is None else float(read(Duration(), since, _nothing, what="since"))
    if last_id is not None:
        return f" SINCE {offsets(last_id)}"
    if seconds is not None:
        return f" SINCE INTERVAL '{round(seconds * 1000)} milliseconds'"
    return "" if last is None else f" LAST {last}"


def _count(given: Mapping[str, str], name: str, least: int = 0) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) >= least):
        raise BadValueError(f"{name} takes a number of rows{f' from {least} on' if least else ''}, not {text[:20]}")
    return int(text)


def refuse_more_than_one(text: str) -> None:
    """StatementSyntaxError for text that could end the parentheses around it."""
    depth: list[str] = []
    found = tokens(text)
    for token in found:
        if token.kind == "open":
            raise StatementSyntaxError("what begins here is never closed", position=token.start, length=token.end - token.start)
        if token.kind == "op" and token.text in _OPENS:
            depth.append(_CLOSES[_OPENS.index(token.text)])
        elif token.kind == "op" and (token.text == ";" or (token.text in _CLOSES and (not depth or depth.pop() != token.text))):
            raise StatementSyntaxError(f"where takes one expression, and this {token.text} ends it", position=token.start)
    if depth:
        raise StatementSyntaxError(f"a {depth[-1]} is missing", position=len(text))
    if len(found) == 1:
        raise BadValueError("where takes an expression", hint="where=amount > 100")


def _nothing(lookup: Lookup) -> Error:
    raise BadValueError(f"{lookup.name} cannot be looked up for another client")


__all__ = ["HIDDEN", "PARAMETERS", "Following", "following", "refuse_more_than_one"]
