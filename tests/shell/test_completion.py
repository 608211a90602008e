"""What Tab offers, by position."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from kshell.kafka.embedded import EmbeddedBroker
from kshell.session import Session
from kshell.session.status import Names
from kshell.shell.completer import NameCache, SqlCompleter, dot_candidates
from kshell.shell.completion import complete

NAMES = Names(
    clusters=("k", "prod"), catalogs=("local",), topics={"k": ("orders", "web.clicks"), "prod": ("payments",)}, sources=("orders",),
    sinks=("orders_lake",), tables={"orders": ("id", "country", "_kafka_offset"), "people": ("name", "age"), "live.orders": ("id",)},
    profiles=("prod", "test"), last=("url", "a count"))


def offered(text: str) -> list[str]:
    """What is offered at the `|` of a text."""
    before, _, after = text.partition("|")
    return [c.text for c in complete(before, after, NAMES, dot=dot_candidates).candidates]


@pytest.mark.parametrize(("text", "expected"), [
    ("SEL|", "SELECT"), ("CRE|", "CREATE"), ("SELECT 1; SEL|", "SELECT"), ("CREATE SO|", "SOURCE"), ("CREATE OR REPLACE S|", "SINK"),
    ("CREATE SOURCE ord|", "orders"), ("CREATE SOURCE o FROM KAFKA |", "k"), ("CREATE SOURCE o FROM KAFKA ord|", "k (TOPIC 'orders')"),
    ("CREATE SOURCE o FROM KAFKA k (FOR|", "FORMAT"), ("CREATE SOURCE o FROM KAFKA k (FORMAT |", "json"),
    ("CREATE SOURCE o FROM KAFKA k (FORMAT json, ST|", "START"), ("CREATE SOURCE o FROM KAFKA k (TOPIC 'web|", "web.clicks"),
    ("CREATE SOURCE o FROM KAFKA k (TOPIC |", "'orders'"), ("CREATE SOURCE o FROM KAFKA k (INCLUDE [|", "headers"),
    ("CREATE SINK s FROM |", "orders"), ("CREATE SINK s FROM orders INTO ICEBERG |", "local."),
    ("CREATE SINK s FROM orders INTO ICEBERG local.a.b (COMMIT_|", "COMMIT_INTERVAL"),
    ("CREATE SINK s FROM orders INTO ICEBERG local.a.b (PAUSED |", "true"),
    ("ATTACH 'kafka://b:9092' AS k (TYPE kafka, TIME|", "TIMEOUT"), ("ATTACH 'x' AS c (TYPE iceberg, CATALOG |", "rest"),
    ("SELECT * FROM kafka_scan('|", "web.clicks"), ("SELECT * FROM kafka_scan('orders', |", "last := "),
    ("SELECT * FROM kafka_scan('orders', format := |", "json"), ("SELECT * FROM |", "people"), ("SELECT * FROM |", "k.orders"),
    ("SELECT * FROM k.|", '"web.clicks"'), ("SELECT * FROM orders, peo|", "people"), ("SELECT cou| FROM orders", "country"),
    ("SELECT o.| FROM orders o", "country"), ("SELECT id FROM orders o JOIN people p ON p.|", "age"),
    ("SELECT co|", "count("), ("FROM orders(|", "since := "), ("DROP SINK |", "orders_lake"),
    ("PAUSE SOURCE |", "orders"), ("DROP SO|", "SOURCE"),
    ("SHOW T|", "TOPICS"), ("SHOW TOPICS FROM |", "prod"), ("DESCRIBE TOPIC '|", "orders"), ("SHOW CREATE SINK |", "orders_lake"),
    ("TAIL |", "orders"), ("TAIL orders S|", "SINCE"), ("SET kshell_ti|", "kshell_timeout"), ("WAIT SOURCE orders |", "UNTIL CAUGHT UP"),
    ("ALTER SINK orders_lake |", "ACCEPT ROLLBACK"), (".mo|", ".mode"), (".mode cs|", "csv"), (".peek w|", "web.clicks"),
    (".timer o|", "on"), (".profile pr|", "prod"), (".chart ba|", "bar"), (".chart bar |", "url"), (".chart bar url |", "'a count'"),
    (".chart bar url n --o|", "--out"), (".large_number_rendering f|", "footer"),
    ("\\d|", "\\dt"), ("CALL |", "kshell_serve('"), ("CALL kshell_serve(|", "'pgwire'"), ("CALL kshell_serve('p|", "pgwire"),
    ("CALL kshell_stop('ht|", "http"), ("CALL kshell_serve('http', tok|", "token := "),
    ("CALL kshell_serve('pgwire', ins|", "insecure := "),
    ("CALL kshell_serve('pgwire', insecure := |", "true"), ("CALL kshell_serve('pgwire', port := 1, pass|", "password := "),
    ("CALL kshell_serve('pgwire', password := |", "getenv('"), (".serve ht|", "http"), (".serve http tok|", "token="),
    ("SHOW SER|", "SERVERS"),
])
def test_the_fitting_word_is_offered(text: str, expected: str) -> None:
    assert expected in offered(text)


def test_a_broker_that_is_gone_holds_no_answer_and_its_topics_are_still_offered() -> None:
    with EmbeddedBroker() as broker:
        broker.create_topic("orders")
        session = Session(brokers=broker.bootstrap)
    completer = SqlCompleter(NameCache(session.names))
    began = time.monotonic()
    completer._cache.names = session.names()
    found = {typed: [c.text for c in completer.get_completions(Document(typed), CompleteEvent())]
             for typed in ("CREATE SOURCE o FROM KAFKA kafka (FOR", "SELECT * FROM kafka_scan('ord", "SHOW TOPICS FROM ")}
    assert time.monotonic() - began < 2, "a look at the broker would take 30 s; the bench has the figure"
    assert [texts[0] for texts in found.values()] == ["FORMAT", "orders", "kafka"]
    session.close(flush=False)


def test_columns_of_tables_that_are_not_in_from_stay_away() -> None:
    assert "name" not in offered("SELECT * FROM orders WHERE na|")


@pytest.mark.parametrize("text", [
    "SELECT 'ord|", "SELECT 1 -- ord|", "SELECT /* ord|", "CREATE SOURCE o (ord|", "CREATE SOURCE o FROM KAFKA k (START '|x"])
def test_nothing_is_offered_in_text_and_comments(text: str) -> None:
    assert "orders" not in offered(text)


def test_an_option_that_is_given_is_not_offered_again() -> None:
    assert "FORMAT" not in offered("CREATE SOURCE o FROM KAFKA k (FORMAT json, |")


def test_the_topics_are_those_of_the_cluster_in_the_statement() -> None:
    assert offered("CREATE SOURCE o FROM KAFKA prod (TOPIC '|") == ["payments"]


def test_columns_come_before_other_words() -> None:
    assert offered("SELECT | FROM people")[:2] == ["name", "age"]


def test_what_is_typed_is_replaced_and_no_more() -> None:
    assert complete("SELECT * FROM kafka_scan('web.c", "", NAMES, dot=dot_candidates).start == len("web.c")


def test_paths_are_offered_where_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.parquet").touch()
    (tmp_path / ".hidden").touch()
    assert offered(f".read {tmp_path}/|") == [f"{tmp_path}/rows.parquet"]
    assert offered(f"FROM read_parquet('{tmp_path}/r|") == [f"{tmp_path}/rows.parquet"]


def test_thousands_of_names_are_no_burden() -> None:
    many = Names(clusters=("k",), topics={"k": tuple(f"topic_{n}" for n in range(5000))}, tables={f"t{n}": ("a", "b") for n in range(500)})
    began = time.perf_counter()
    answer = complete("SELECT * FROM to", "", many, dot=dot_candidates)
    assert answer.candidates
    assert time.perf_counter() - began < 1.0  # measured: about 10 ms; the bound only catches a quadratic step


@pytest.mark.parametrize("length", range(0, 90, 1))
def test_every_place_of_a_statement_has_an_answer(length: int) -> None:
    text = "CREATE SINK s AS SELECT a.\"x y\", 'it''s' FROM o WHERE b := (1) INTO ICEBERG l.n.t (P MAP {'k': [1]});"
    complete(text[:length], text[length:], NAMES, dot=dot_candidates)
