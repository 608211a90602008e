"""The rewrite: names, casts and operators of PostgreSQL in a statement become what DuckDB reads. Tokens only, so no string is touched.

Invariant: edits do not overlap and stand from left to right; a text that names nothing of PostgreSQL has none.

    pg_catalog.pg_class        kshell_pg.pg_class         where kshell has its own, and no schema at all before other functions and types
    information_schema.tables  kshell_pg_information.tables
    public.orders              main.orders
    'orders'::regclass         kshell_pg.kshell_regclass('orders'), a number; c.oid::regclass is the name
    OPERATOR(pg_catalog.~)     ~@, which finds a pattern anywhere as PostgreSQL does
    COLLATE pg_catalog.default nothing
    LIKE 'a\\_b'              LIKE 'a\\_b' ESCAPE '\\'
    = ANY ('{r,v}')            = ANY (['r', 'v'])
    unnest(i.indkey)           unnest(kshell_pg.kshell_vector(i.indkey)), and i.indkey[0] is the first
    format('%I', x)            printf('%s', kshell_pg.quote_ident(x))
    FROM string_to_array(x) s  FROM (SELECT string_to_array(x) AS s) s"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from kshell.engine import CATALOG_SCHEMA as SCHEMA
from kshell.engine import INFORMATION_SCHEMA
from kshell.lang.tokens import Token
from kshell.query.rewrite import Edit, Edits
from kshell.serve.pgwire.compat import casts, formats, lists, patterns, spans
from kshell.serve.pgwire.compat.installed import defined

_CONCERNED = re.compile(r"pg_|information_schema|\bpublic\b|\breg(?:class|type|proc|role|namespace)|\boperator\s*\(|\bcollate\b"
                        r"|string_to_array|'\{|_build_object|\bformat\s*\(\s*'[^']*%[sIL]|^\s*show\s+(?:all\s+)?tables\b", re.IGNORECASE)
# what the pattern needs, and is looked for in a fraction of its time
_WORDS = ("pg_", "information_schema", "public", "reg", "operator", "collate", "string_to_array", "tables", "'{", "_build_object", "format")
_PROBE = re.compile(r"\bpg_|\binformation_schema\b", re.IGNORECASE)
_TABLES = re.compile(r"\s*SHOW\s+TABLES\s*(?:(?:FROM|IN)\s+([a-z_]\w*)\s*)?;?\s*", re.IGNORECASE)
_ALL_TABLES = re.compile(r"\s*SHOW\s+ALL\s+TABLES\s*;?\s*", re.IGNORECASE)
_RENAMED = {"JSON_BUILD_OBJECT": "json_object", "JSONB_BUILD_OBJECT": "json_object"}
_DEFAULTS = ("default", '"default"')


def rewrite(text: str) -> Edits:
    edits, lowered = Edits(text), text.lower()
    if any(word in lowered for word in _WORDS) and _CONCERNED.search(text):
        edits.edits += _shown(text) or _in_order(_edits(text))
    return edits


def _in_order(edits: Iterable[Edit]) -> list[Edit]:
    """From left to right. Of two that open at one place, the one that was found later stands around the other."""
    return [edit for _, edit in sorted(enumerate(edits), key=lambda numbered: (numbered[1].start, numbered[1].end, -numbered[0]))]


def _edits(text: str) -> Iterator[Edit]:
    found = spans.padded(text)
    probe = _PROBE.search(text) is not None
    alias = any(t.upper == "PUBLIC" and found[i + 1].text != "." for i, t in enumerate(found))
    taken: set[int] = set()                      # tokens that an edit has dealt with
    for at, token in enumerate(found):
        if at in taken or token.kind == "end":
            continue
        yield from casts.of(found, at, taken)
        yield from patterns.of(found, at, taken, probe)
        yield from _collation(found, at, taken)
        yield from lists.of(found, at, probe)
        yield from _renamed(found, at)
        yield from formats.of(found, at)
        if at not in taken and not (alias and token.upper == "PUBLIC"):
            yield from _schema(found, at)


def _schema(found: Sequence[Token], at: int) -> Iterator[Edit]:
    """`pg_catalog.`, `information_schema.` and `public.`, unless they stand after a dot themselves."""
    token = found[at]
    schema = spans.name(token)
    if schema not in ("pg_catalog", "information_schema", "public") or not spans.is_dot(found, at + 1) or spans.is_dot(found, at - 1):
        return
    named = found[at + 2]
    if schema == "public":
        yield Edit(token.start, token.end, "main")
    elif spans.name(named) in defined()[SCHEMA if schema == "pg_catalog" else INFORMATION_SCHEMA] and not spans.is_type(found, at):
        yield Edit(token.start, token.end, SCHEMA if schema == "pg_catalog" else INFORMATION_SCHEMA)
    elif spans.is_type(found, at):
        yield Edit(token.start, named.start, "" if schema == "pg_catalog" else f"{INFORMATION_SCHEMA}.")
    elif schema == "pg_catalog" and spans.opens(found, at + 3):
        yield Edit(token.start, named.start, "")


def _collation(found: Sequence[Token], at: int, taken: set[int]) -> Iterator[Edit]:
    if found[at].upper != "COLLATE":
        return
    qualified = spans.name(found[at + 1]) == "pg_catalog"
    named = at + 3 if qualified else at + 1
    if found[named].text.lower() in _DEFAULTS:
        yield Edit(found[at].start, found[named].end, "")
    elif qualified:
        yield Edit(found[at + 1].start, found[named].start, "")
    else:
        return
    taken.update(range(at, named + 1))


def _renamed(found: Sequence[Token], at: int) -> Iterator[Edit]:
    """A function with any number of arguments, which no macro can have."""
    if found[at].upper in _RENAMED and spans.opens(found, at + 1):
        yield Edit(found[at].start, found[at].end, _RENAMED[found[at].upper])


def _shown(text: str) -> list[Edit]:
    """SHOW TABLES would list what stands for the catalog."""
    if one := _TABLES.fullmatch(text):
        schemas = f"['{one[1].lower()}']" if one[1] else "current_schemas(false)"
        return [Edit(0, len(text), f"SELECT table_name AS name FROM {INFORMATION_SCHEMA}.tables "
                                   f"WHERE list_contains({schemas}, table_schema) ORDER BY 1")]
    if _ALL_TABLES.fullmatch(text):
        return [Edit(0, len(text), "SELECT 'memory' AS database, schema_name AS schema, table_name AS name, "
                                   "list(name ORDER BY position) AS column_names, list(data_type ORDER BY position) AS column_types, "
                                   f"false AS temporary FROM {SCHEMA}.kshell_columns WHERE NOT starts_with(schema_name, '{SCHEMA}') "
                                   "GROUP BY schema_name, table_name ORDER BY ALL")]
    return []
