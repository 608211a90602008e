"""The declarations are complete, their defaults are values of their own kind, and the manual's examples fit them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from kshell.errors import RefusedError
from kshell.lang import parse, split
from kshell.lang.declared import ATTACH_ICEBERG, ATTACH_KAFKA, KAFKA_SCAN, SERVERS, SETTINGS, SINK, SOURCE
from kshell.lang.forms import FORMS
from kshell.lang.statements import AlterSink, AlterSource, Attach, CreateSink, CreateSource, DuckStatement
from kshell.options import OptionSet, Position, RawOption, Span, canonical

SETS = [SOURCE, SINK, ATTACH_KAFKA, ATTACH_ICEBERG, KAFKA_SCAN, SETTINGS, *SERVERS.values()]
_EVERY = [(owner, option) for owner in SETS for option in owner.options]


def _owner(value: object) -> str:
    return value.owner if isinstance(value, OptionSet) else getattr(value, "name", "")


@pytest.mark.parametrize(("owner", "option"), _EVERY, ids=_owner)
def test_a_default_is_a_value_of_its_kind_and_reads_back(owner: OptionSet, option: object) -> None:
    name = _owner(option)
    if not owner[name].built or owner[name].default is None:
        return
    value = owner.default(name)
    text = owner[name].kind.text(value)
    statement = parse(f"CREATE SOURCE o FROM KAFKA ({name} {text})")
    assert isinstance(statement, CreateSource)
    assert owner.read(name, statement.options[0].value) == value


@pytest.mark.parametrize(("owner", "option"), _EVERY, ids=_owner)
def test_an_option_says_what_it_takes_and_what_it_means(owner: OptionSet, option: object) -> None:
    declared = owner[_owner(option)]
    assert declared.doc
    assert declared.kind.takes
    assert declared.default_text
    assert not declared.doc.endswith(".")


@pytest.mark.parametrize("owner", SETS, ids=_owner)
def test_an_empty_list_gives_every_declared_option(owner: OptionSet) -> None:
    values = owner.parse(())
    assert set(values) == {option.name for option in owner.options}
    assert values.given == frozenset()


@pytest.mark.parametrize("owner", SETS, ids=_owner)
def test_what_is_not_built_is_refused_by_name_and_not_offered(owner: OptionSet) -> None:
    for option in owner.options:
        if not option.built:
            raw = RawOption(canonical(option.name), option.name, "x", Span(3, 6), Span(7, 8))
            with pytest.raises(RefusedError, match=f"{option.name} is not built yet") as caught:
                owner.parse((raw,))
            assert caught.value.position == 3
            assert option.name not in owner.names()


@pytest.mark.parametrize("owner", SETS, ids=_owner)
def test_keys_that_belong_elsewhere_are_not_declared(owner: OptionSet) -> None:
    assert [key for key in owner.elsewhere if key in owner or key != canonical(key)] == []
    assert [name for group in owner.exclusive for name in group if name not in owner] == []


def test_completion_offers_the_words_of_an_option() -> None:
    assert SOURCE.words("format") == ("json", "avro", "protobuf", "csv", "string", "raw")
    assert SOURCE.words("INCLUDE") == ("topic", "headers", "value", "rest")
    assert SOURCE.words("START") == ("'earliest'", "'latest'")
    assert SINK.words("ERRORS_TABLE") == ("NULL",)
    assert SOURCE.words("nothing") == ()
    assert "PARTITION_BY" in SINK.names()


def test_documented_defaults_of_the_grammar() -> None:
    source, sink = SOURCE.parse(()), SINK.parse(())
    assert (source["START"], source["FORMAT"], source["KEY_FORMAT"]) == (Position("earliest"), None, "raw")
    assert (source["RETAIN_BYTES"], source["RETAIN_ROWS"], source["SAMPLE"]) == (512_000_000, None, 1000)
    assert (source["ON_ERROR"], source["ISOLATION"], source["INCLUDE"], source["CONFIG"]) == ("quarantine", "read_committed", [], {})
    assert (sink["START"], sink["COMMIT_INTERVAL"]) == (Position("source"), 60.0)
    assert (sink["COMMIT_ROWS"], sink["COMMIT_BYTES"]) == (1_000_000, 128_000_000)
    assert (sink["CREATE_TABLE"], sink["PAUSED"], sink["DURABLE"], sink["ON_FAILURE"]) == (True, False, True, "retry")
    assert KAFKA_SCAN.parse(())["lateness"] == 600.0
    assert SETTINGS.parse(())["kshell_timeout"] == 30.0


def test_a_cluster_takes_the_options_of_its_sources_but_no_topic() -> None:
    own = {"SECRET", "TIMEOUT"}
    assert {o.name for o in ATTACH_KAFKA.options} - own == {o.name for o in SOURCE.options if not o.name.startswith("TOPIC")}


SCRIPT = r"""
ATTACH 'kafka://localhost:9092' AS k (TYPE kafka);
SHOW TOPICS FROM k LIKE 'ord%' EXTENDED;
DESCRIBE TOPIC 'orders' FROM k EXTENDED;
CREATE SOURCE orders FROM KAFKA prod (FORMAT json, START INTERVAL '2 hours', RETAIN_TIME INTERVAL '2 hours', RETAIN_BYTES '1GB');
WAIT SOURCE orders UNTIL CAUGHT UP TIMEOUT '60s';
ATTACH 'http://localhost:8181' AS ice (TYPE iceberg, CATALOG rest, WAREHOUSE 's3://w', PROPERTIES MAP {'token': getenv('T')});
CREATE SOURCE clicks (user_id BIGINT, url VARCHAR, ts TIMESTAMPTZ) FROM KAFKA k (TOPIC 'web.clicks', FORMAT json);
CREATE SINK clicks_lake FROM clicks INTO ICEBERG ice.web.clicks (PARTITION_BY ['day(ts)'], COMMIT_INTERVAL '60s', COMMIT_ROWS 500000);
FLUSH SINK clicks_lake TIMEOUT '30s';
CREATE SINK customers_eu AS SELECT id, upper(country) AS country, updated_at FROM customers WHERE region = 'EU'
INTO ICEBERG ice.crm.customers_eu (COMMIT_INTERVAL '5m', SORT_BY ['country']);
DESCRIBE SINK customers_eu EXTENDED;
SHOW CREATE SINK customers_eu;
PAUSE SINK clicks_lake; ALTER SINK clicks_lake SET (COMMIT_INTERVAL '5m'); RESUME SINK clicks_lake;
ALTER SOURCE clicks SET (RETAIN_BYTES '2GB');
REFRESH SOURCE clicks;
CHECK SINK clicks_lake;
DROP SINK IF EXISTS clicks_lake; DROP SOURCE IF EXISTS clicks CASCADE;
CREATE OR REPLACE SOURCE hb FROM KAFKA k (TOPIC 'heartbeat', START getvariable('since'), STOP 'latest');
DROP SOURCE hb;
"""


@pytest.mark.parametrize("piece", split(SCRIPT), ids=lambda piece: re.sub(r"\s+", " ", piece.text)[:40])
def test_the_scripts_of_the_manual_are_understood(piece: object) -> None:
    statement = parse(piece.text)  # type: ignore[attr-defined]
    assert not isinstance(statement, DuckStatement)
    options = {CreateSource: SOURCE, CreateSink: SINK, AlterSource: SOURCE, AlterSink: SINK}.get(type(statement))  # type: ignore[call-overload]
    if isinstance(statement, Attach):
        options = ATTACH_KAFKA if statement.kind == "kafka" else ATTACH_ICEBERG
    if options is not None:
        found = {"getenv": "token", "getvariable": timedelta(minutes=10)}
        options.changes(getattr(statement, "options", ()), lambda lookup: found[lookup.kind], altering=False)


def test_every_statement_has_its_form() -> None:
    assert all("\n" not in form for form in FORMS.values())
    assert {"ATTACH", "CREATE SOURCE", "CREATE SINK", "ALTER SOURCE", "ALTER SINK", "DROP", "FLUSH", "WAIT", "SHOW"} <= FORMS.keys()
