"""Errors for people and for machines: the message, the place with a caret, the hint; or one JSON object on one line.

Invariant: no control character and no literal secret of the statement is in either."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from kshell.errors import Error
from kshell.options import redact
from kshell.options.secret import names_secret
from kshell.output._base import printable
from kshell.output._width import cut, width

_EXCERPT = 110                                    # columns of the line that is shown around the place
_CREATES_SECRET = re.compile(r"\bCREATE\b(?:\s+\w+){0,3}\s+SECRET\b", re.IGNORECASE)
_LITERAL = re.compile(r"'(?:[^']|'')*'")
_KEY = re.compile(r"([\w.\-]+)['\"]?\s*(?:=>|:=|=|:|\()?\s*\[?\s*$")
_SENSITIVE = re.compile(r"password|passwd|secret|token|credential|authorization|private|api_?key|access_?key|ssl_?key|oauth",
                        re.IGNORECASE)
_PLAIN_KEYS = frozenset({"type", "scope", "provider", "url", "uri", "username", "sasl_username", "sasl_mechanism", "security_protocol",
                         "region", "bootstrap_servers", "ssl_ca", "s3_region", "s3_endpoint", "endpoint", "oauth2_server_uri",
                         "token_file", "getenv", "getvariable", "file", "command"})
_BARE = re.compile(r"\b(\w*(?:password|token|credential|ssl_key|client_secret|access_key))\s*=?\s*(\w[^\s,()']*)", re.IGNORECASE)
_SERVES = re.compile(r"\bkshell_serve\s*\(", re.IGNORECASE)
_BARE_ARGUMENT = re.compile(r"\b(\w*(?:password|token))\s*(?::=|=>|=)\s*(\w[^\s,()']*)", re.IGNORECASE)
_USER_INFO = re.compile(r"(://[^/\s:@']*:)([^/\s@']+)@")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement stands. `text` is the whole input, `start` where the statement begins in it."""

    text: str = ""
    start: int = 0
    statement: int | None = None              # counted from 1 in its input
    file: str | None = None                   # None: typed, -c
    statement_text: str = ""

    def line(self, error: Error) -> int:
        """The line of the error, or that of the statement, counted from 1."""
        return self.text.count("\n", 0, self.start + (error.position or 0)) + 1


def error_text(error: Error, place: Place | None = None, *, columns: int = 0) -> str:
    """Lines for stderr, without styling. `columns`: of the screen, where an excerpt that broke would lose its caret; 0: no screen."""
    place = place or Place()
    where = f"{printable(place.file)}:{place.line(error)}: " if place.file else ""
    secrets = _secrets(place.statement_text)
    lines = [f"error: {where}{_clean(error.message, secrets)}"]
    if error.position is not None and place.text:
        lines += _excerpt(error, place, secrets, min(_EXCERPT, columns - 3) if columns > 40 else _EXCERPT)
    if error.hint:
        lines.append(f"hint: {_clean(error.hint, secrets)}")
    return "\n".join(lines) + "\n"


def error_object(error: Error, place: Place | None = None) -> str:
    """One JSON object on one line."""
    place = place or Place()
    secrets = _secrets(place.statement_text)
    members: dict[str, str | int | None] = {"code": error.code, "message": _masked(error.message, secrets)}
    members["hint"] = _masked(error.hint, secrets) if error.hint else None
    if error.position is not None:
        members |= {"position": error.position, "length": error.length}
    if place.statement is not None:
        members |= {"statement": place.statement, "file": place.file, "line": place.line(error)}
    members["exit"] = error.exit
    return json.dumps({k: v for k, v in members.items() if v is not None or k == "hint"}) + "\n"


def _excerpt(error: Error, place: Place, secrets: list[str], most: int) -> list[str]:
    """The line with a caret below; none where a secret could be on it."""
    at = min(place.start + (error.position or 0), len(place.text))
    begin = place.text.rfind("\n", 0, at) + 1
    end = place.text.find("\n", at)
    line = place.text[begin:len(place.text) if end < 0 else end].rstrip("\r")
    if secrets or _USER_INFO.search(line):
        return []
    before, marked = line[:at - begin], line[at - begin:at - begin + error.length] or " "
    if width(printable(line)) > most:
        before = _end_of(before, most // 2)
    indent = width(printable(before))
    return [f"  {cut(printable(before + line[at - begin:]), most)}",
            "  " + " " * indent + "^" * max(1, min(width(printable(marked)), most - indent))]


def _end_of(text: str, most: int) -> str:
    """As much of the end as `most` columns show."""
    text = text[-most:]
    while width(printable(text)) > most:
        text = text[1:]
    return text


def _secrets(statement: str) -> list[str]:
    """The literals of a statement that may be secrets, judged by the key before them. Errs towards yes."""
    creates = bool(_CREATES_SECRET.search(statement))
    literals = [m.group()[1:-1] for m in _LITERAL.finditer(statement) if len(m.group()) > 2 and _is_secret(statement, m.start(), creates)]
    keys = _BARE if creates else _BARE_ARGUMENT if _SERVES.search(statement) else None
    bare = [m.group(2) for m in keys.finditer(statement) if m.group(2).lower() not in _PLAIN_KEYS] if keys else []
    return literals + bare + [m.group(2) for m in _USER_INFO.finditer(statement)]


def _is_secret(statement: str, at: int, creates_secret: bool) -> bool:
    key = _KEY.search(statement, max(0, at - 200), at)
    word = key.group(1).lower().replace(".", "_").replace("-", "_") if key else ""
    if not word or word in _PLAIN_KEYS:
        return False
    return creates_secret or bool(_SENSITIVE.search(word)) or names_secret(word)


def _masked(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(f"'{secret}'", "'***'").replace(f'"{secret}"', '"***"')
        if len(secret) >= 6:
            text = text.replace(secret, "***")
    return redact(text)


def _clean(text: str, secrets: list[str]) -> str:
    """Printable, but a message may have lines."""
    return "\n".join(printable(line) for line in _masked(text, secrets).split("\n"))
