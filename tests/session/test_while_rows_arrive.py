"""What somebody at the prompt relies on while rows arrive and brokers come and go."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from kshell.kafka.embedded import EmbeddedBroker
from kshell.session import Session
from kshell.shell import commands
from kshell.shell.context import Context
from kshell.shell.settings import Settings
from tests.session.conftest import Notes, one, rows
from tests.support import Recorder, wait_until


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as started:
        started.create_topic("orders", 2)
        _produce(started, 5)
        yield started


@pytest.fixture
def session(broker: EmbeddedBroker, tmp_path: Path, notes: Notes) -> Iterator[Session]:
    opened = Session(brokers=broker.bootstrap, notes=notes, data_dir=tmp_path)
    opened.sql("CREATE SOURCE orders (id BIGINT) FROM KAFKA kafka; WAIT SOURCE orders UNTIL ROWS 10").close()
    yield opened
    opened.close(flush=False, timeout_s=2.0)


def _produce(broker: EmbeddedBroker, count: int) -> None:
    recorder = Recorder(broker.bootstrap)
    for partition in (0, 1):
        recorder.produce("orders", [json.dumps({"id": i}) for i in range(count)], partition=partition)


def _printed(session: Session, command: str) -> str:
    out = BytesIO()
    context = Context(session, lambda text, file: None, Settings(mode="ndjson"), out)
    commands.run(context, *commands.split(command))
    return out.getvalue().decode()


def test_two_counts_inside_a_transaction_are_equal_while_rows_arrive(session: Session, broker: EmbeddedBroker) -> None:
    session.sql("BEGIN")
    before = one(session, "SELECT count(*) FROM orders")
    _produce(broker, 20)
    wait_until(lambda: session._engine.cursor().execute("SELECT count(*) FROM orders").fetchall() == [(50,)], 20)
    assert one(session, "SELECT count(*) FROM orders") == before == 10
    session.sql("COMMIT")
    assert one(session, "SELECT count(*) FROM orders") == 50


def test_a_source_keeps_its_name_whatever_database_is_used(session: Session) -> None:
    session.sql("ATTACH ':memory:' AS other; USE other; CREATE TABLE mine (a INTEGER)")
    assert rows(session, "SELECT count(*) FROM orders UNION ALL SELECT count(*) FROM memory.live.orders") == [(10,), (10,)]
    assert one(session, "SELECT count(*) FROM orders(start := 1)") == 8
    assert one(session, "SELECT table_catalog FROM information_schema.tables WHERE table_name = 'mine'") == "other"


def test_the_lag_of_the_partitions_sums_to_the_lag_of_the_source(session: Session, broker: EmbeddedBroker) -> None:
    session.sql("PAUSE SOURCE orders")        # what was on its way to it still arrives

    def behind() -> bool:
        _produce(broker, 1)
        return bool(one(session, "SELECT lag_messages FROM kshell.sources"))

    wait_until(behind, 20, every_s=0.2)

    def lags() -> list[int]:
        partitions = [json.loads(line) for line in _printed(session, ".lag").splitlines()]
        return [sum(row["lag"] for row in partitions), one(session, "SELECT lag_messages FROM kshell.sources")]

    wait_until(lambda: (found := lags())[0] == found[1] > 0, 20)


def test_without_its_brokers_a_source_says_so_and_what_has_arrived_still_answers(session: Session, broker: EmbeddedBroker,
                                                                                notes: Notes) -> None:
    broker.close()
    wait_until(lambda: rows(session, "SELECT state FROM kshell.sources") == [("reconnecting",)], 30)
    assert one(session, "SELECT count(*) FROM orders") == 10
    assert "warning: orders: reconnecting: " in notes
    assert "reconnecting" in _printed(session, ".status")
