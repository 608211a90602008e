"""kshell from Python: connect, iterate a stream, register a frame, in threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime

import pyarrow as pa
import pytest

import kshell
from kshell.kafka.embedded import EmbeddedBroker
from tests.support import Recorder, wait_until


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as started:
        started.create_topic("orders")
        Recorder(started.bootstrap).produce("orders", [f'{{"id": {i}}}' for i in range(5)])
        yield started


@pytest.fixture
def session(broker: EmbeddedBroker) -> Iterator[kshell.Session]:
    with kshell.connect(broker.bootstrap) as opened:
        yield opened


def test_a_stream_is_iterated_until_it_is_closed(session: kshell.Session, broker: EmbeddedBroker) -> None:
    session.sql("CREATE SOURCE orders FROM KAFKA kafka; WAIT SOURCE orders")
    stream = session.sql("TAIL (SELECT id FROM orders) FROM BEGINNING")
    rows = iter(stream)
    assert [next(rows)[0] for _ in range(5)] == [0, 1, 2, 3, 4]
    Recorder(broker.bootstrap).produce("orders", ['{"id": 5}'])
    assert next(rows) == (5,)
    stream.close()
    assert list(rows) == []
    assert session.sql("SELECT count(*) FROM orders").fetchall() == [(6,)]


def test_times_are_aware_and_a_result_is_also_an_arrow_table(session: kshell.Session) -> None:
    found = session.sql("FROM kafka.orders LIMIT 2")
    stamp = session.sql("SELECT max(_kafka_timestamp) FROM kafka.orders").fetchall()[0][0]
    assert isinstance(stamp, datetime)
    assert stamp.tzinfo is not None
    assert found.arrow().num_rows == 2


def test_a_registered_table_is_seen_by_every_cursor(session: kshell.Session) -> None:
    session.register("people", pa.table({"name": ["ann", "bob"], "age": [30, 40]}))
    assert session.sql("SELECT name FROM people WHERE age > 35").fetchall() == [("bob",)]
    assert session._engine.cursor().execute("SELECT count(*) FROM people").fetchall() == [(2,)]
    session.register("people", pa.table({"name": ["eve"]}))
    assert session.sql("FROM people").fetchall() == [("eve",)]


def test_a_session_works_in_another_thread(session: kshell.Session) -> None:
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(session.sql("SELECT count(*) FROM kafka.orders").fetchall()))
    thread.start()
    thread.join(30)
    assert found == [[(5,)]]


def test_an_error_has_its_code_message_hint_place_and_exit(session: kshell.Session) -> None:
    with pytest.raises(kshell.Error) as raised:
        session.sql("SHOW CREATE SOURCE ordrs")
    error = raised.value
    assert (error.code, error.exit, error.position) == ("not_found", 1, 19)
    assert error.message == "there is no source ordrs"
    assert error.hint == "SHOW SOURCES lists them"


def test_an_interrupt_ends_a_look_at_a_broker_that_is_gone(broker: EmbeddedBroker) -> None:
    session = kshell.connect(broker.bootstrap)
    broker.close()
    ended: list[BaseException] = []

    def look() -> None:
        try:
            session.sql("SHOW TOPICS")
        except kshell.Error as error:
            ended.append(error)

    thread = threading.Thread(target=look)
    began = time.monotonic()
    thread.start()
    wait_until(lambda: session.interrupt() or bool(ended))
    assert time.monotonic() - began < 10
    assert isinstance(ended[0], kshell.CancelledError | kshell.UnreachableError)
    assert session.sql("SELECT 42").fetchall() == [(42,)]
    session.close(flush=False)
