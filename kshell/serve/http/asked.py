"""What a request asks for: the statement, its values and limits, and the form of the answer.

Invariant: what is not understood is an error that names it; nothing is guessed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kshell.errors import BadValueError, Error, UnknownOptionError, did_you_mean
from kshell.options import Duration, Lookup, read
from kshell.serve.http.answers import Refusal

if TYPE_CHECKING:
    from starlette.datastructures import QueryParams

FORMS = {"application/x-ndjson": "ndjson", "application/ndjson": "ndjson", "application/json": "json", "text/csv": "csv",
         "application/vnd.apache.arrow.stream": "arrow"}
_AS_TEXT = ("text/plain", "application/sql", "application/x-www-form-urlencoded", "")     # the third: what `curl --data` says
_MEMBERS = ("sql", "params", "timeout", "max_rows")


@dataclass(frozen=True, slots=True)
class Asked:
    """`timeout_s` and `max_rows` None: the server's limits."""

    sql: str
    params: tuple[Any, ...] = ()
    timeout_s: float | None = None
    max_rows: int | None = None


def asked(body: bytes, content_type: str) -> Asked:
    kind = content_type.partition(";")[0].strip().lower()
    if kind not in (*_AS_TEXT, "application/json"):
        raise Refusal(415, BadValueError(f"a body of type {kind} is no statement",
                                         hint="Content-Type: text/plain with SQL, or application/json with {\"sql\": \"...\"}"))
    text = _text(body)
    return _members(text) if kind == "application/json" else Asked(_statement(text))


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        raise BadValueError(f"the body is no UTF-8 text: byte {wrong.start}") from None


def _statement(text: str) -> str:
    if not text.strip():
        raise BadValueError("there is no statement", hint="the body of POST /query is SQL, such as SELECT 1")
    return text


def _members(text: str) -> Asked:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as wrong:
        raise BadValueError(f"the body is no JSON: {wrong}") from None
    if not isinstance(found, dict):
        raise BadValueError("the body is no JSON object", hint='write {"sql": "SELECT 1"}')
    known(found, _MEMBERS, "a query")
    sql, params = found.get("sql"), found.get("params", [])
    if not isinstance(sql, str):
        raise BadValueError("sql takes a statement as a string", hint='write {"sql": "SELECT 1"}')
    if not isinstance(params, list):
        raise BadValueError("params takes a list of values, those of $1, $2, ...", hint='write "params": [1, "a"]')
    try:
        json.dumps(params, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):      # half of a character, written as \ud800
        raise BadValueError("params holds text that is no Unicode") from None
    return Asked(_statement(sql), tuple(params), _timeout(found.get("timeout")), _most(found.get("max_rows")))


def _timeout(value: Any) -> float | None:
    return None if value is None else float(read(Duration(low=0.001), value, _nothing, what="timeout"))


def _most(value: Any) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise BadValueError("max_rows takes a number of rows from 1 on")
    return value


def known(given: Iterable[str], names: Iterable[str], of: str) -> None:
    """UnknownOptionError for the first name that is none of these."""
    names = list(names)
    for name in given:
        if name not in names:
            raise UnknownOptionError(f"{of} has no {name}", hint=did_you_mean(name, names) or f"one of {', '.join(names)}")


def once(query: QueryParams, names: Iterable[str], of: str) -> Mapping[str, str]:
    """The parameters of an address, each given once at most."""
    known(query, names, of)
    for name in query:
        if len(query.getlist(name)) > 1:
            raise BadValueError(f"{name} stands twice in the address")
    return dict(query)


def wide_as_text(numbers: str | None) -> bool:
    """`numbers=string`: for readers that hold every number as a double."""
    if numbers not in (None, "number", "string"):
        raise BadValueError(f"numbers takes number or string, not {numbers}")
    return numbers == "string"


def form_of(accept: str | None) -> str:
    """The media type of the answer: of those that we have the one that is wanted most, ndjson where all are welcome."""
    wanted = [_weighed(piece) for piece in (accept or "*/*").split(",") if piece.strip()]
    best, weight = None, 0.0
    for media in FORMS:
        fits = [(len(pattern.rstrip("*")), q) for pattern, q in wanted if _fits(media, pattern)]
        q = max(fits)[1] if fits else 0.0     # the closest pattern decides
        if q > weight:
            best, weight = media, q
    if best is None:
        raise Refusal(406, BadValueError(f"no answer has the type {accept}", hint=f"Accept: one of {', '.join(FORMS)}"))
    return best


def _weighed(piece: str) -> tuple[str, float]:
    media, *parameters = [part.strip().lower() for part in piece.split(";")]
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return media, min(1.0, max(0.0, float(value)))
            except ValueError:
                return media, 0.0
    return media, 1.0


def _fits(media: str, pattern: str) -> bool:
    return pattern in ("*/*", media) or (pattern.endswith("/*") and media.startswith(pattern[:-1]))


def _nothing(lookup: Lookup) -> Error:
    raise BadValueError(f"{lookup.name} cannot be looked up for another client")


__all__ = ["FORMS", "Asked", "asked", "form_of", "known", "once", "wide_as_text"]
