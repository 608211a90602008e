"""Words that were mistyped: from the place of a syntax error to the keyword that was meant there.

Invariant: only a word that is no keyword is taken for a mistyped one, so a hint never corrects what was right."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

from kshell.lang.tokens import Token, tokens


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words("SELECT FROM WITH VALUES INSERT UPDATE DELETE MERGE TRUNCATE CREATE DROP ALTER ATTACH DETACH DESCRIBE SUMMARIZE SHOW SET "
                "RESET COPY EXPLAIN USE PRAGMA CALL BEGIN COMMIT ROLLBACK INSTALL LOAD PREPARE EXECUTE PIVOT UNPIVOT EXPORT IMPORT "
                "CHECKPOINT ANALYZE VACUUM TAIL PRINT SUBSCRIBE PAUSE RESUME FLUSH WAIT REFRESH CHECK VERIFY LIST")
_THINGS = _words("SOURCE SINK SECRET TABLE VIEW MACRO SCHEMA SEQUENCE TYPE INDEX FUNCTION")
_INSIDE = _words("SELECT DISTINCT FROM WHERE GROUP ORDER BY HAVING QUALIFY WINDOW LIMIT OFFSET JOIN INNER LEFT RIGHT FULL CROSS NATURAL ON "
                 "USING UNION INTERSECT EXCEPT INTO VALUES SET AND OR NOT BETWEEN LIKE ILIKE CASE WHEN THEN ELSE END RETURNING TABLE AS "
                 "EXISTS REPLACE")
_SHOWN = _words("TOPICS SOURCES SINKS CONNECTIONS SECRETS TABLES DATABASES SCHEMAS VARIABLES")
_ALL = frozenset((*_FIRST, *_THINGS, *_INSIDE))
_NEAR = 0.7


def hint_for(text: str, position: int) -> str | None:
    """What to type instead, for a syntax error at this character; None: nothing is known."""
    found = tokens(text)
    if found[-2:-1] and found[-2].kind == "open":
        return _open_hint(found[-2])
    at = next((i for i, token in enumerate(found) if token.end > position), len(found) - 1)
    return _word_hint(found, at) or _bracket_hint(found, at)


def shown_hint(text: str) -> str | None:
    """SHOW TOPCS: DuckDB takes it for a table."""
    found = tokens(text)
    if found[0].upper not in ("SHOW", "LIST") or found[1].kind != "word":
        return None
    near = _nearest(found[1].text, _SHOWN)
    return f"did you mean {found[0].upper} {near}?" if near else None


def show_create_hint(text: str) -> str | None:
    """SHOW CREATE TABLE t"""
    found = tokens(text)
    if [t.upper for t in found[:2]] != ["SHOW", "CREATE"] or len(found) < 4:
        return None
    return ("SHOW CREATE takes SOURCE, SINK or CONNECTION; the text of a table or view: "
            f"SELECT sql FROM duckdb_tables() WHERE table_name = '{found[3].text}', or duckdb_views()")


def _open_hint(token: Token) -> str:
    what = {"'": "a string", '"': "a quoted name", "/": "a comment"}.get(token.text[:1], "a string")
    close = {"/": "*/"}.get(token.text[:1], token.text[:1])
    return f"{what} begins here and is never closed: write {close} where it ends"


def _word_hint(found: Sequence[Token], at: int) -> str | None:
    if at == 0:
        return _meant(found[0], _FIRST)
    if found[0].upper in ("CREATE", "DROP", "ALTER") and at <= 3:
        return _meant(found[at], _THINGS)
    if found[0].upper == "EXPLAIN" and at == 1:
        return _meant(found[1], _FIRST)
    return _meant(found[at - 1], _INSIDE) or _meant(found[at], _INSIDE)


def _meant(token: Token, words: Sequence[str]) -> str | None:
    if token.kind != "word" or token.upper in _ALL:
        return None
    near = _nearest(token.text, words)
    return f"did you mean {near}?" if near else None


def _nearest(text: str, words: Sequence[str]) -> str | None:
    score, word = max((SequenceMatcher(None, text.upper(), word).ratio(), word) for word in words)
    return word if score >= _NEAR else None


def _bracket_hint(found: Sequence[Token], at: int) -> str | None:
    """What is open at the end, or closed once too often; else only that something is missing."""
    depth = sum({"(": 1, ")": -1}.get(token.text, 0) for token in found)
    if depth > 0:
        return f"{'one (' if depth == 1 else f'{depth} ('} is never closed"
    if depth < 0 and found[at].text == ")":
        return "there is one ) too many"
    if found[at].kind == "end" and at:
        return f"something is missing after {found[at - 1].text}"
    return None
