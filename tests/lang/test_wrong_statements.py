"""Every wrong statement is told where it is wrong, what was expected there, and what to type instead."""

from __future__ import annotations

import pytest

from kshell.errors import BadValueError, Error, RefusedError, StatementSyntaxError, UnknownOptionError
from kshell.lang import parse
from kshell.lang.declared import ATTACH_ICEBERG, ATTACH_KAFKA, SETTINGS, SINK, SOURCE
from kshell.lang.statements import AlterSink, AlterSource, Attach, CreateSink, CreateSource, Set
from tests.lang.marked import mark, unmark

SYNTAX = [
    # ---- CREATE SOURCE
    ("CREATE SOURCE«»", "the name of a source", "form: CREATE [OR REPLACE] SOURCE"),
    ("CREATE SOURCE «FROM» KAFKA k", "the reserved word FROM", 'it needs quotes: "FROM"'),
    ("CREATE SOURCE «'orders'» FROM KAFKA k", "expected the name of a source, found 'orders'", "form:"),
    ("CREATE SOURCE «sales.orders» FROM KAFKA k", "has no schema: sales.orders", "write one name: sales"),
    ("CREATE SOURCE «5» FROM KAFKA k", "the name of a source", "form:"),
    ("CREATE SOURCE «\"\"» FROM KAFKA k", "the name of a source", "form:"),
    ("CREATE SOURCE «offset» FROM KAFKA k", "the reserved word offset", 'it needs quotes: "offset"'),
    ("CREATE SOURCE o «KAFKA» k", "expected FROM KAFKA, found KAFKA", "form:"),
    ("CREATE SOURCE o FROM «KAFFKA» k", "expected FROM KAFKA, found KAFFKA", "form:"),
    ("CREATE SOURCE o FROM «k»", "expected FROM KAFKA, found k", "form:"),
    ("CREATE SOURCE o«»", "expected FROM KAFKA, found the end of the statement", "form:"),
    ("CREATE OR REPLACE SOURCE «IF NOT EXISTS» o FROM KAFKA k", "exclude each other", "leave one"),
    ("CREATE SOURCE IF «EXISTS» o FROM KAFKA k", "FROM KAFKA", "form:"),
    ("CREATE SOURCE o («)» FROM KAFKA k", "expected the name of a column, found )", "form:"),
    ("CREATE SOURCE o (id«)» FROM KAFKA k", "expected a type, found )", "form:"),
    ("CREATE SOURCE o (id BIGINT,«)» FROM KAFKA k", "expected the name of a column, found )", "form:"),
    ("CREATE SOURCE o (id BIGINT «PRIMARY» KEY) FROM KAFKA k", "found PRIMARY", "a column has a type, NOT NULL and FROM"),
    ("CREATE SOURCE o (id BIGINT «KEY») FROM KAFKA k", "found KEY", "no more"),
    ("CREATE SOURCE o (id BIGINT «DEFAULT» 5) FROM KAFKA k", "found DEFAULT", "no more"),
    ("CREATE SOURCE o (id BIGINT «5») FROM KAFKA k", "found 5", "no more"),
    ("CREATE SOURCE o (id BIGINT «'$.id'») FROM KAFKA k", "found '$.id'", "FROM '$.path'"),
    ("CREATE SOURCE o (id BIGINT FROM «id») FROM KAFKA k", "expected a path such as '$.a.b', found id", "form:"),
    ("CREATE SOURCE o (id BIGINT FROM «\"$.id\"») FROM KAFKA k", "a path", "single quotes: '$.id'"),
    ("CREATE SOURCE o (id BIGINT FROM '$.id' «NOT» NULL) FROM KAFKA k", "found NOT", "NOT NULL stands before FROM"),
    ("CREATE SOURCE o (id BIGINT NOT NULL «NOT» NULL) FROM KAFKA k", "found NOT", "NOT NULL once is enough"),
    ("CREATE SOURCE o (id BIGINT «NOT» NUL) FROM KAFKA k", "expected , or ), found NOT", "form:"),
    ("CREATE SOURCE o (id DECIMAL(10, 2 FROM KAFKA k«»", "expected ) of the type, found the end", "form:"),
    ("CREATE SOURCE o («order» VARCHAR) FROM KAFKA k", "the reserved word order", '"order"'),
    ("CREATE SOURCE o (id BIGINT «;» x INT) FROM KAFKA k", ", or )", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC 't'«»", "expected , or ), found the end", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC 't' «FORMAT» json)", "expected , or ), found FORMAT", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC 't',«)»", "expected the name of an option, found )", "form:"),
    ("CREATE SOURCE o FROM KAFKA k («,» TOPIC 't')", "the name of an option", "form:"),
    ("CREATE SOURCE o FROM KAFKA k («5» 't')", "the name of an option", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC =«)»", "expected a value, found )", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «:=» 't')", "expected a value, found :=", "write TOPIC value, or TOPIC = value"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «=>» 't')", "expected a value", "TOPIC = value"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «'»t)", "a string begins here and is never closed", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «\"»t)", "a quoted name begins here and is never closed", "form:"),
    ("CREATE SOURCE o FROM KAFKA k «/*» (TOPIC 't')", "a comment begins here and is never closed", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «$»$t)", "a string begins here and is never closed", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC my«-»topic)", "expected , or ), found -", "write the value in quotes: 'my-topic'"),
    ("CREATE SOURCE o FROM KAFKA k (PARTITIONS [0, 1«)»", "expected , or ], found )", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (PARTITIONS [«,» 1])", "expected a value, found ,", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (CONFIG «{»'a': 'b'})", "expected a value", "a map is written MAP {key: value}"),
    ("CREATE SOURCE o FROM KAFKA k (CONFIG MAP {'a' «'b'»})", "expected : and a value, found 'b'", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (CONFIG MAP {'a': 'b'«)»", "expected , or }, found )", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (START getenv(«X»))", "expected a string in quotes, found X", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (START getenv('X'«»", "expected ), found the end", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (START INTERVAL 2«)»", "expected a unit such as HOURS", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (START INTERVAL '2 hours' «ago»)", "expected , or ), found ago", "form:"),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_BYTES «128MB»)", "expected a value, found 128MB", "write it in quotes: '128MB'"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC 't') «x»", "expected the end of the statement, found x", "form:"),
    ("CREATE SOURCE o FROM KAFKA k «x»", "expected ( and options or the end of the statement, found x", "form:"),
    ("CREATE SOURCE o FROM KAFKA k WITH«»", "expected ( and options", "form:"),
    # ---- CREATE SINK
    ("CREATE SINK«»", "the name of a sink", "form: [EXPLAIN] CREATE"),
    ("CREATE SINK «a.b» FROM s INTO ICEBERG l.n.t", "the name of a sink has no schema: a.b", "write one name: a"),
    ("CREATE SINK x «INTO» ICEBERG l.n.t", "expected FROM source or AS SELECT, found INTO", "form:"),
    ("CREATE SINK x FROM «(»SELECT 1) INTO ICEBERG l.n.t", "the name of a source", "form:"),
    ("CREATE SINK x FROM s«»", "expected INTO ICEBERG, found the end", "form:"),
    ("CREATE SINK x FROM s INTO «DELTA» l.n.t", "expected INTO ICEBERG, found DELTA", "form:"),
    ("CREATE SINK x FROM s INTO ICEBERG«»", "expected a table: catalog.namespace.name", "form:"),
    ("CREATE SINK x FROM s INTO ICEBERG «t»", "three parts or more: t", "for example local.shop.t"),
    ("CREATE SINK x FROM s INTO ICEBERG «n.t»", "three parts or more: n.t", "for example local.n.t"),
    ("CREATE SINK x FROM s INTO ICEBERG l.n.«»", "expected a name after the dot", "form:"),
    ("CREATE SINK x FROM s INTO ICEBERG «'l.n.t'»", "a table", "form:"),
    ("CREATE SINK x AS «UPDATE» t SET a = 1 INTO ICEBERG l.n.t", "expected SELECT, found UPDATE", "form:"),
    ("CREATE SINK x AS SELECT * FROM s«»", "expected INTO ICEBERG after the query", "form:"),
    ("CREATE SINK x AS SELECT f(a FROM s INTO ICEBERG l.n.t«»", "expected a closing bracket, then INTO ICEBERG", "form:"),
    ("CREATE SINK x FROM s INTO ICEBERG l.n.t (SORT_BY [day«(»ts)])", "expected , or ), found (", "in quotes: 'day(ts)'"),
    ("EXPLAIN CREATE SINK x FROM s«»", "expected INTO ICEBERG", "form:"),
    ("CREATE SINK x FROM s «INTO» KAFKA t", "kshell writes to Iceberg, not to Kafka", "INTO ICEBERG"),
    # ---- ATTACH
    ("ATTACH 'kafka://b:9092' «(»TYPE kafka)", "expected AS, found (", "form: ATTACH"),
    ("ATTACH 'kafka://b:9092' AS k (TYPE kafka, «)»", "the name of an option", "form:"),
    ("ATTACH «kafka» AS k (TYPE kafka)", "expected the address in quotes, found kafka", "form:"),
    ("ATTACH 'kafka://b:9092' AS «'k'» (TYPE kafka)", "expected a name after AS, found 'k'", "form:"),
    ("ATTACH OR REPLACE «IF NOT EXISTS» 'kafka://b' AS k (TYPE kafka)", "exclude each other", "leave one"),
    ("ATTACH 'kafka://b:9092' AS k (TYPE kafka) «x»", "the end of the statement, found x", "form:"),
    ("CREATE SECRET x (TYPE kafka, PASSWORD 'p'«»", "expected , or ), found the end", "form: CREATE"),
    ("CREATE OR REPLACE SECRET «IF NOT EXISTS» x (TYPE kafka)", "exclude each other", "leave one"),
    # ---- ALTER
    ("ALTER SOURCE o«»", "SET, RESET, RENAME TO, ADD COLUMN, DROP COLUMN or SEEK TO", None),
    ("ALTER SOURCE o «SETT» (A 1)", "found SETT", "did you mean SET?"),
    ("ALTER SOURCE o SET «A» 1", "expected ( and options, found A", "form: ALTER SOURCE"),
    ("ALTER SOURCE o SET («)»", "expected an option, found )", "form:"),
    ("ALTER SOURCE o RESET «RETAIN_ROWS»", "( and the names of options", "form:"),
    ("ALTER SOURCE o RESET (A«;» B)", ", or )", "form:"),
    ("ALTER SOURCE o RENAME «p»", "expected RENAME TO, found p", "form:"),
    ("ALTER SOURCE o «ADD» x INT", "found ADD", None),
    ("ALTER SOURCE o ADD COLUMN x«»", "expected a type", "form:"),
    ("ALTER SOURCE o SEEK TO«»", "expected a value", "form:"),
    ("ALTER SINK s SKIP PARTITION «x» TO 5", "expected the number of a partition, found x", "form: ALTER SINK"),
    ("ALTER SINK s SKIP PARTITION 3 «FROM» 5", "expected TO, found FROM", "form:"),
    ("ALTER SINK s SKIP PARTITION 3 TO «-»5", "expected an offset, found -", "form:"),
    ("ALTER SINK s SKIP PARTITION 3 TO «1.5»", "expected an offset, found 1.5", "form:"),
    ("ALTER SINK s REPLAY PARTITION 3 «TO» 5", "expected FROM, found TO", "form:"),
    ("ALTER SINK s ACCEPT «TOPIC»", "expected ROLLBACK, NEW TOPIC or NEW CLUSTER OFFSETS", "form:"),
    ("ALTER SINK s ACCEPT NEW CLUSTER«»", "expected OFFSETS", "form:"),
    ("ALTER SINK s RECOVER «FROM» DATA", "expected RECOVER PROGRESS FROM, found FROM", "form:"),
    ("ALTER SINK s RECOVER PROGRESS FROM «KAFKA»", "expected DATA or PROPERTY", "form:"),
    ("ALTER SINK s «SKP» PARTITION 1 TO 2", "found SKP", "did you mean SKIP?"),
    ("ALTER SINK s ACCEPT ROLLBACK «now»", "the end of the statement, found now", "form:"),
    # ---- DROP, PAUSE, FLUSH, WAIT, REFRESH, CHECK
    ("DROP SOURCE«»", "the name of a source", "form: DROP"),
    ("DROP SOURCE o «NOW»", "expected CASCADE, RESTRICT, FORCE or the end", "form:"),
    ("DROP SOURCE o CASCADE «RESTRICT»", "expected FORCE or the end", "form:"),
    ("DROP SINK IF «NOT» EXISTS o", "the end", "form:"),
    ("PAUSE«»", "expected SOURCE, SINK or ALL", "form: PAUSE"),
    ("PAUSE «orders»", "expected SOURCE, SINK or ALL, found orders", "write PAUSE SOURCE orders or PAUSE SINK orders"),
    ("PAUSE «SOURCES»", "expected SOURCE, SINK or ALL", "write PAUSE ALL, or PAUSE SOURCE name"),
    ("RESUME «orders»", "expected SOURCE, SINK or ALL", "write RESUME SOURCE orders"),
    ("PAUSE ALL «SINKS»", "the end of the statement", "form:"),
    ("FLUSH «orders_lake»", "expected SINK, ALL or TIMEOUT", "write FLUSH SINK orders_lake"),
    ("FLUSH SINK s «'60s'»", "expected TIMEOUT or the end", "form:"),
    ("FLUSH SINK s TIMEOUT«»", "expected a value", "form:"),
    ("WAIT «orders»", "expected SOURCE, SINK or ALL", "write WAIT SOURCE orders"),
    ("WAIT SOURCE o UNTIL «DONE»", "expected CAUGHT UP or ROWS, found DONE", "form: WAIT"),
    ("WAIT SOURCE o UNTIL «CAUGHT» UPP", "expected CAUGHT UP or ROWS", "form:"),
    ("WAIT SOURCE o UNTIL ROWS «many»", "expected a number of rows, found many", "form:"),
    ("REFRESH «orders»", "expected SOURCE, SINK or CATALOG", "write REFRESH SOURCE orders"),
    ("CHECK «orders»", "expected SINK, found orders", "write CHECK SINK orders"),
    ("VERIFY SINK s AGAINST «TOPIC»", "expected KAFKA, found TOPIC", "form:"),
    ("REPLAY ERRORS OF «orders»", "expected SINK, found orders", "write REPLAY ERRORS OF SINK orders"),
    ("REPLAY ERRORS OF SINK s WHERE«»", "expected a condition, found the end of the statement", "form:"),
    ("REPLAY ERRORS OF SINK s WHERE a > 1 «LIMIT» 3", "expected TIMEOUT or the end of the statement, found LIMIT", "form:"),
    ("CHECK SINK s AGAINST KAFKA «now»", "expected TIMEOUT or the end", "form:"),
    # ---- SHOW, DESCRIBE, SET
    ("SHOW TOPICS «k»", "expected FROM, LIKE, EXTENDED or the end of the statement, found k", "form: SHOW"),
    ("SHOW TOPICS FROM«»", "the name of a cluster", "form:"),
    ("SHOW TOPICS LIKE «ord»", "expected a pattern in quotes, found ord", "form:"),
    ("SHOW TOPICS EXTENDED «LIKE» 'a'", "the end of the statement", "form:"),
    ("LIST «TOPIKS»", "found TOPIKS", "did you mean TOPICS?"),
    ("LIST«»", "TOPICS, SOURCES, SINKS or CONNECTIONS", None),
    ("SHOW CREATE SOURCE«»", "the name of a source", "form: SHOW CREATE"),
    ("SHOW CREATE SINK s «x»", "the end of the statement", "form:"),
    ("DESCRIBE TOPIC web«.»clicks", "found .", "a topic stands in quotes: 'web.clicks'"),
    ("DESCRIBE TOPIC my«-»topic", "found -", "a topic stands in quotes: 'my-topic'"),
    ("DESCRIBE SINK s «FROM» k", "expected EXTENDED or the end", "form: DESCRIBE"),
    ("SET kshell_timeout «'5s'»", "expected = and a value", "form: SET"),
    ("SET kshell_timeout =«»", "expected a value", "form:"),
    ("SET kshell_timeout = '5s' «'6s'»", "the end of the statement", "form:"),
    ("RESET kshell_timeout «=» 1", "the end of the statement", "form: RESET"),
    # ---- dot commands
    ("«.»mode csv\nSELECT 1", "a dot command ends with its line", "a line of its own"),
]

VALUES = [
    ("CREATE SOURCE o FROM KAFKA k («TOPC» 'orders')", UnknownOptionError, "CREATE SOURCE has no option TOPC", "did you mean TOPIC?"),
    ("CREATE SOURCE o FROM KAFKA k («fetch.min.bytes» '1')", UnknownOptionError, "no option fetch.min.bytes", "MAP {'fetch.min.bytes': "),
    ("CREATE SOURCE o FROM KAFKA k («BROKERS» 'b:9092')", UnknownOptionError, "no option BROKERS", "brokers belong to ATTACH"),
    ("CREATE SOURCE o FROM KAFKA k («group.id» 'g')", UnknownOptionError, "no option group.id", "a source joins no group"),
    ("CREATE SOURCE o FROM KAFKA k («zzzzz» 1)", UnknownOptionError, "no option zzzzz", "options: TOPIC, TOPICS"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC 'a', «topic» 'b')", BadValueError, "TOPIC is given twice", None),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC 'a', «TOPICS» ['b'])", BadValueError, "TOPICS and TOPIC exclude each other", "give one of"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «5»)", BadValueError, "TOPIC takes the name of a topic, not 5", "write '5'"),
    ("CREATE SOURCE o FROM KAFKA k («TOPIC»)", BadValueError, "TOPIC takes the name of a topic, not TRUE", None),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «''»)", BadValueError, "TOPIC takes the name of a topic", None),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «NULL»)", BadValueError, "TOPIC takes the name of a topic, not NULL", None),
    ("CREATE SOURCE o FROM KAFKA k (TOPICS «'a'»)", BadValueError, "TOPICS takes a list of topics, not 'a'", "write ['a']"),
    ("CREATE SOURCE o FROM KAFKA k (TOPICS «[]»)", BadValueError, "not empty", None),
    ("CREATE SOURCE o FROM KAFKA k (TOPICS «['a', 'a']»)", BadValueError, "TOPICS names an item twice", None),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC_PATTERN «'(a'»)", BadValueError, "TOPIC_PATTERN is no regular expression", None),
    ("CREATE SOURCE o FROM KAFKA k (FORMAT «jsn»)", BadValueError, "FORMAT takes json, avro, protobuf, csv", "did you mean json?"),
    ("CREATE SOURCE o FROM KAFKA k (SCHEMA «7»)", BadValueError, "SCHEMA takes a subject, or a file", "'7'"),
    ("CREATE SOURCE o FROM KAFKA k (START «'committed'»)", BadValueError, "a source has no group", None),
    ("CREATE SOURCE o FROM KAFKA k (START «100»)", BadValueError, "START takes 'earliest'", "MAP {0: 100}"),
    ("CREATE SOURCE o FROM KAFKA k (START «'2h'»)", BadValueError, "START takes", "write INTERVAL '2h'"),
    ("CREATE SOURCE o FROM KAFKA k (START «'2026-01-01'»)", BadValueError, "START takes", "write TIMESTAMP '2026-01-01'"),
    ("CREATE SOURCE o FROM KAFKA k (START «'source'»)", BadValueError, "START takes 'earliest'", None),
    ("CREATE SOURCE o FROM KAFKA k (START «TIMESTAMP 'soon'»)", BadValueError, "START is no time: 'soon'", "write TIMESTAMP"),
    ("CREATE SOURCE o FROM KAFKA k (START «INTERVAL '1 month'»)", BadValueError, "fixed length", "INTERVAL '30 days'"),
    ("CREATE SOURCE o FROM KAFKA k (START «MAP {'a': 1}»)", BadValueError, "'a' is no partition", None),
    ("CREATE SOURCE o FROM KAFKA k (START «MAP {0: -1}»)", BadValueError, "-1 is no offset", None),
    ("CREATE SOURCE o FROM KAFKA k (START MAP {0: 1, «0»: 2})", BadValueError, "the map has the key 0 twice", None),
    ("CREATE SOURCE o FROM KAFKA k (CONFIG MAP {«a»: 'b'})", BadValueError, "a key of a map is a string", "write 'a'"),
    ("CREATE SOURCE o FROM KAFKA k (STOP «INTERVAL '1 hour'»)", BadValueError, "STOP takes 'latest'", None),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_BYTES «512»)", BadValueError, "RETAIN_BYTES takes a size, not 512", "write '512B'"),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_BYTES «'512'»)", BadValueError, "takes a size", "write '512B'"),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_BYTES «'12 parsecs'»)", BadValueError, "takes a size", "'128MB' or '1GiB'"),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_BYTES «NULL»)", BadValueError, "takes a size, not NULL", None),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_ROWS «'5'»)", BadValueError, "takes a whole number, not '5'", "write 5"),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_ROWS «0»)", BadValueError, "RETAIN_ROWS is at least 1, not 0", None),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_ROWS «1.5»)", BadValueError, "takes a whole number, not 1.5", None),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_ROWS «9223372036854775808»)", BadValueError, "less than 2^63", None),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_ROWS «99999999999999999999»)", BadValueError, "the number is too large", None),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_TIME «3600»)", BadValueError, "takes a duration, not 3600", "write '3600s'"),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_TIME «'soon'»)", BadValueError, "takes a duration, not 'soon'", "'250ms', '60s'"),
    ("CREATE SOURCE o FROM KAFKA k (RETAIN_TIME «INTERVAL '1 month'»)", BadValueError, "takes a duration", "write days"),
    ("CREATE SOURCE o FROM KAFKA k (SAMPLE «TRUE»)", BadValueError, "SAMPLE takes a whole number, not TRUE", None),
    ("CREATE SOURCE o FROM KAFKA k (PARTITIONS «3»)", BadValueError, "takes a list of partitions", "write [3]"),
    ("CREATE SOURCE o FROM KAFKA k (PARTITIONS «[0, 'x']»)", BadValueError, "an item takes a whole number, not 'x'", None),
    ("CREATE SOURCE o FROM KAFKA k (INCLUDE «[header]»)", BadValueError, "not header", "did you mean headers?"),
    ("CREATE SOURCE o FROM KAFKA k (ON_ERROR «retry»)", BadValueError, "ON_ERROR takes quarantine, skip or fail, not retry", None),
    ("CREATE SOURCE o FROM KAFKA k («ON_FAILURE» retry)", UnknownOptionError, "no option ON_FAILURE", "write ON_ERROR"),
    ("CREATE SOURCE o FROM KAFKA k (CONFIG «'a=b'»)", BadValueError, "CONFIG takes a map", None),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «FILE '/etc/x'»)", BadValueError, "TOPIC does not take FILE", "getenv('NAME')"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC «getenv('UNSET')»)", BadValueError, "the environment variable UNSET, which is not set", None),
    ("CREATE SOURCE o FROM KAFKA k (START «getvariable('v')»)", BadValueError, "the variable v, which is NULL", None),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t (MODE «upsert»)", RefusedError, "MODE upsert is not built yet", None),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t (ID «'a b'»)", BadValueError, "ID takes 1 to 40 of a-z, 0-9 and _", None),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t (COMMIT_INTERVAL «60»)", BadValueError, "takes a duration, not 60", "write '60s'"),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t (COMMIT_INTERVAL «'1s'»)", BadValueError, "is 10s to 1h, not 1s", None),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t (COMMIT_INTERVAL «'2h'»)", BadValueError, "is 10s to 1h, not 2h", None),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t («ON_ERROR» retry)", UnknownOptionError, "no option ON_ERROR", "write ON_FAILURE"),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t (ERRORS_TABLE «'errs'»)", BadValueError, "takes a table such as", None),
    ("CREATE SINK s FROM o INTO ICEBERG l.n.t (DURABLE «1»)", BadValueError, "takes TRUE or FALSE, not 1", None),
    ("ATTACH 'kafka://b' AS k (TYPE kafka, «TOPIC» 't')", UnknownOptionError, "has no option TOPIC", "belongs to CREATE SOURCE"),
    ("ATTACH 'kafka://b' AS k (TYPE kafka, «SASL_PASSWORD» 'p')", UnknownOptionError, "no option SASL_PASSWORD", "CREATE SECRET"),
    ("ATTACH 'kafka://b' AS k (TYPE kafka, TIMEOUT «5»)", BadValueError, "TIMEOUT takes a duration", "write '5s'"),
    ("ATTACH 'http://c' AS c (TYPE iceberg, CATALOG «hive»)", RefusedError, "CATALOG hive is not built yet", "built: rest, sql"),
    ("ATTACH 'http://c' AS c (TYPE iceberg, CATALOG rest, «URI» 'x')", UnknownOptionError, "no option URI", "before AS"),
    ("CREATE SECRET x (TYPE kafka, «SASL_USERNAM» 'u')", UnknownOptionError, "no option SASL_USERNAM", "did you mean SASL_USERNAME?"),
    ("CREATE SECRET x (TYPE kafka, SCOPE 'a', «scope» 'b')", BadValueError, "SCOPE is given twice", None),
    ("ALTER SOURCE o SET («FORMAT» raw)", RefusedError, "FORMAT cannot change afterwards", "CREATE OR REPLACE SOURCE"),
    ("ALTER SINK s SET («ID» other)", RefusedError, "ID cannot change afterwards", "CREATE OR REPLACE SINK"),
    ("ALTER SINK s SET (COMMIT_INTERVAL «60»)", BadValueError, "takes a duration", "write '60s'"),
    ("ALTER SOURCE o SEEK TO «5»", BadValueError, "SEEK TO takes", "MAP {0: 5}"),
    ("ALTER SINK s ACCEPT NEW CLUSTER OFFSETS «5»", BadValueError, "OFFSETS takes MAP {partition: offset}, not 5", "MAP {0: 5}"),
    ("FLUSH SINK s TIMEOUT «60»", BadValueError, "TIMEOUT takes a duration, not 60", "write '60s'"),
    ("WAIT ALL TIMEOUT «'soon'»", BadValueError, "TIMEOUT takes a duration, not 'soon'", None),
    ("ALTER SINK s SKIP PARTITION 1 TO «9999999999999999999»", BadValueError, "less than 2^63", None),
    ("SET «kshell_timout» = '5s'", UnknownOptionError, "kshell has no setting kshell_timout", "did you mean kshell_timeout?"),
    ("SET kshell_timeout = «5»", BadValueError, "kshell_timeout takes a duration, not 5", "write '5s'"),
]


def _carry_out(text: str) -> None:
    """Parse, and read the options as the session does before anything happens."""
    statement = parse(text)
    if isinstance(statement, CreateSource):
        SOURCE.parse(statement.options, lambda _: None)
    elif isinstance(statement, CreateSink):
        SINK.parse(statement.options, lambda _: None)
    elif isinstance(statement, Attach):
        (ATTACH_KAFKA if statement.kind == "kafka" else ATTACH_ICEBERG).parse(statement.options, lambda _: None)
    elif isinstance(statement, AlterSource | AlterSink):
        (SOURCE if isinstance(statement, AlterSource) else SINK).changes(statement.options, lambda _: None)
    elif isinstance(statement, Set):
        SETTINGS.read(statement.name, statement.value, span=statement.value_span if statement.name in SETTINGS else statement.name_span)


def _error(text: str) -> Error:
    with pytest.raises(Error) as caught:
        _carry_out(text)
    return caught.value


@pytest.mark.parametrize(("marked", "message", "hint"), SYNTAX, ids=lambda value: None if value is None else str(value)[:60])
def test_a_syntax_error_names_its_place_and_what_was_expected(marked: str, message: str, hint: str | None) -> None:
    text, position, length = unmark(marked)
    error = _error(text)
    assert isinstance(error, StatementSyntaxError)
    assert message in error.message
    assert (error.position, error.length) == (position, length), mark(text, error)
    assert hint is None or (error.hint is not None and hint in error.hint)


@pytest.mark.parametrize(("marked", "kind", "message", "hint"), VALUES, ids=lambda value: None if value is None else str(value)[:60])
def test_a_wrong_value_is_told_before_anything_happens(marked: str, kind: type[Error], message: str, hint: str | None) -> None:
    text, position, length = unmark(marked)
    error = _error(text)
    assert type(error) is kind
    assert message in error.message
    assert (error.position, error.length) == (position, length), mark(text, error)
    assert hint is None or (error.hint is not None and hint in error.hint)


def test_the_error_of_the_manual_is_byte_for_byte_as_printed() -> None:
    error = _error("CREATE SOURCE o FROM KAFKA k (TOPC 'orders')")
    assert (error.code, error.message, error.hint) == ("unknown_option", "CREATE SOURCE has no option TOPC", "did you mean TOPIC?")
    assert (error.position, error.length) == (30, 4)


def test_a_place_counts_characters_also_after_letters_of_several_bytes() -> None:
    text, position, length = unmark("CREATE SOURCE \"größe 😀\" FROM KAFKA k (TOPIC 'ö', «TOPC» 'x')")
    error = _error(text)
    assert (error.position, error.length) == (position, length), mark(text, error)


def test_a_password_in_a_map_is_not_in_its_error() -> None:
    error = _error("CREATE SOURCE o FROM KAFKA k (CONFIG MAP {'sasl.password': ['hunter2']})")
    assert "hunter2" not in f"{error.message}{error.hint}"
