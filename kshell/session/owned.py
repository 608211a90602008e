"""Views and macros that belong to sources: a user's DROP, ALTER or CREATE OR REPLACE of one is refused by name.

Invariant: only text that begins with DROP, ALTER, CREATE or a word that changes rows is looked at; all else reaches DuckDB unread."""

from __future__ import annotations

from collections.abc import Collection

from kshell.engine import OWN_SCHEMAS
from kshell.errors import RefusedError
from kshell.lang.tokens import Token, leading_words, tokens

_VERBS = ("DROP", "ALTER", "CREATE")
_CHANGES = {"INSERT": ("INTO",), "DELETE": ("FROM",), "UPDATE": (), "TRUNCATE": (), "MERGE": ("INTO",)}
_KINDS = frozenset({"VIEW", "TABLE", "MACRO", "FUNCTION", "SCHEMA"})
_PASSED = frozenset({"OR", "REPLACE", "TEMP", "TEMPORARY", "IF", "NOT", "EXISTS", "PERSISTENT"})
_SCHEMAS = frozenset({"live", "lake", "kshell", *OWN_SCHEMAS})


def refuse_change(text: str, sources: Collection[str]) -> None:
    """Raise when the statement would change what a source or kshell itself owns."""
    verb = leading_words(text, 1)[:1]
    if verb and verb[0] in _CHANGES:
        _refuse_rows(tokens(text), sources)
    if not verb or verb[0] not in _VERBS:
        return
    found = _named(tokens(text))
    if found is None:
        return
    parts, token, kind = found
    names = [p.lower() for p in parts]
    if names[:1] == ["memory"]:
        names = names[1:]
    place = {"position": token.start, "length": token.end - token.start}
    if names[0] in _SCHEMAS and (len(names) == 2 or kind == "SCHEMA"):
        raise RefusedError(f"{'.'.join(parts)} belongs to kshell", hint="give yours another name or schema", **place)
    mine = {s.lower(): s for s in sources}
    if kind != "SCHEMA" and names[-1] in mine and names[:-1] in ([], ["main"]):
        source = mine[names[-1]]
        raise RefusedError(f"{parts[-1]} belongs to the source {source}", hint=f"DROP SOURCE {source}, or give yours another name", **place)


def _refuse_rows(found: list[Token], sources: Collection[str]) -> None:
    """INSERT INTO, DELETE FROM, UPDATE, TRUNCATE, MERGE INTO a source: its rows are the topic's."""
    at = 1
    while found[at].upper in ("OR", "REPLACE", "IGNORE", "TABLE", *_CHANGES[found[0].upper]):
        at += 1
    first, parts = found[at], [_text(found[at])]
    while found[at + 1].text == ".":
        at += 2
        parts.append(_text(found[at]))
    names = [p.lower() for p in parts]
    if names[:1] == ["memory"]:
        names = names[1:]
    mine = {s.lower(): s for s in sources}
    if names and names[-1] in mine and names[:-1] in ([], ["main"], ["live"], ["lake"]):
        source = mine[names[-1]]
        raise RefusedError(f"{'.'.join(parts)} is read from Kafka: its rows cannot be changed here",
                           hint=f"CREATE TABLE copy AS FROM {source} makes one that can",
                           position=first.start, length=found[at].end - first.start)


def _named(found: list[Token]) -> tuple[list[str], Token, str] | None:
    """The dotted name a DDL statement is about, its first token, and the kind of thing."""
    position = 1
    while found[position].upper in _PASSED:
        position += 1
    kind = found[position].upper
    if kind not in _KINDS:
        return None
    position += 1
    while found[position].upper in (*_PASSED, "TABLE"):
        position += 1
    first, parts = found[position], [_text(found[position])]
    while found[position + 1].text == "." and found[position + 2].kind in ("word", "name"):
        position += 2
        parts.append(_text(found[position]))
    return (parts, first, kind) if first.kind in ("word", "name") else None


def _text(token: Token) -> str:
    return token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text
