"""Statements about a session, answered without DuckDB: SHOW, SET, RESET, DISCARD, DEALLOCATE, UNLISTEN, set_config.

Invariant: answering changes nothing; what a statement sets is in the answer, for whoever owns the connection to apply. A setting that is
not PostgreSQL's is no business of this module: the answer is None, and the gate says what becomes of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from kshell.errors import RefusedError, StatementSyntaxError
from kshell.lang.reader import Reader, string_value
from kshell.lang.tokens import leading_words
from kshell.serve.pgwire.compat.settings import ClientSettings, spelled

_WORDS = ("SHOW", "SET", "RESET", "DISCARD", "DEALLOCATE", "UNLISTEN")
_CONFIG = re.compile(r"\s*SELECT\s+(?:pg_catalog\s*\.\s*)?set_config\s*\(\s*'([\w.]+)'\s*,\s*'((?:[^']|'')*)'\s*,\s*(\w+|'\w+')\s*\)"
                     r"\s*(?:::\s*\w+\s*)?;?\s*", re.IGNORECASE)
_TWO_WORDS = {("TRANSACTION", "ISOLATION", "LEVEL"): "transaction_isolation", ("TIME", "ZONE"): "timezone",
              ("SESSION", "AUTHORIZATION"): "session_authorization", ("NAMES",): "client_encoding", ("SCHEMA",): "search_path"}
_LEVELS = {("SERIALIZABLE",): "serializable", ("REPEATABLE", "READ"): "repeatable read", ("READ", "COMMITTED"): "read committed",
           ("READ", "UNCOMMITTED"): "read uncommitted"}
_BOOLEANS = {"TRUE": "on", "FALSE": "off", "YES": "on", "NO": "off"}


@dataclass(frozen=True, slots=True)
class Canned:
    """`sets`: settings by the names that clients know, checked but not applied; `deallocates`: a prepared statement, or `*` for all."""

    tag: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    sets: dict[str, str] = field(default_factory=dict)
    scope: Literal["session", "local"] = "session"
    deallocates: str | None = None


def canned(text: str, settings: ClientSettings) -> Canned | None:
    """None: none of these."""
    first = leading_words(text, 1)
    if first == ("SELECT",):
        return _config(text, settings) if "set_config" in text.lower() else None
    if not first or first[0] not in _WORDS:
        return None
    reader = Reader(text)
    word = reader.token.upper
    reader.at += 1
    return _ANSWERS[word](reader, settings)


# ---- SHOW -------------------------------------------------------------------------------------------------------------

def _show(reader: Reader, settings: ClientSettings) -> Canned | None:
    if reader.sees("ALL") and _last(reader, 1):
        return Canned("SHOW", ("name", "setting", "description"), tuple((name, value, "") for name, value in settings.everything()))
    name, length = _setting(reader)
    if not _last(reader, length) or not settings.knows(name):
        return None
    return Canned("SHOW", (spelled(name),), ((settings.show(name),),))


# ---- SET, RESET -------------------------------------------------------------------------------------------------------

def _set(reader: Reader, settings: ClientSettings) -> Canned | None:
    if reader.sees("TRANSACTION"):
        return _characteristics(reader, "transaction", "local")
    if reader.sees("SESSION", "CHARACTERISTICS", "AS", "TRANSACTION"):
        reader.at += 3
        return _characteristics(reader, "default_transaction", "session")
    if reader.sees("ROLE") or reader.sees("SESSION", "AUTHORIZATION"):
        return _role(reader, settings)
    scope: Literal["session", "local"] = "local" if reader.sees("LOCAL") else "session"
    if reader.sees("LOCAL") or (reader.sees("SESSION") and reader.ahead().kind in ("word", "name")):
        reader.at += 1
    spoken = reader.sees("TIME", "ZONE") or reader.sees("NAMES") or (reader.sees("SCHEMA") and reader.ahead().kind == "string")
    name, length = _setting(reader)
    custom = "." in name
    if not (settings.knows(name) or custom):
        return None
    reader.at += length
    if not spoken and not (reader.sees("TO") or reader.sees_op("=")):
        return None
    reader.at += 0 if spoken else 1
    if custom:
        return Canned("SET")
    return Canned("SET", sets={spelled(name): _value(reader, name, settings)}, scope=scope)


def _value(reader: Reader, name: str, settings: ClientSettings) -> str:
    """One value or several with commas; DEFAULT and, for a zone, LOCAL are what the session began with."""
    if reader.sees("DEFAULT") or (name == "timezone" and reader.sees("LOCAL")):
        return settings.initial(name)
    parts: list[str] = []
    while not reader.over:
        token = reader.token
        if token.kind == "string":
            parts.append(string_value(token.text))
        elif token.kind == "name":
            parts.append(token.text if name == "search_path" else token.text[1:-1])
        else:
            parts.append(_BOOLEANS.get(token.upper, token.text))
        reader.at += 1
    if not parts:
        raise StatementSyntaxError(f"SET {name} takes a value", position=reader.token.start)
    return settings.checked(name, "".join(", " if part == "," else part for part in parts))


def _characteristics(reader: Reader, prefix: str, scope: Literal["session", "local"]) -> Canned:
    """TRANSACTION ISOLATION LEVEL x, READ ONLY, DEFERRABLE: one moment per transaction is what there is, so all of them hold."""
    words = tuple(token.upper for token in reader.tokens[reader.at:] if token.kind == "word")
    named = words[3:5] if words[1:3] == ("ISOLATION", "LEVEL") else ()
    level = _LEVELS.get(named) or _LEVELS.get(named[:1])
    names = (f"{prefix}_isolation", "transaction_isolation") if level else ()
    return Canned("SET", sets={name: level for name in names if level}, scope=scope)


def _role(reader: Reader, settings: ClientSettings) -> Canned:
    """There is one login: to stay it is accepted, to become another is not."""
    wanted = reader.tokens[reader.at + (1 if reader.sees("ROLE") else 2)]
    name = string_value(wanted.text) if wanted.kind == "string" else wanted.text.strip('"')
    if name.upper() not in ("NONE", "DEFAULT") and name != settings.show("session_authorization"):
        raise RefusedError(f'role "{name}" does not exist', hint=f"a server has one login: {settings.show('session_authorization')}",
                           position=wanted.start, length=len(wanted.text))
    return Canned("SET")


def _reset(reader: Reader, settings: ClientSettings) -> Canned | None:
    if reader.sees("ALL") and _last(reader, 1):
        return Canned("RESET", sets=settings.changed_since_start())
    if reader.sees("ROLE") or reader.sees("SESSION", "AUTHORIZATION"):
        return Canned("RESET")
    name, length = _setting(reader)
    if not _last(reader, length) or not (settings.knows(name) or "." in name):
        return None
    return Canned("RESET", sets={spelled(name): settings.initial(name)} if settings.knows(name) else {})


def _config(text: str, settings: ClientSettings) -> Canned | None:
    """SELECT set_config('name', 'value', is_local), which is SET as a query."""
    match = _CONFIG.fullmatch(text)
    if match is None or not (settings.knows(match[1]) or "." in match[1]):
        return None
    value = match[2].replace("''", "'")
    if not settings.knows(match[1]):
        return Canned("SELECT 1", ("set_config",), ((value,),))
    kept = settings.checked(match[1], value) if value or match[1].lower() != "search_path" else ""
    local = match[3].strip("'").lower() in ("true", "t", "on", "1")
    return Canned("SELECT 1", ("set_config",), ((kept,),), {spelled(match[1]): kept}, "local" if local else "session")


# ---- the rest -----------------------------------------------------------------------------------------------------------

def _discard(reader: Reader, settings: ClientSettings) -> Canned | None:
    what = reader.token.upper
    if what not in ("ALL", "PLANS", "SEQUENCES", "TEMP", "TEMPORARY") or not _last(reader, 1):
        return None
    everything = what == "ALL"
    return Canned(f"DISCARD {what}", sets=settings.changed_since_start() if everything else {}, deallocates="*" if everything else None)


def _deallocate(reader: Reader, _: ClientSettings) -> Canned | None:
    if reader.sees("PREPARE"):
        reader.at += 1
    if reader.token.kind not in ("word", "name") or not _last(reader, 1):
        return None
    if reader.sees("ALL"):
        return Canned("DEALLOCATE ALL", deallocates="*")
    token = reader.token
    return Canned("DEALLOCATE", deallocates=token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text.lower())


def _unlisten(_: Reader, __: ClientSettings) -> Canned:
    return Canned("UNLISTEN")


def _setting(reader: Reader) -> tuple[str, int]:
    """The setting's name at the reader's place, in lower case, and how many tokens it takes."""
    for words, name in _TWO_WORDS.items():
        if reader.sees(*words) and not (words == ("SCHEMA",) and reader.ahead().kind != "string"):
            return name, len(words)
    parts, at = [], reader.at
    while reader.tokens[at].kind in ("word", "name"):
        parts.append(reader.tokens[at].text.strip('"').lower())
        if reader.tokens[at + 1].text != ".":
            break
        at += 2
    return ".".join(parts), max(at - reader.at + 1, 1)


def _last(reader: Reader, length: int) -> bool:
    """Whether nothing but a semicolon follows so many tokens."""
    rest = reader.tokens[reader.at + length:]
    return not rest or rest[0].kind == "end" or (rest[0].text == ";" and rest[1].kind == "end")


_ANSWERS = {"SHOW": _show, "SET": _set, "RESET": _reset, "DISCARD": _discard, "DEALLOCATE": _deallocate, "UNLISTEN": _unlisten}
