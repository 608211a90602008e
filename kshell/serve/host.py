"""Host: what one server gets from the process it runs in, whatever its protocol: sessions for its clients, limits, counts, workers.

Invariant: every statement of a client passes `Host.running`, so that no more than `max_running` of them are in DuckDB at once; whatever a
client does, ingestion and commits wait for none of this."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from kshell.errors import LimitError
from kshell.serve.client import Client
from kshell.serve.workers import Workers

if TYPE_CHECKING:
    from kshell.serve.access import Access
    from kshell.session import Session

T = TypeVar("T")
QUEUE_S = 5.0                                     # that a statement waits for its turn
SPARE_WORKERS = 4                                 # beside one for each session: for what is not a statement
BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0)


class BusyError(LimitError):
    """As many clients or statements as there may be: it may be tried again."""


@dataclass(frozen=True, slots=True)
class Limits:
    max_sessions: int = 64
    max_running: int = 8
    statement_timeout_s: float = 60.0
    max_rows: int = 1_000_000                     # of one result
    max_bytes: int = 1 << 30                      # of one result, in Arrow
    max_statement_bytes: int = 1 << 20


@dataclass(slots=True)
class Counts:
    """Of one server since it started. Written under `Host.lock`."""

    connected: int = 0                            # clients ever admitted
    running: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0                              # clients and statements above a limit
    seconds: float = 0.0
    durations: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))      # statements by duration, as BUCKETS_S



class Host:
    """`audit` takes one line a statement. `loop` is the loop in which asyncio servers live."""

    def __init__(self, session: Session, kind: str, access: Access, limits: Limits, loop: asyncio.AbstractEventLoop,
                 audit: Callable[[str], None]) -> None:
        self.session, self.kind, self.access, self.limits, self.loop = session, kind, access, limits, loop
        self.audit = audit
        self.clients: dict[int, Client] = {}      # by id
        self.counts = Counts()
        self.closing = False                      # what ends from here on ends because the server does
        self.lock = threading.Lock()
        self._next_id = 1
        self._turns = threading.BoundedSemaphore(limits.max_running)
        self._workers = Workers(limits.max_sessions + SPARE_WORKERS, f"kshell-{kind}")

    def admit(self, user: str, address: str) -> Client:
        """A session for a client that has proven who it is. BusyError when there are `max_sessions` already."""
        with self.lock:
            if len(self.clients) >= self.limits.max_sessions:
                self.counts.refused += 1
                raise BusyError(f"{self.kind} serves {self.limits.max_sessions} sessions already",
                                hint="close one, or start the server with a larger max_sessions")
            client = Client(self, self._next_id, user, address, self.session.remote())
            self.clients[client.id] = client
            self.counts.connected += 1
            self._next_id += 1
        return client

    def left(self, client: Client) -> None:
        with self.lock:
            self.clients.pop(client.id, None)

    @contextmanager
    def running(self, wait_s: float | None = QUEUE_S) -> Iterator[None]:
        """A turn in DuckDB. BusyError when none is free for `wait_s` seconds; None waits."""
        if not self._turns.acquire(timeout=wait_s):
            with self.lock:
                self.counts.refused += 1
            raise BusyError(f"{self.limits.max_running} statements are running already", hint="try again in a moment")
        with self.lock:
            self.counts.running += 1
        try:
            yield
        finally:
            with self.lock:
                self.counts.running -= 1
            self._turns.release()

    def ended(self, client: Client, text: str, began: float, outcome: str) -> None:
        """A statement is over: counted, and written into the audit log with its literals removed."""
        seconds = time.monotonic() - began
        with self.lock:
            self.counts.seconds += seconds
            self.counts.durations[sum(seconds > bucket for bucket in BUCKETS_S)] += 1
            if outcome == "ok":
                self.counts.done += 1
            else:
                self.counts.failed += 1
        self.audit(f"{self.kind} {client.id} {client.user}@{client.address}: {outcome} in {seconds:.3f} s: {text}")

    async def in_worker(self, call: Callable[..., T], *arguments: object) -> T:
        """What blocks, away from the loop."""
        return await self.loop.run_in_executor(self._workers, call, *arguments)

    def close(self) -> None:
        """End all clients. Their statements end with CancelledError."""
        self.closing = True
        for client in list(self.clients.values()):
            client.interrupt()
        for client in list(self.clients.values()):
            client.close()
        self._workers.shutdown(wait=False, cancel_futures=True)


__all__ = ["BUCKETS_S", "BusyError", "Counts", "Host", "Limits"]
