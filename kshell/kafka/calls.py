"""Waiting for a broker's answer: with a bound, in short steps, and no longer than there is hope.

Invariant: a call ends within its time-out, or within a second of `cancel()` from another thread, or as soon as every broker has
refused for 1.5 s."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from kshell.errors import CancelledError
from kshell.kafka.faults import CONNECTION, mapped, names_cause, unreachable
from kshell.kafka.settings import log

T = TypeVar("T")

TELLING_S = 5.0                               # for so long a complaint that names a cause is not replaced by one that names none
GIVE_UP_S = 1.5                               # all brokers refuse for this long: they are down, not between two attempts
STEP_S = 0.05


class Refusal(Exception):
    """A broker answered, with an error. Never leaves this package."""

    def __init__(self, error: KafkaError) -> None:
        super().__init__(error.str())
        self.error = error


class Calls:
    """One administrative client, made when first needed, and the waiting for its futures. Safe from any thread."""

    def __init__(self, bootstrap: str, settings: Mapping[str, Any], timeout_s: float) -> None:
        self._bootstrap, self._settings, self._timeout_s = bootstrap, settings, timeout_s
        self._lock = threading.Lock()
        self._client: Any = None
        self._cancelled = 0                   # calls that began before the last `cancel()` end
        self._said: str | None = None         # the connection's last complaint
        self._said_at = 0.0
        self._all_down = False

    def client(self) -> Any:
        with self._lock:
            if self._client is None:
                with mapped(self._bootstrap, "connect"):
                    config: dict[str, Any] = {**self._settings, "error_cb": self._complaint}
                    self._client = AdminClient(config, logger=log)
            return self._client

    def cancel(self) -> None:
        """What other threads wait for ends with CancelledError. Later calls are not affected."""
        self._cancelled += 1

    def wait(self, future: Future[T], what: str) -> T:
        """The result; `Refusal` when the broker answered with an error, UnreachableError when none answers."""
        client = self.client()
        client.poll(0)                        # complaints from before do not count
        began, cancelled = time.monotonic(), self._cancelled
        while not future.done():
            wait([future], timeout=STEP_S)
            client.poll(0)                    # serves `_complaint`
            if self._cancelled != cancelled:
                raise CancelledError(f"interrupted: {what}")
            if not future.done():
                self._hope(began)
        return self._result(future, began)

    def _hope(self, began: float) -> None:
        waited, complained = time.monotonic() - began, self._said_at >= began
        if waited > self._timeout_s or (waited > GIVE_UP_S and self._all_down and complained):
            raise unreachable(self._bootstrap, self._said if complained else None)

    def _result(self, future: Future[T], began: float) -> T:
        try:
            result = future.result()
        except KafkaException as failure:
            error = failure.args[0]
            if error.code() in CONNECTION:
                raise unreachable(self._bootstrap, self._said if self._said_at >= began else None) from failure
            self._all_down = False
            raise Refusal(error) from failure
        self._all_down = False
        return result

    def _complaint(self, error: KafkaError) -> None:
        before, self._said_at = self._said_at, time.monotonic()
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._all_down = True
        elif error.code() in CONNECTION:
            keeps = self._said is not None and self._said_at - before < TELLING_S and names_cause(self._said)
            self._said = self._said if keeps and not names_cause(error.str()) else error.str()


def in_thread(call: Callable[[], T]) -> Future[T]:
    """A blocking call as a future. The thread is left behind when nobody waits any more; the call ends by its own time-out."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as failure:  # noqa: BLE001 - whatever it is, it belongs to who waits
            future.set_exception(failure)

    threading.Thread(target=run, name="kshell-kafka-call", daemon=True).start()
    return future
