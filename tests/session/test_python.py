"""kshell from Python: connect, iterate a stream, register a frame, in threads."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

import kshell
from kshell.kafka.embedded import EmbeddedBroker
from tests.support import Recorder, wait_until

REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import kshell

with kshell.connect("b:9092", read_only=True) as session:
    rows: list[tuple[object, ...]] = session.sql("FROM orders").fetchall()
    for row in session.sql("TAIL orders"):
        print(row[0])
    try:
        session.sqll("SELECT 1")
    except kshell.Error as error:
        place: int | None = error.position
        code: int = error.code
"""


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


def test_what_cannot_be_registered_is_an_error_of_ours_and_changes_nothing(session: kshell.Session) -> None:
    table = pa.table({"id": [9]})
    session.sql("CREATE SOURCE orders FROM KAFKA kafka; WAIT SOURCE orders UNTIL ROWS 5; CREATE VIEW mine AS SELECT 1 AS a")
    with pytest.raises(kshell.Error, match="orders belongs to the source orders") as owned:
        session.register("orders", table)
    assert owned.value.code == "refused"
    with pytest.raises(kshell.Error, match="mine is of type View") as taken:
        session.register("mine", table)
    assert taken.value.hint == "give it another name, or DROP VIEW first"
    with pytest.raises(kshell.Error, match="dict is no table") as wrong:
        session.register("people", {"id": 9})
    assert wrong.value.code == "bad_value"
    assert session.sql("SELECT (SELECT count(*) FROM orders), (SELECT a FROM mine)").fetchall() == [(5, 1)]
    session.close()
    with pytest.raises(kshell.Error, match="the session is closed"):
        session.register("people", table)


def test_a_typed_script_of_a_user_is_checked_against_the_package(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    checks = [sys.executable, "-m", "mypy", "--strict", "--ignore-missing-imports", "--follow-imports=silent", "--cache-dir", "cache"]
    checked = subprocess.run([*checks, str(script)], capture_output=True, text=True, check=False, cwd=tmp_path,
                             env={**os.environ, "MYPYPATH": str(REPOSITORY)})
    assert [line.partition(": ")[2] for line in checked.stdout.splitlines() if "error:" in line] == [
        'error: "Session" has no attribute "sqll"; maybe "sql"?  [attr-defined]',
        'error: Incompatible types in assignment (expression has type "str", variable has type "int")  [assignment]',
    ]


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
