"""A definition that is written back reads as the same definition."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.lang import parse, split
from kshell.lang.declared import ATTACH_ICEBERG, ATTACH_KAFKA, SINK, SOURCE
from kshell.lang.show import attach_text, create_sink_text, create_source_text
from kshell.lang.statements import Attach, ColumnDefinition, CreateSink, CreateSource, Lookup, Span, Typed, Word
from kshell.options import OptionSet, Parsed, Position

_ANY_NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12).filter(lambda name: name.strip() == name)
_ODD_NAME = st.sampled_from(["orders", "select", "offset", "if", "with", "kafka", "From", 'a"b', "a.b", "größe", "1x", "a-b", "😀"])
_NAME = st.one_of(_ODD_NAME, _ANY_NAME)
_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
_TYPE = st.sampled_from(["BIGINT", "DECIMAL(10,2)", "TIMESTAMP WITH TIME ZONE", "STRUCT(\"from\" INT, b INT)[]", "MAP(VARCHAR, DOUBLE)"])
_COLUMN = st.builds(ColumnDefinition, name=_NAME, type=_TYPE, span=st.just(Span(0, 0)), path=st.none() | _TEXT, not_null=st.booleans())
_OFFSETS = st.dictionaries(st.integers(0, 99), st.integers(0, 2**63 - 1), max_size=3)
_SECONDS = st.integers(1, 10**12).map(lambda micros: micros / 1_000_000)
_MOMENT = st.integers(-62_135_596_800_000, 253_402_300_799_999).map(lambda ms: Position("timestamp", ms))
_POSITION = st.one_of(st.sampled_from([Position("earliest"), Position("latest")]), _MOMENT, _SECONDS.map(lambda s: Position("ago", s)),
                      _OFFSETS.map(lambda offsets: Position("map", offsets)))
_MAP = st.dictionaries(st.sampled_from(["fetch.min.bytes", "client.id", "it's"]), _TEXT, max_size=3)
_SIZE = st.integers(1, 2**50)

_SOURCE_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "TOPIC": _TEXT, "START": _POSITION, "STOP": st.one_of(st.just(Position("latest")), _MOMENT), "PARTITIONS": st.lists(
        st.integers(0, 99), min_size=1, max_size=3, unique=True), "FORMAT": st.sampled_from(["json", "string", "raw"]),
    "INCLUDE": st.lists(st.sampled_from(["topic", "headers", "value", "rest"]), unique=True), "RETAIN_BYTES": _SIZE,
    "RETAIN_ROWS": st.none() | st.integers(1, 10**9), "RETAIN_TIME": st.none() | st.integers(1, 10**9).map(lambda ms: ms / 1000),
    "ON_ERROR": st.sampled_from(["quarantine", "skip", "fail"]), "CONFIG": _MAP,
}
_SINK_OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "ID": st.from_regex(r"[a-z0-9_]{1,40}", fullmatch=True), "GROUP": _TEXT, "START": st.one_of(_POSITION, st.just(Position("buffer"))),
    "PARTITION_BY": st.lists(st.sampled_from(["day(ts)", "bucket(16, id)", "it's"]), unique=True),
    "COMMIT_INTERVAL": st.integers(10, 3600).map(float),
    "COMMIT_ROWS": st.none() | st.integers(1, 10**9), "COMMIT_BYTES": st.none() | _SIZE,
    "CREATE_TABLE": st.booleans(),
    "ERRORS_TABLE": st.none() | st.tuples(_NAME, _NAME, _NAME), "KEEP_SNAPSHOTS": st.none() | st.integers(1, 500),
    "PROPERTIES": _MAP,
}


def _some(options: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict(options))


def _values(declared: OptionSet, statement: CreateSource | CreateSink | Attach) -> Parsed:
    return declared.changes(statement.options, altering=False)


@settings(max_examples=150, deadline=None)
@given(name=_NAME, columns=st.lists(_COLUMN, max_size=4), cluster=st.none() | _NAME, named=st.booleans(), options=_some(_SOURCE_OPTIONS))
def test_a_source_reads_back(name: str, columns: list[ColumnDefinition], cluster: str | None, named: bool, options: dict[str, Any]) -> None:
    address = cluster is not None and not named
    text = create_source_text(name, columns=columns, cluster=cluster, cluster_is_address=address, options=options)
    [piece] = split(text)
    read = parse(piece.text)
    assert isinstance(read, CreateSource)
    assert (read.name, read.cluster, read.cluster_is_address) == (name, cluster, address)
    assert [(c.name, c.type, c.path, c.not_null) for c in read.columns] == [(c.name, c.type, c.path, c.not_null) for c in columns]
    assert _values(SOURCE, read) == options


@settings(max_examples=150, deadline=None)
@given(name=_NAME, source=_NAME, table=st.lists(_NAME, min_size=3, max_size=5), options=_some(_SINK_OPTIONS))
def test_a_sink_reads_back(name: str, source: str, table: list[str], options: dict[str, Any]) -> None:
    read = parse(create_sink_text(name, table, source=source, options=options, or_replace=True))
    assert isinstance(read, CreateSink)
    assert (read.name, read.source, read.table, read.or_replace) == (name, source, tuple(table), True)
    assert _values(SINK, read) == options


@settings(max_examples=100, deadline=None)
@given(uri=_TEXT.filter(lambda text: "@" not in text), name=_NAME, start=_POSITION, timeout=st.integers(1, 10**6).map(float), config=_MAP)
def test_a_cluster_reads_back(uri: str, name: str, start: Position, timeout: float, config: dict[str, str]) -> None:
    options = {"TIMEOUT": timeout, "START": start, "CONFIG": config}
    read = parse(attach_text("kafka", uri, name, options=options))
    assert isinstance(read, Attach)
    assert (read.kind, read.uri, read.name) == ("kafka", uri, name)
    assert _values(ATTACH_KAFKA, read) == options


def test_a_catalog_reads_back() -> None:
    options = {"CATALOG": "sql", "WAREHOUSE": "file:///w", "PROPERTIES": {"s3.endpoint": "http://s"}, "READ_ONLY": True, "NAME": "local"}
    read = parse(attach_text("iceberg", "sqlite:///c.db", "local", options=options))
    assert isinstance(read, Attach)
    assert _values(ATTACH_ICEBERG, read) == options


def test_a_query_of_a_sink_is_kept_as_written() -> None:
    select = "SELECT id, -- the INTO of it\n 'INTO' AS x FROM c"
    read = parse(create_sink_text("eu", ("ice", "crm", "eu"), select=select))
    assert isinstance(read, CreateSink)
    assert read.select == select


@pytest.mark.parametrize("written", [Word("json"), Typed("INTERVAL", "2 hours"), Lookup("getenv", "IT'S"), Lookup("getvariable", "since")])
def test_a_written_value_stays_as_written(written: Word | Typed | Lookup) -> None:
    read = parse(create_source_text("o", options={"START": written}))
    assert isinstance(read, CreateSource)
    assert read.options[0].value == written


def test_a_password_is_hidden_and_a_looked_up_one_is_kept() -> None:
    text = attach_text("kafka", "kafka://b", "k", options={"CONFIG": {
        "sasl.password": "hunter2", "ssl.key.password": Lookup("getenv", "KEY"), "sasl.username": "me", "ssl.keystore.location": "/k"}})
    assert "hunter2" not in text
    assert "'***'" in text
    assert "getenv('KEY')" in text
    assert "'me'" in text
    assert "'/k'" in text


@pytest.mark.parametrize(("uri", "shown"), [
    ("postgresql://me:hunter2@host/db", "postgresql://me:***@host/db"), ("sqlite:///c.db", "sqlite:///c.db"),
    ("kafka://b:9092,c:9092", "kafka://b:9092,c:9092"),
    ("http://host:8181/a@b", "http://host:8181/a@b"),
])
def test_a_password_in_an_address_is_hidden(uri: str, shown: str) -> None:
    read = parse(attach_text("iceberg", uri, "c", options={"CATALOG": "sql"}))
    assert isinstance(read, Attach)
    assert read.uri == shown


def test_a_long_definition_is_written_over_lines() -> None:
    columns = [ColumnDefinition("id", "BIGINT", Span(0, 0), not_null=True), ColumnDefinition("order", "VARCHAR", Span(0, 0), "$.a.o")]
    assert create_source_text("clicks", columns=columns, cluster="k", options={"TOPIC": "web.clicks", "RETAIN_BYTES": 2 * 10**9}) == """\
CREATE SOURCE clicks (
    id BIGINT NOT NULL,
    "order" VARCHAR FROM '$.a.o'
) FROM KAFKA k (TOPIC 'web.clicks', RETAIN_BYTES '2GB');"""
