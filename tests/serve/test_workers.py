"""Workers of a server: each job once, no more at once than allowed, and a process that nobody closes ends all the same."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kshell.serve.workers import EndedError, Workers
from tests.support.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
LEFT = """
import threading, psycopg, kshell
session = kshell.connect()
(_, address, _, _, _), = session.sql("CALL kshell_serve('pgwire', port := 0, password := 'x')").fetchall()
client = psycopg.connect(host="127.0.0.1", port=address.rpartition(":")[2], user="kshell", password="x", dbname="memory")
begun = client.execute("SELECT count(*) FROM kshell.servers").fetchall()
def ask():
    try:
        client.execute("SELECT count(*) FROM range(10000000) a, range(100000) b WHERE a.range * b.range % 7 = 3")
    except psycopg.Error as error:
        pass
threading.Thread(target=ask, daemon=True).start()
while not session.sql("SELECT 1 FROM kshell.servers WHERE running > 0").fetchall():
    pass
print("left", flush=True)
"""


def test_jobs_run_and_their_errors_come_back() -> None:
    workers = Workers(2, "test")
    assert [workers.submit(pow, 2, n).result(10) for n in range(5)] == [1, 2, 4, 8, 16]
    with pytest.raises(ZeroDivisionError):
        workers.submit(divmod, 1, 0).result(10)
    workers.shutdown()


def test_no_more_at_once_than_allowed_and_the_others_wait_in_their_order() -> None:
    workers, gate, began = Workers(2, "test"), threading.Event(), []

    def job(number: int) -> int:
        began.append(number)
        gate.wait(10)
        return number

    futures = [workers.submit(job, n) for n in range(6)]
    wait_until(lambda: len(began) == 2)
    assert not futures[2].running()
    gate.set()
    assert [f.result(10) for f in futures] == list(range(6))
    assert sorted(began) == list(range(6))
    workers.shutdown()


def test_a_thread_is_used_again() -> None:
    workers = Workers(8, "test")
    first = workers.submit(threading.get_ident).result(10)
    wait_until(lambda: workers._idle)
    assert workers.submit(threading.get_ident).result(10) == first
    workers.shutdown()
    wait_until(lambda: not any(t.name.startswith("test-") for t in threading.enumerate()))


def test_after_the_end_nothing_begins() -> None:
    workers, gate = Workers(1, "test"), threading.Event()
    running = workers.submit(gate.wait, 10)
    wait_until(running.running)
    waiting = workers.submit(pow, 2, 2)
    workers.shutdown(cancel_futures=True)
    assert waiting.cancelled()
    with pytest.raises(EndedError):
        workers.submit(pow, 2, 2)
    gate.set()
    assert running.result(10)


def test_a_process_that_nobody_closes_ends_while_a_client_computes() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT], cwd=REPOSITORY, capture_output=True, text=True, timeout=50, check=False)
    assert (done.returncode, done.stdout) == (0, "left\n")
    assert "Traceback" not in done.stderr
