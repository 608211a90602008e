"""Configured brokers: known by name from the start, connected in the background or by who uses them first; nobody else waits for them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kshell import config, lang
from kshell.errors import CancelledError, Error, ExistsError, NotFoundError, UnreachableError
from kshell.kafka.embedded import EmbeddedBroker
from kshell.session import Session
from kshell.session.expected import Expected
from kshell.session.status import Awaited
from tests.session.conftest import Notes, rows
from tests.support import Recorder, wait_until

Open = Callable[[str], Session]


@pytest.fixture(scope="module")
def broker() -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker()
    Recorder(made.bootstrap).produce("orders", ['{"n": 1}'])
    yield made
    made.close()


@pytest.fixture
def open_(tmp_path: Path, notes: Notes) -> Iterator[Open]:
    opened: list[Session] = []

    def make(address: str) -> Session:
        found = config.load(flags={"brokers": ("--brokers", address)})
        opened.append(Session(config=found, connect=False, notes=notes, data_dir=tmp_path))
        return opened[-1]

    yield make
    for session in opened:
        session.close(flush=False)


def connections(session: Session) -> list[tuple[Any, ...]]:
    return rows(session, "SELECT name, address, state FROM kshell.connections")


def test_the_first_statement_that_uses_the_brokers_connects_them(open_: Open, broker: EmbeddedBroker) -> None:
    session = open_(broker.bootstrap)
    assert rows(session, "SELECT 42") == [(42,)]
    assert connections(session) == [("kafka", broker.bootstrap, "not connected yet")]
    assert session.names().clusters == ("kafka",)
    assert session.status().awaited == (Awaited("kafka", "not connected yet"),)
    assert rows(session, "SHOW TOPICS") == [("orders", 4)]
    assert connections(session) == [("kafka", broker.bootstrap, "attached")]
    assert session.status().awaited == ()


@pytest.mark.parametrize("statement", [
    "CREATE SOURCE orders FROM KAFKA", "CREATE SOURCE orders FROM KAFKA kafka", "CREATE SOURCE orders FROM KAFKA '{address}'",
    "SELECT n FROM kafka.orders", "FROM kafka_scan('orders')", "FROM kafka_topics()", "DESCRIBE TOPIC orders",
    "PRINT 'orders' FROM BEGINNING LIMIT 1"])
def test_every_way_to_name_the_brokers_connects_them_under_their_name(open_: Open, broker: EmbeddedBroker, statement: str) -> None:
    session = open_(broker.bootstrap)
    session.sql(statement.format(address=broker.bootstrap)).close()
    assert connections(session) == [("kafka", broker.bootstrap, "attached")]


def test_connected_in_the_background_they_are_there_without_a_statement(open_: Open, broker: EmbeddedBroker) -> None:
    session = open_(broker.bootstrap)
    session.begin_connecting()
    wait_until(lambda: not session.status().awaited)
    assert session.names().topics == {"kafka": ("orders",)}


def test_an_error_about_a_name_knows_the_topics_of_brokers_that_nothing_has_used(open_: Open, broker: EmbeddedBroker) -> None:
    with pytest.raises(NotFoundError) as error:
        open_(broker.bootstrap).sql("FROM orders")
    assert "FROM kafka.orders" in str(error.value.hint)


def test_silent_brokers_hold_only_who_uses_them_and_an_interrupt_ends_that(open_: Open, silent: int, notes: Notes) -> None:
    session, ended = open_(f"127.0.0.1:{silent}"), list[Error]()
    session.begin_connecting()
    assert session.status().awaited == (Awaited("kafka", "connecting"),)
    assert rows(session, "SELECT 42") == [(42,)]

    def work() -> None:
        try:
            session.sql("SHOW TOPICS").close()
        except Error as error:
            ended.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():                      # as the shell does: what falls between two statements is forgotten
        session.interrupt()
        thread.join(0.05)
    assert isinstance(ended[0], CancelledError)
    assert session.status().awaited == (Awaited("kafka", "connecting"),), "the attempt goes on for the next who asks"
    assert "cannot reach" not in notes


def test_a_failed_attempt_is_told_once_and_the_next_use_tries_again_and_has_its_error(open_: Open, notes: Notes) -> None:
    session = open_("127.0.0.1:1")
    session.begin_connecting()
    wait_until(lambda: session.status().awaited == (Awaited("kafka", "not reached"),))
    assert notes.lines == ["warning: cannot reach Kafka at 127.0.0.1:1: Connection refused; the next use of kafka tries again"]
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1: Connection refused") as failed:
        session.sql("SHOW TOPICS")
    assert (failed.value.exit, "does the broker run" in str(failed.value.hint)) == (3, True)
    assert len(notes.lines) == 1
    assert connections(session) == [("kafka", "127.0.0.1:1", "not reached")]


def test_the_name_is_taken_and_can_be_given_up_without_a_connection(open_: Open, silent: int, broker: EmbeddedBroker) -> None:
    session, attach = open_(f"127.0.0.1:{silent}"), f"'kafka://{broker.bootstrap}' AS kafka (TYPE kafka)"
    assert rows(session, "SHOW CREATE CONNECTION kafka")[0][1].startswith(f"ATTACH 'kafka://127.0.0.1:{silent}'")
    with pytest.raises(ExistsError):
        session.sql(f"ATTACH {attach}")
    session.begin_connecting()
    session.sql(f"ATTACH OR REPLACE {attach}").close()
    assert connections(session) == [("kafka", broker.bootstrap, "attached")]
    other = open_(f"127.0.0.1:{silent}")
    other.begin_connecting()
    other.sql("DETACH kafka").close()
    assert connections(other) == []
    with pytest.raises(NotFoundError, match="no cluster is attached"):
        other.sql("SHOW TOPICS")


def test_the_doctor_looks_at_the_connection_of_the_script_where_it_has_the_name_of_the_configured_one(
        open_: Open, broker: EmbeddedBroker) -> None:
    attach = lang.parse(f"ATTACH 'kafka://{broker.bootstrap}' AS kafka (TYPE kafka)")
    found = {check.name: check.state for check in open_("127.0.0.1:1").doctor([cast("Any", attach)]).checks()}
    assert (found["brokers kafka"], found["topics kafka"]) == ("ok", "ok")


def test_brokers_that_come_back_are_reached_by_the_next_who_asks() -> None:
    answers: list[Error | None] = [UnreachableError("away"), None]

    def reach(expected: Expected, cluster: Any) -> None:
        if (failed := answers.pop(0)) is not None:
            raise failed

    expected = Expected("a:1", "kafka://a:1", None, make=lambda: cast("Any", SimpleNamespace(close=lambda: None)), reach=reach,
                        unheard=lambda failed: pytest.fail("who waits gets the error"))
    with pytest.raises(UnreachableError, match="away"):
        expected.wait(lambda: None)
    assert expected.state == "not reached"
    expected.wait(lambda: None)
    expected.begin()
    expected.wait(lambda: None)
    assert answers == [], "one that is there is not connected again"


def test_another_profile_takes_the_place_of_brokers_that_were_never_reached(open_: Open, silent: int, broker: EmbeddedBroker) -> None:
    session = open_(f"127.0.0.1:{silent}")
    session.begin_connecting()
    with pytest.raises(UnreachableError):
        session.switch(config.load(flags={"brokers": ("--brokers", "127.0.0.1:1")}))
    assert session.status().awaited == (Awaited("kafka", "connecting"),)
    session.switch(config.load(flags={"brokers": ("--brokers", broker.bootstrap)}))
    assert connections(session) == [("kafka", broker.bootstrap, "attached")]
    other = open_(f"127.0.0.1:{silent}")
    other.switch(config.load())
    assert (other.names().clusters, other.status().awaited) == ((), ())
