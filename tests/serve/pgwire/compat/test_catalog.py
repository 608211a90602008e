"""PostgreSQL's catalog over what is in the process: numbers that join, names that are hidden, types as clients know them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import duckdb
import pytest

from kshell.engine import Engine
from kshell.serve.pgwire import compat
from kshell.serve.pgwire.types import pg_type
from tests.support.pg_catalog import Client, process


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with process() as engine:
        yield engine


@pytest.fixture
def client(engine: Engine) -> Client:
    return Client(engine)


def test_installing_twice_and_at_once_is_installing_once() -> None:
    engine = Engine()
    threads = [threading.Thread(target=compat.install, args=(engine,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Client(engine).one("SELECT count(*) FROM pg_namespace WHERE nspname IN ('main', 'live', 'lake')") == 3
    engine.close()


COLUMNS = [("id", 20, "int8", "bigint"), ("amount", 1700, "numeric", "numeric(10,2)"),
           ("ts", 1184, "timestamptz", "timestamp with time zone"), ("name", 25, "text", "text"), ("tags", 1009, "_text", "text[]"),
           ("geo", 114, "json", "json"), ("_kafka_key", 17, "bytea", "bytea"), ("_kafka_partition", 23, "int4", "integer")]


def test_classes_namespaces_attributes_and_types_join(client: Client) -> None:
    assert client.rows("""
        SELECT a.attname, a.atttypid, t.typname, pg_catalog.format_type(a.atttypid, a.atttypmod) FROM pg_catalog.pg_attribute a
        JOIN pg_catalog.pg_class c ON a.attrelid = c.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_type t ON t.oid = a.atttypid WHERE c.relname = 'orders' AND n.nspname = 'main' AND a.attnum > 0
        ORDER BY a.attnum""") == COLUMNS


@pytest.mark.parametrize(("type_", "oid", "formatted"), [
    ("BOOLEAN", 16, "boolean"), ("TINYINT", 21, "smallint"), ("UINTEGER", 20, "bigint"), ("HUGEINT", 1700, "numeric"),
    ("UBIGINT", 1700, "numeric"), ("FLOAT", 700, "real"), ("DOUBLE[]", 1022, "double precision[]"), ("DATE", 1082, "date"),
    ("TIME", 1083, "time without time zone"), ("TIMESTAMP_NS", 1114, "timestamp without time zone"), ("INTERVAL", 1186, "interval"),
    ("UUID", 2950, "uuid"), ("ENUM('a', 'b[]')", 25, "text"), ("JSON", 114, "json"), ("JSON[]", 199, "json[]"), ("BIGNUM", 1700, "numeric"),
    ("TIMETZ", 1266, "time with time zone"),
     ("MAP(VARCHAR, INTEGER[])", 114, "json"),
    ("STRUCT(a INTEGER)[]", 114, "json"), ("INTEGER[][]", 114, "json"), ("DECIMAL(4,1)[]", 1231, "numeric(4,1)[]"),
    ("INTEGER[3]", 1007, "integer[]"),
])
def test_a_column_has_postgresqls_type(type_: str, oid: int, formatted: str, engine: Engine, client: Client) -> None:
    with engine.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE TABLE typed (x {type_})")
        try:
            found = client.rows("SELECT atttypid, atttypmod, format_type(atttypid, atttypmod) FROM pg_attribute "
                                "WHERE attrelid = 'typed'::regclass")
            sent = pg_type(str(client.result("SELECT * FROM typed").description[0][1]))
            assert found == [(oid, sent.modifier, formatted)]
            assert sent.oid == oid                       # a row's description says the same as the catalog
        finally:
            cursor.execute("DROP TABLE typed")


def test_a_number_stays_when_a_view_is_replaced(engine: Engine, client: Client) -> None:
    before = client.one("SELECT 'live.orders'::regclass::oid")
    with engine.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE VIEW live.orders AS SELECT * FROM main.orders WHERE true")
    assert client.one("SELECT oid FROM pg_class WHERE relname = 'orders' AND relnamespace = 'live'::regnamespace") == before


def test_no_number_is_given_twice(client: Client) -> None:
    assert client.rows("SELECT oid, count(*) FROM pg_class GROUP BY oid HAVING count(*) > 1") == []
    assert client.rows("SELECT relnamespace FROM pg_class WHERE relnamespace NOT IN (SELECT oid FROM pg_namespace)") == []
    assert client.rows("SELECT typnamespace FROM pg_type WHERE typnamespace NOT IN (SELECT oid FROM pg_namespace)") == []
    assert client.rows("SELECT attrelid FROM pg_attribute WHERE attrelid NOT IN (SELECT oid FROM pg_class)") == []


@pytest.mark.parametrize("query", [
    "SELECT nspname FROM pg_namespace", "SELECT schema_name FROM information_schema.schemata",
    "SELECT DISTINCT table_schema FROM information_schema.tables", "SELECT DISTINCT table_schema FROM information_schema.columns",
    "SELECT schemaname FROM pg_tables", "SELECT DISTINCT schemaname FROM pg_views",
    "SELECT relname FROM pg_class", "SELECT table_name FROM information_schema.columns", "SELECT tablename FROM pg_tables",
    "SELECT table_name FROM information_schema.tables", "SHOW TABLES", "SELECT name FROM (SELECT relname AS name FROM pg_stat_user_tables)",
    "SELECT table_name FROM information_schema.views",
])
def test_what_is_kshells_own_and_what_is_temporary_is_not_there(query: str, client: Client) -> None:
    shown = {row[0] for row in client.rows(query)}
    assert shown
    assert not {name for name in shown if name.startswith(("kshell_", "temp"))} | (shown & {"segment", "passing", "secrets"})


def test_show_tables_lists_what_is_on_the_search_path(client: Client) -> None:
    assert client.rows("SHOW TABLES") == [("child",), ("orders",), ("t",)]
    assert client.rows("show tables from live;") == [("orders",)]
    assert [row[1:3] for row in client.rows("SHOW ALL TABLES")] == [
        ("live", "orders"), ("main", "child"), ("main", "orders"), ("main", "t")]


def test_a_relation_is_visible_where_the_path_finds_it_first(engine: Engine, client: Client) -> None:
    visible = ("SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
               "WHERE relname = 'orders' AND pg_table_is_visible(c.oid)")
    assert client.rows(visible) == [("main",)]
    other = Client(engine, search_path="live, main")
    assert other.rows(visible) == [("live",)]
    assert other.one("SELECT 'orders'::regclass = 'live.orders'::regclass")
    assert (other.one("SELECT current_schema()"), other.one("SELECT current_schemas(true)")) == ("live", ["pg_catalog", "live", "main"])


@pytest.mark.parametrize(("text", "value"), [
    ("SELECT version()", f"PostgreSQL 14.0 (kshell {compat.ClientSettings('x').show('version').split()[3][:-1]}, DuckDB 1.5.5)"),
    ("SELECT current_user", "kshell"), ("SELECT session_user", "kshell"), ("SELECT user", "kshell"),
    ("SELECT current_database()", "memory"), ("SELECT current_catalog", "memory"),
    ("SELECT current_setting('server_version')", "14.0"), ("SELECT current_setting('TimeZone')", "UTC"),
    ("SELECT current_setting('no_such', true)", None), ("SELECT pg_backend_pid()", 42), ("SELECT pg_get_userbyid(10)", "kshell"),
    ("SELECT to_regclass('no_such')", None), ("SELECT quote_ident('Odd \"name\"')", '"Odd ""name"""'),
    ("SELECT quote_ident('plain_1')", "plain_1"),
    ("SELECT quote_literal('it''s')", "'it''s'"), ("SELECT pg_encoding_to_char(6)", "UTF8"), ("SELECT pg_is_in_recovery()", False),
    ("SELECT array_upper(ARRAY[4, 5], 1)", 2), ("SELECT array_lower(ARRAY[4, 5], 1)", 1),
    ("SELECT array_upper(CAST([] AS INT[]), 1)", None),
    ("SELECT 'a'::name", "a"), ("SELECT '{}'::jsonb", "{}"), ("SELECT 'int4'::regtype", 23), ("SELECT 'character varying'::regtype", 1043),
    ("SELECT 'text[]'::regtype::oid", 1009), ("SELECT 25::oid::regtype::text", "text"), ("SELECT 'pg_catalog.pg_class'::regclass", 1259),
    ("SELECT 'public.orders'::regclass = 'main.orders'::regclass", True), ("SELECT '\"orders\"'::regclass = 'ORDERS'::regclass", True),
    ("SELECT (SELECT 'live.orders'::regclass)::regclass::text", "live.orders"), ("SELECT 'public'::regnamespace::oid", 2200),
    ("SELECT 2200::regnamespace::text", "main"), ("SELECT 'x' ~* 'X', 1", True), ("SELECT format_type(NULL, NULL)", None),
    ("SELECT format_type(99999, -1)", "???"), ("SELECT format_type(1043, 14)", "character varying(10)"),
    ("SELECT obj_description('t'::regclass, 'pg_class')", "hi"), ("SELECT col_description('t'::regclass, 1)", "the id"),
    ("SELECT count(*) FROM pg_roles WHERE rolname = current_user", 1), ("SELECT usename FROM pg_stat_activity", "kshell"),
    ("SELECT count(*) FROM pg_matviews", 0), ("SELECT count(*) FROM pg_range", 0),
    ("SELECT setting FROM pg_settings WHERE name = 'server_version_num'", "140000"),
    ("SELECT s[2] FROM string_to_array('a,b', ',') s", "b"), ("SELECT 'x' COLLATE pg_catalog.\"default\"", "x"),
])
def test_functions_and_casts_of_postgresql_answer(text: str, value: object, client: Client) -> None:
    assert client.rows(text)[0][0] == value


@pytest.mark.parametrize(("text", "said"), [
    ("SELECT 'no_such'::regclass", 'relation "no_such" does not exist'), ("SELECT 'no_such'::regtype", 'type "no_such" does not exist'),
    ("SELECT current_setting('no_such')", 'unrecognized configuration parameter "no_such"'),
])
def test_a_name_that_stands_for_nothing_is_an_error(text: str, said: str, client: Client) -> None:
    with pytest.raises(duckdb.Error) as raised:
        client.rows(text)
    assert said in str(raised.value).replace('\\"', '"')


def test_information_schema_has_postgresqls_words(client: Client) -> None:
    assert client.rows("""
        SELECT column_name, data_type, udt_name, is_nullable, numeric_precision, numeric_scale FROM information_schema.columns
        WHERE table_schema = 'main' AND table_name = 't' ORDER BY ordinal_position""") == [
        ("id", "bigint", "int8", "NO", 64, 0), ("amount", "numeric", "numeric", "NO", 10, 2),
        ("ts", "timestamp with time zone", "timestamptz", "YES", None, None), ("name", "text", "text", "YES", None, None),
        ("tags", "ARRAY", "_text", "YES", None, None), ("geo", "json", "json", "YES", None, None)]
    assert client.rows("SELECT table_type FROM information_schema.tables WHERE table_name IN ('t', 'orders') ORDER BY 1") == [
        ("BASE TABLE",), ("VIEW",), ("VIEW",)]


def test_keys_tell_their_columns(client: Client) -> None:
    assert client.rows("SELECT conname, contype, conkey, confrelid::regclass::text, confkey FROM pg_constraint ORDER BY conname") == [
        ("child_id_pkey", "p", [1], "0", None), ("child_t_id_fkey", "f", [2], "t", [1]), ("t_id_pkey", "p", [1], "0", None)]
    assert client.rows("SELECT constraint_name, column_name, ordinal_position FROM information_schema.key_column_usage ORDER BY 1") == [
        ("child_id_pkey", "id", 1), ("child_t_id_fkey", "t", 1), ("t_id_pkey", "id", 1)]
    assert client.one("SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 't'::regclass") == (
        "CREATE UNIQUE INDEX t_id_pkey ON main.t USING btree (id)")


def test_how_a_source_is_put_together_is_not_told(engine: Engine, client: Client) -> None:
    with engine.cursor() as cursor:
        cursor.execute("CREATE VIEW inner_rows AS SELECT * FROM kshell_buffer.segment; CREATE VIEW plain AS SELECT 1 AS x")
        try:
            assert client.rows("SELECT definition FROM pg_views WHERE viewname IN ('inner_rows', 'plain') ORDER BY viewname") == [
                (None,), ("SELECT 1 AS x;",)]
        finally:
            cursor.execute("DROP VIEW inner_rows; DROP VIEW plain")


def test_one_session_does_not_see_the_settings_of_another(engine: Engine) -> None:
    one, two = Client(engine, user="ann", application_name="a"), Client(engine, user="bob")
    assert one.rows("SELECT current_user, current_setting('application_name')") == [("ann", "a")]
    assert two.rows("SELECT current_user, current_setting('application_name')") == [("bob", "")]
