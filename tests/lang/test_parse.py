"""Every statement of the grammar becomes its value, with positions in characters of the statement's own text."""

from __future__ import annotations

from typing import Any

import pytest

from kshell import lang
from kshell.errors import StatementSyntaxError
from kshell.lang import forms, parse
from kshell.lang.statements import (
    AlterSink,
    AlterSource,
    Attach,
    CheckSink,
    ColumnDefinition,
    CreateSecret,
    CreateSink,
    CreateSource,
    Describe,
    Detach,
    DotCommand,
    Drop,
    DuckStatement,
    Flush,
    Lookup,
    NotBuilt,
    Pause,
    RawOption,
    Refresh,
    ReplayErrors,
    Set,
    Show,
    ShowCreate,
    Span,
    Statement,
    Typed,
    Wait,
    Word,
)

PLAIN: list[tuple[str, type[Statement], dict[str, Any]]] = [
    ("ATTACH 'kafka://b1:9092,b2:9092' AS k (TYPE kafka)", Attach, {"kind": "kafka", "uri": "kafka://b1:9092,b2:9092", "name": "k"}),
    ("attach or replace database 'kafka://b' as \"my k\" (type 'KAFKA')", Attach, {"kind": "kafka", "name": "my k", "or_replace": True}),
    ("ATTACH IF NOT EXISTS 'kafka://b' AS k WITH (TYPE = kafka)", Attach, {"kind": "kafka", "if_not_exists": True}),
    ("ATTACH 'http://c:8181' AS ice (CATALOG rest, TYPE iceberg)", Attach, {"kind": "iceberg", "name": "ice"}),
    ("DETACH k", Detach, {"name": "k", "if_exists": False}),
    ("DETACH DATABASE IF EXISTS \"my k\"", Detach, {"name": "my k", "if_exists": True}),
    ("CREATE SOURCE orders FROM KAFKA", CreateSource, {"name": "orders", "cluster": None, "columns": (), "options": ()}),
    ("CREATE SOURCE orders FROM KAFKA k", CreateSource, {"cluster": "k", "cluster_is_address": False, "name_span": Span(14, 20)}),
    ("CREATE SOURCE orders FROM KAFKA 'b:9092'", CreateSource, {"cluster": "b:9092", "cluster_is_address": True}),
    ("CREATE SOURCE orders FROM KAFKA ()", CreateSource, {"cluster": None, "options": ()}),
    ("CREATE SOURCE orders FROM KAFKA WITH ()", CreateSource, {"cluster": None, "options": ()}),
    ("CREATE OR REPLACE SOURCE \"a.b\" FROM KAFKA k", CreateSource, {"name": "a.b", "or_replace": True}),
    ("create source if not exists Größe from kafka k", CreateSource, {"name": "Größe", "if_not_exists": True}),
    ("CREATE SOURCE kafka FROM KAFKA kafka", CreateSource, {"name": "kafka", "cluster": "kafka"}),
    ("CREATE\u00a0SOURCE /* c */ orders -- c\nFROM KAFKA", CreateSource, {"name": "orders"}),
    ("CREATE SINK l FROM orders INTO ICEBERG local.shop.orders", CreateSink,
     {"name": "l", "source": "orders", "select": None, "table": ("local", "shop", "orders"), "explain": False}),
    ("EXPLAIN CREATE OR REPLACE SINK l FROM o INTO ICEBERG a.b.c.\"d e\"", CreateSink,
     {"explain": True, "or_replace": True, "table": ("a", "b", "c", "d e")}),
    ("CREATE SINK IF NOT EXISTS l FROM o INTO ICEBERG local.shop.order", CreateSink,
     {"if_not_exists": True, "table": ("local", "shop", "order")}),
    ("CREATE SINK eu AS SELECT id, 'INTO' AS x FROM c WHERE f(\"into\") IN (1) INTO ICEBERG ice.crm.eu", CreateSink,
     {"source": None, "select": "SELECT id, 'INTO' AS x FROM c WHERE f(\"into\") IN (1)", "table": ("ice", "crm", "eu")}),
    ("CREATE SINK eu AS FROM c /* INTO */ INTO ICEBERG ice.crm.eu ()", CreateSink, {"select": "FROM c"}),
    ("ALTER SOURCE o RENAME TO p", AlterSource, {"action": "rename", "to": "p"}),
    ("ALTER SOURCE IF EXISTS o RESET (retain.rows, 'RETAIN-TIME')", AlterSource,
     {"action": "reset", "if_exists": True, "keys": ("RETAIN_ROWS", "RETAIN_TIME")}),
    ("ALTER SOURCE o ADD COLUMN x DOUBLE FROM '$.x'", AlterSource,
     {"action": "add_column", "column": ColumnDefinition("x", "DOUBLE", Span(26, 45), "$.x")}),
    ("ALTER SOURCE o DROP COLUMN \"x y\"", AlterSource, {"action": "drop_column", "to": "x y"}),
    ("ALTER SOURCE o SEEK TO INTERVAL '1 hour'", AlterSource, {"action": "seek", "to": Typed("INTERVAL", "1 hour")}),
    ("ALTER SOURCE o SEEK TO getvariable('x')", AlterSource, {"action": "seek", "to": Lookup("getvariable", "x")}),
    ("ALTER SOURCE o SET (RETAIN_ROWS 5)", AlterSource,
     {"action": "set", "options": (RawOption("RETAIN_ROWS", "RETAIN_ROWS", 5, Span(20, 31), Span(32, 33)),)}),
    ("ALTER SINK s SET (PAUSED true)", AlterSink,
     {"action": "set", "options": (RawOption("PAUSED", "PAUSED", True, Span(18, 24), Span(25, 29)),)}),
    ("ALTER SINK s RESET (COMMIT_ROWS)", AlterSink, {"action": "reset", "keys": ("COMMIT_ROWS",)}),
    ("ALTER SINK s RENAME TO t", AlterSink, {"action": "rename", "to": "t"}),
    ("ALTER SINK s SKIP PARTITION 3 TO 1_000", AlterSink, {"action": "skip", "partition": 3, "offset": 1000}),
    ("ALTER SINK s REPLAY PARTITION 0 FROM 7", AlterSink, {"action": "replay", "partition": 0, "offset": 7}),
    ("ALTER SINK s ACCEPT ROLLBACK", AlterSink, {"action": "accept_rollback"}),
    ("ALTER SINK IF EXISTS s ACCEPT NEW TOPIC", AlterSink, {"action": "accept_new_topic", "if_exists": True}),
    ("ALTER SINK s ACCEPT NEW CLUSTER OFFSETS MAP {0: 100, 1: 0}", AlterSink, {"action": "accept_new_cluster", "to": {0: 100, 1: 0}}),
    ("ALTER SINK s RECOVER PROGRESS FROM DATA", AlterSink, {"action": "recover_data"}),
    ("ALTER SINK s RECOVER PROGRESS FROM PROPERTY", AlterSink, {"action": "recover_property"}),
    ("ALTER SINK s RESUME EVOLUTION", AlterSink, {"action": "resume_evolution"}),
    ("DROP SOURCE o", Drop, {"kind": "source", "name": "o", "if_exists": False, "cascade": False, "force": False}),
    ("DROP SOURCE IF EXISTS o CASCADE", Drop, {"kind": "source", "if_exists": True, "cascade": True}),
    ("DROP SINK s RESTRICT FORCE", Drop, {"kind": "sink", "name": "s", "cascade": False, "force": True}),
    ("PAUSE SOURCE o", Pause, {"kind": "source", "name": "o", "resume": False}),
    ("PAUSE SINK s", Pause, {"kind": "sink", "name": "s"}),
    ("RESUME ALL", Pause, {"kind": "all", "name": "", "resume": True}),
    ("FLUSH", Flush, {"sink": None, "timeout": None}),
    ("FLUSH ALL TIMEOUT '30s'", Flush, {"sink": None, "timeout": "30s"}),
    ("FLUSH SINK s TIMEOUT INTERVAL 5 MINUTES", Flush, {"sink": "s", "timeout": Typed("INTERVAL", "5 MINUTES")}),
    ("FLUSH TIMEOUT getenv('T')", Flush, {"timeout": Lookup("getenv", "T")}),
    ("WAIT", Wait, {"kind": "all", "rows": None, "timeout": None}),
    ("WAIT ALL UNTIL CAUGHT UP", Wait, {"kind": "all", "rows": None}),
    ("WAIT SOURCE o UNTIL ROWS 10 TIMEOUT '2s'", Wait, {"kind": "source", "name": "o", "rows": 10, "timeout": "2s"}),
    ("WAIT SINK s TIMEOUT '2s'", Wait, {"kind": "sink", "name": "s", "timeout": "2s"}),
    ("REFRESH SOURCE o", Refresh, {"kind": "source", "name": "o"}),
    ("REFRESH CATALOG local", Refresh, {"kind": "catalog", "name": "local"}),
    ("CHECK SINK s", CheckSink, {"name": "s", "against_kafka": False, "timeout": None}),
    ("REPLAY ERRORS OF SINK s", ReplayErrors, {"name": "s", "where": None, "timeout": None}),
    ("replay errors of sink s WHERE a IN (1, 2) -- all\n AND timeout > 3 TIMEOUT '5m'", ReplayErrors,
     {"where": Span(30, 65), "timeout": "5m"}),
    ("VERIFY SINK s AGAINST KAFKA TIMEOUT '5m'", CheckSink, {"against_kafka": True, "timeout": "5m"}),
    ("SHOW TOPICS", Show, {"what": "topics", "cluster": None, "like": None, "extended": False}),
    ("LIST topics FROM k LIKE 'ord%' EXTENDED", Show, {"what": "topics", "cluster": "k", "like": "ord%", "extended": True}),
    ("SHOW TOPICS FROM 'b:9092'", Show, {"cluster": "b:9092", "cluster_is_address": True}),
    ("SHOW SOURCES LIKE 'a'", Show, {"what": "sources", "like": "a"}),
    ("SHOW SINKS", Show, {"what": "sinks"}),
    ("SHOW CONNECTIONS EXTENDED", Show, {"what": "connections", "extended": True}),
    ("SHOW CREATE SOURCE o", ShowCreate, {"kind": "source", "name": "o"}),
    ("SHOW CREATE SINK s", ShowCreate, {"kind": "sink", "name": "s"}),
    ("SHOW CREATE CONNECTION local", ShowCreate, {"kind": "connection", "name": "local"}),
    ("DESCRIBE TOPIC 'web.clicks' FROM k EXTENDED", Describe, {"kind": "topic", "name": "web.clicks", "cluster": "k", "extended": True}),
    ("DESC TOPIC orders", Describe, {"kind": "topic", "name": "orders", "cluster": None}),
    ("DESCRIBE SOURCE o", Describe, {"kind": "source", "name": "o", "extended": False}),
    ("DESC SINK s EXTENDED", Describe, {"kind": "sink", "name": "s", "extended": True}),
    ("SET kshell_timeout = '5s'", Set, {"name": "kshell_timeout", "value": "5s", "name_span": Span(4, 18), "value_span": Span(21, 25)}),
    ("SET KSHELL_GRAMMAR TO off", Set, {"name": "kshell_grammar", "value": Word("off"), "reset": False}),
    ("RESET kshell_timeout", Set, {"name": "kshell_timeout", "reset": True}),
    (".mode csv", DotCommand, {"name": "mode", "arguments": "csv"}),
    (".print it's  ", DotCommand, {"name": "print", "arguments": "it's"}),
    (r"\dt", DotCommand, {"name": r"\dt", "arguments": ""}),
    (".?", DotCommand, {"name": "?", "arguments": ""}),
]


@pytest.mark.parametrize(("text", "kind", "fields"), PLAIN, ids=lambda value: value[:50] if isinstance(value, str) else "")
def test_a_statement_becomes_its_value(text: str, kind: type[Statement], fields: dict[str, Any]) -> None:
    statement = parse(text)
    assert type(statement) is kind
    assert statement.text == text
    assert {name: getattr(statement, name) for name in fields} == fields


@pytest.mark.parametrize(("text", "kind", "fields"), PLAIN, ids=lambda value: value[:50] if isinstance(value, str) else "")
def test_comments_and_case_of_words_change_nothing(text: str, kind: type[Statement], fields: dict[str, Any]) -> None:
    if kind is DotCommand:
        return
    statement = parse(f"/* x; */ -- y\n {text}")
    assert type(statement) is kind


@pytest.mark.parametrize(("written", "value"), [
    ("'it''s'", "it's"),
    (r"e'a\tb\x41\u00e9\\'", "a\tbAé\\"),
    ("$$it's$$", "it's"),
    ("$t$a$$b$t$", "a$$b"),
    ("'a'\n 'b'", "ab"),
    ("'a''\n''b'", "a'\n'b"),
    ("json", Word("json")),
    ("local.shop.errs", Word("local.shop.errs")),
    ('local."my ns".t', Word('local."my ns".t')),
    ('"quoted"', Word('"quoted"')),
    ("5", 5), ("500_000", 500_000), ("-1", -1), ("+2", 2), ("1.5", 1.5), ("1e3", 1000.0), (".5", 0.5),
    ("TRUE", True), ("false", False), ("NULL", None),
    ("[]", []), ("[0, 'a', [x]]", [0, "a", [Word("x")]]),
    ("MAP {}", {}), ("MAP{0: 100, 'a': [1], -1: NULL}", {0: 100, "a": [1], -1: None}), ("map {'m': MAP {1: 2}}", {"m": {1: 2}}),
    ("INTERVAL '5 minutes'", Typed("INTERVAL", "5 minutes")), ("interval 5 minutes", Typed("INTERVAL", "5 minutes")),
    ("INTERVAL '5' MINUTES", Typed("INTERVAL", "5 MINUTES")),
    ("TIMESTAMP '2026-01-01'", Typed("TIMESTAMP", "2026-01-01")), ("TIMESTAMPTZ '2026-01-01'", Typed("TIMESTAMPTZ", "2026-01-01")),
    ("TIMESTAMP WITH TIME ZONE '2026-01-01'", Typed("TIMESTAMPTZ", "2026-01-01")),
    ("SECRET prod", Lookup("secret", "prod")), ("getenv('X')", Lookup("getenv", "X")), ("GETVARIABLE ( 'x' )", Lookup("getvariable", "x")),
    ("FILE '/etc/key'", Lookup("file", "/etc/key")), ("COMMAND 'pass show x'", Lookup("command", "pass show x")),
    ("interval", Word("interval")), ("secret", Word("secret")), ("file", Word("file")), ("getenv", Word("getenv")),
])
@pytest.mark.parametrize("form", ["(KEY {})", "(KEY = {})", "WITH (OTHER 1, KEY={}, LAST TRUE)"])
def test_a_value_is_read_as_written(written: str, value: object, form: str) -> None:
    text = f"CREATE SOURCE o FROM KAFKA k {form.format(written.replace('{', '{'))}"
    statement = parse(text)
    assert isinstance(statement, CreateSource)
    option = next(o for o in statement.options if o.key == "KEY")
    assert option.value == value
    assert type(option.value) is type(value)
    assert text[option.value_span.start:option.value_span.end] == written
    assert text[option.span.start:option.span.end] == "KEY"


@pytest.mark.parametrize(("written", "key"), [
    ("TOPIC", "TOPIC"), ("topic", "TOPIC"), ("fetch.min.bytes", "FETCH_MIN_BYTES"), ("a-b_c.d", "A_B_C_D"),
    ("'fetch.min.bytes'", "FETCH_MIN_BYTES"),
    ("\"Topic\"", "TOPIC"), ("FROM", "FROM"), ("select", "SELECT"),
])
def test_keys_that_differ_in_case_and_in_dots_dashes_and_underscores_are_equal(written: str, key: str) -> None:
    statement = parse(f"CREATE SOURCE o FROM KAFKA k ({written} 1)")
    assert isinstance(statement, CreateSource)
    assert [o.key for o in statement.options] == [key]


def test_a_key_without_a_value_is_true_as_in_duckdb() -> None:
    statement = parse("ATTACH 'http://c' AS c (TYPE iceberg, READ_ONLY, CATALOG rest)")
    assert isinstance(statement, Attach)
    assert [(o.key, o.value) for o in statement.options] == [("READ_ONLY", True), ("CATALOG", Word("rest"))]


@pytest.mark.parametrize(("written", "type_", "not_null", "path"), [
    ("BIGINT", "BIGINT", False, None),
    ("DECIMAL(10, 2)", "DECIMAL(10, 2)", False, None),
    ("DECIMAL ( 10,2 )", "DECIMAL ( 10,2 )", False, None),
    ("VARCHAR[]", "VARCHAR[]", False, None),
    ("INTEGER[3][]", "INTEGER[3][]", False, None),
    ("DOUBLE PRECISION", "DOUBLE PRECISION", False, None),
    ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE", False, None),
    ("MAP(VARCHAR, STRUCT(a INT, \"b c\" VARCHAR[]))", "MAP(VARCHAR, STRUCT(a INT, \"b c\" VARCHAR[]))", False, None),
    ("STRUCT(\"from\" INT, n INT)[] FROM '$.a'", "STRUCT(\"from\" INT, n INT)[]", False, "$.a"),
    ("STRUCT(a DECIMAL(3,1)) NOT NULL FROM '$.x.y'", "STRUCT(a DECIMAL(3,1))", True, "$.x.y"),
    ("BIGINT NOT NULL", "BIGINT", True, None),
    ("ENUM('a, b', 'c)')", "ENUM('a, b', 'c)')", False, None),
    ("\"my type\"", "\"my type\"", False, None),
    ("DECIMAL(10, /* of */ 2) -- note\n", "DECIMAL(10, 2)", False, None),
])
def test_a_column_has_any_type_of_duckdb(written: str, type_: str, not_null: bool, path: str | None) -> None:
    statement = parse(f"CREATE SOURCE o (id BIGINT, x {written}, z INT) FROM KAFKA k")
    assert isinstance(statement, CreateSource)
    column = statement.columns[1]
    assert (column.name, column.type, column.not_null, column.path) == ("x", type_, not_null, path)
    assert statement.text[column.span.start:column.span.end].startswith("x ")
    assert [c.name for c in statement.columns] == ["id", "x", "z"]


@pytest.mark.parametrize(("text", "what"), [
    ("CREATE ALERT a AS SELECT 1 (EVERY '10s')", "CREATE ALERT"), ("ALTER ALERT a SET (EVERY '1s')", "ALTER ALERT"),
    ("DROP ALERT a", "DROP ALERT"),
    ("PAUSE ALERT a", "PAUSE ALERT"),
    ("SHOW ALERTS", "SHOW ALERTS"),
])
def test_what_is_not_built_is_named_with_what_to_type_instead(text: str, what: str) -> None:
    statement = parse(text)
    assert isinstance(statement, NotBuilt)
    assert statement.what == what
    assert statement.hint


@pytest.mark.parametrize(("text", "kind", "persistent", "if_not_exists", "keys"), [
    ("CREATE SECRET p (TYPE kafka, SASL_PASSWORD 'x9')", "kafka", False, False, ["SASL_PASSWORD"]),
    ("CREATE PERSISTENT SECRET IF NOT EXISTS p (URL 'u', TYPE schema_registry)", "schema_registry", True, True, ["URL"]),
    ("CREATE TEMPORARY SECRET p (TYPE 'iceberg_catalog', TOKEN getenv('T'))", "iceberg_catalog", False, False, ["TOKEN"]),
    ("CREATE OR REPLACE SECRET p (sasl.password FILE '/x', TYPE kafka)", "kafka", False, False, ["SASL_PASSWORD"]),
])
def test_a_secret_of_our_types_is_a_statement_of_ours(text: str, kind: str, persistent: bool, if_not_exists: bool, keys: list[str]) -> None:
    statement = parse(text)
    assert isinstance(statement, CreateSecret)
    assert (statement.kind, statement.name, statement.persistent, statement.if_not_exists) == (kind, "p", persistent, if_not_exists)
    assert [o.key for o in statement.options] == keys


@pytest.mark.parametrize("text", ["SHOW TOPICS;", "SHOW TOPICS ; ;", "SHOW TOPICS;\n"])
def test_a_final_semicolon_is_no_part_of_a_statement(text: str) -> None:
    assert parse(text).text == "SHOW TOPICS"


def test_a_semicolon_in_the_middle_ends_a_statement_that_should_have_been_split() -> None:
    with pytest.raises(StatementSyntaxError, match="found ;"):
        parse("SHOW TOPICS; SHOW SINKS")


def test_without_the_grammar_only_our_settings_are_ours() -> None:
    assert isinstance(parse("SHOW TOPICS", grammar=False), DuckStatement)
    assert isinstance(parse("FROM t EMIT CHANGES", grammar=False), DuckStatement)
    assert isinstance(parse("CREATE STREAM s", grammar=False), DuckStatement)
    assert isinstance(parse("SET kshell_grammar = on", grammar=False), Set)
    assert isinstance(parse("SET threads = 1", grammar=False), DuckStatement)
    assert isinstance(parse(".mode csv", grammar=False), DotCommand)


@pytest.mark.parametrize("statement", list(forms.EXAMPLES))
def test_the_example_of_a_statement_is_one(statement: str) -> None:
    assert statement in forms.FORMS
    for piece in lang.split(forms.EXAMPLES[statement]):
        assert not isinstance(lang.parse(piece.text), DuckStatement), piece.text


@pytest.mark.parametrize("text", ["SELECT '\udcff'", "CREATE SOURCE \ud800 FROM KAFKA k", "\udcff"])
def test_half_a_character_is_told_with_its_place(text: str) -> None:
    with pytest.raises(StatementSyntaxError, match="not UTF-8") as caught:
        parse(text)
    assert text[caught.value.position or 0] in "\udcff\ud800"
