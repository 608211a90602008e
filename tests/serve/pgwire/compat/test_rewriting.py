"""What PostgreSQL's names become, and what is left as it is."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.serve.pgwire.compat import rewrite

REWRITTEN = {
    "SELECT pg_catalog.format_type(1, 2)": "SELECT kshell_pg.format_type(1, 2)",
    "SELECT pg_catalog.count(*), pg_catalog.lower('A')": "SELECT count(*), lower('A')",
    "SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class": "SELECT kshell_pg.pg_class.relname FROM kshell_pg.pg_class",
    'FROM "pg_catalog"."pg_class"': 'FROM kshell_pg."pg_class"',
    "FROM information_schema.tables t": "FROM kshell_pg_information.tables t",
    "FROM public.orders": "FROM main.orders",
    'SELECT "public".t.id FROM "public"."t"': 'SELECT main.t.id FROM main."t"',
    "SELECT 'orders'::regclass": "SELECT kshell_pg.kshell_regclass('orders')",
    "SELECT $1::regclass": "SELECT kshell_pg.kshell_regclass($1)",
    "SELECT 'orders'::pg_catalog.regclass::pg_catalog.oid": "SELECT kshell_pg.kshell_regclass('orders')::oid",
    "SELECT c.oid::regclass::text": "SELECT kshell_pg.kshell_regclass_name(c.oid)::text",
    "SELECT (a || b)::regclass::oid": "SELECT kshell_pg.kshell_regclass((a || b))::oid",
    "SELECT f(x, (y))::regclass": "SELECT kshell_pg.kshell_regclass_name(f(x, (y)))",
    "SELECT x IN (a, b[1]::regtype)": "SELECT x IN (a, kshell_pg.kshell_regtype_name(b[1]))",
    "SELECT x = ANY(ARRAY['int4'::regtype])": "SELECT x = ANY(ARRAY[kshell_pg.kshell_regtype('int4')])",
    "SELECT a.b::text::regtype": "SELECT kshell_pg.kshell_regtype_name(a.b::text)",
    "SELECT CAST('pg_class' AS REGCLASS)": "SELECT kshell_pg.kshell_regclass('pg_class' )",
    "SELECT CAST(x AS pg_catalog.regnamespace)": "SELECT kshell_pg.kshell_regnamespace_name(x )",
    "SELECT a OPERATOR(pg_catalog.~) '^(x)$' COLLATE pg_catalog.default": "SELECT a  ~@  '^(x)$' ",
    "SELECT a OPERATOR(pg_catalog.=) b": "SELECT a  =  b",
    "SELECT nspname !~ '^pg_' FROM pg_namespace": "SELECT nspname !~@ '^pg_' FROM pg_namespace",
    "SELECT a COLLATE \"default\", b COLLATE pg_catalog.\"C\"": "SELECT a , b COLLATE \"C\"",
    "SELECT s[1] FROM string_to_array('a,b', ',') AS s": "SELECT s[1] FROM (SELECT string_to_array('a,b', ',') AS s) s",
    "FROM pg_class, generate_series(1, 2) i": "FROM pg_class, generate_series(1, 2) i(i)",
    "SELECT x::pg_catalog.text, y::pg_catalog.name, z::pg_catalog.int2[]": "SELECT x::text, y::name, z::int2[]",
    "SELECT typname, $1::oid[], x::pg_catalog.oid[] FROM pg_type": "SELECT typname, $1::UINTEGER[], x::UINTEGER[] FROM pg_type",
    "SELECT relkind = ANY('{r,\"v w\"}')": "SELECT relkind = ANY(['r', 'v w'])",
    "SELECT x = ALL ('{1,NULL}'::int[])": "SELECT x = ALL (['1', NULL]::int[])",
    "SELECT ret::regtype <> 'trigger'::regtype": "SELECT kshell_pg.kshell_regtype(ret) <> kshell_pg.kshell_regtype('trigger')",
    "SELECT types::regtype[]::text[]": "SELECT kshell_pg.kshell_regtype_names(types)::text[]",
    "SELECT CAST(CAST(x AS REGCLASS) AS OID)": "SELECT CAST(kshell_pg.kshell_regclass(x ) AS OID)",
    "SELECT i.indkey, unnest(i.indkey) FROM pg_index i": "SELECT i.indkey, unnest(kshell_pg.kshell_vector(i.indkey)) FROM pg_index i",
    "SELECT x = ANY(indkey), f(indoption[0]) FROM pg_index":
        "SELECT x = ANY(kshell_pg.kshell_vector(indkey)), f(kshell_pg.kshell_vector(indoption)[1 + 0]) FROM pg_index",
    "SELECT p.proargtypes::regtype[] FROM pg_proc p":
        "SELECT kshell_pg.kshell_regtype_names(kshell_pg.kshell_vector(p.proargtypes)) FROM pg_proc p",
    "SELECT nspname LIKE 'a\\_b' AND x FROM pg_namespace": "SELECT nspname LIKE 'a\\_b' ESCAPE '\\' AND x FROM pg_namespace",
    "SELECT n ILIKE pg_catalog.lower($1), n LIKE $1::text FROM pg_x":
        "SELECT n ILIKE lower($1) ESCAPE '\\', n LIKE $1::text ESCAPE '\\' FROM pg_x",
    "SELECT n LIKE $1 || '%' ESCAPE '/', n LIKE 'b' ESCAPE '!', n LIKE x FROM public.pg_x":
        "SELECT n LIKE $1 || '%' ESCAPE '/', n LIKE 'b' ESCAPE '!', n LIKE x FROM main.pg_x",
    "SELECT json_build_object('a', pg_x)": "SELECT json_object('a', pg_x)",
    "SELECT format('%I.%s 100%%', f(a, b), c)": "SELECT printf('%s.%s 100%%', kshell_pg.quote_ident(f(a, b)), c)",
    "SELECT x::information_schema.sql_identifier": "SELECT x::kshell_pg_information.sql_identifier",
}
LEFT_ALONE = [
    "SELECT 'public.x', 'pg_catalog.pg_class', 'a'::text -- pg_catalog.pg_class ::regclass",
    "SELECT $$public.x$$, E'public.\\'x', /* public.x */ 1",
    'SELECT "public.x", "pg_catalog.y" FROM "odd public.z"',
    "SELECT public.a FROM t AS public",
    "SELECT t.public.a, t.pg_catalog.b FROM t",
    "SELECT a ~ 'whole', a LIKE 'a\\_b' FROM orders",
    "SELECT s FROM generate_series(1, 3) AS s(x)",
    "SELECT i FROM generate_series(1, 3) AS i",
    "SELECT string_to_array('a,b', ',') AS s",
    "SELECT indkey[1] FROM orders", "SELECT region, register, cooperator FROM orders WHERE published",
    "SELECT pg_catalog.no_such_thing_of_ours FROM t",
    "SELECT 'x'::regclass[]", "SELECT '{}', '{a}', any_value('{a}')", "SELECT format('{} {}', a, b), format('%I'), format(x)",
]
BROKEN = [
    "",
    "::regclass", "CAST(", "OPERATOR(", "COLLATE", "pg_catalog.", "pg_catalog", "SELECT 'pg_", "public.",
    "format('%I'", "ANY('{", "ANY('{a", "ANY('{a}'", "CAST(x AS regclass", "CAST(CAST(x AS regclass)", "x::regtype = '", "::regtype[",
    "'a'::regclass::", "string_to_array(a) ", "FROM string_to_array(a) AS",
]


@pytest.mark.parametrize("text", REWRITTEN)
def test_names_casts_and_operators_become_what_duckdb_reads(text: str) -> None:
    assert rewrite(text).text == REWRITTEN[text]


@pytest.mark.parametrize("text", LEFT_ALONE)
def test_strings_quoted_names_aliases_and_queries_in_duckdbs_words_stay(text: str) -> None:
    assert rewrite(text).text == text


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_statement_is_left_for_duckdb_to_explain(text: str) -> None:
    rewrite(text)


def test_a_place_in_what_ran_is_found_in_what_was_sent() -> None:
    sent = "SELECT public.orders.nope, 'x'::regclass FROM public.orders"
    edits = rewrite(sent)
    for word in ("nope", "FROM"):
        place, _ = edits.place(edits.text.index(word), 4)
        assert sent[place:place + 4] == word


def test_edits_do_not_overlap() -> None:
    for text in REWRITTEN:
        edits = rewrite(text).edits
        assert all(a.end <= b.start for a, b in pairwise(edits)), text


_PIECES = ["pg_catalog", "public", "information_schema", ".", "::", "regclass", "regtype", "[", "]", "(", ")", ",", "CAST", "AS", "ANY",
           "'{a}'", "'x'", "x", "OPERATOR", "~", "COLLATE", "default", "format", "'%I'", "FROM", "string_to_array", "$1", "oid", '"n"',
           "'open", "=", "name"]


@given(st.lists(st.sampled_from(_PIECES), max_size=14))
def test_no_text_is_too_odd_to_be_looked_at(pieces: list[str]) -> None:
    text = " ".join(pieces)
    edits = rewrite(text).edits
    assert all(0 <= edit.start <= edit.end <= len(text) for edit in edits)
    assert all(a.end <= b.start for a, b in pairwise(edits))
