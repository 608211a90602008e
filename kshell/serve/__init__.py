"""Servers: how tools outside the process read what is in it: pgwire, HTTP, Quack.

Does: start, stop, list. Does not: know a protocol; each is a module here that is named after it.
Invariant: a server starts only behind the lock of the file system; one of each kind; what a server started ends with it."""

from __future__ import annotations

import importlib
import inspect
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from kshell.errors import ExistsError, NotFoundError, RefusedError, did_you_mean

if TYPE_CHECKING:
    from kshell.serve.access import Access
    from kshell.serve.host import Host, Limits
    from kshell.serve.loop import Loop
    from kshell.session import Session
    from kshell.session.metrics import Sample

KINDS = ("pgwire", "http", "quack")
EXTRA = ("scramp", "starlette", "uvicorn", "prometheus_client", "duckdb_extension_quack", "numpy")
START_S, STOP_S = 10.0, 5.0


class Running(Protocol):
    """A server that listens. `address`: as a client would write it."""

    address: str

    def stop(self, timeout_s: float) -> Awaitable[None] | None: ...


@dataclass(frozen=True, slots=True)
class Served:
    """One server, as SHOW SERVERS lists it."""

    kind: str
    address: str
    access: Access
    host: Host
    running: Running


class Servers:
    """Of one session. `audit` takes one line a statement of a client."""

    def __init__(self, session: Session, audit: Callable[[str], None] = lambda line: None) -> None:
        self._session, self._audit = session, audit
        self._lock = threading.Lock()
        self._served: dict[str, Served] = {}
        self._loop: Loop | None = None

    def start(self, kind: str, access: Access, limits: Limits) -> Served:
        """Listen. ExistsError when a server of this kind runs; RefusedError when the extra is missing or the address is taken."""
        with self._lock:
            if kind in self._served:
                raise ExistsError(f"{kind} is served already, on {self._served[kind].address}", hint=f"CALL kshell_stop('{kind}') first")
            served = self._start(kind, access, limits)
            self._served[kind] = served
            return served

    def _start(self, kind: str, access: Access, limits: Limits) -> Served:
        from kshell.serve.host import Host
        from kshell.serve.loop import Loop

        module = _module(kind)
        if self._loop is None:
            self._loop = Loop()
        host = Host(self._session, kind, access, limits, self._loop.loop, self._audit)
        try:
            begun = module.start(host)
            running: Running = self._loop.call(begun, START_S) if inspect.iscoroutine(begun) else begun
        except BaseException:
            host.close()
            self._end_idle_loop()
            raise
        return Served(kind, running.address, access, host, running)

    def stop(self, kind: str) -> Served:
        """No new client, then the end of those there are."""
        with self._lock:
            served = self._served.pop(kind, None)
            if served is None:
                raise NotFoundError(f"{kind} is not served", hint=did_you_mean(kind, self._served) or "SHOW SERVERS lists what is")
            self._stop(served)
            self._end_idle_loop()
            return served

    def _stop(self, served: Served) -> None:
        served.host.close()
        stopping = served.running.stop(STOP_S)
        if self._loop is not None and inspect.iscoroutine(stopping):
            self._loop.call(stopping, STOP_S + 1)

    def _end_idle_loop(self) -> None:
        if self._loop is not None and not self._served:
            self._loop.end()
            self._loop = None

    def served(self) -> list[Served]:
        return list(self._served.values())

    def samples(self) -> list[Sample]:
        """For `kshell.metrics`."""
        from kshell.serve.counted import samples

        return samples([served.host for served in self.served()])

    def close(self) -> None:
        with self._lock:
            for kind in list(self._served):
                self._stop(self._served.pop(kind))
            self._end_idle_loop()


def need(kind: str) -> None:
    """RefusedError where the extra is missing that this kind is made of."""
    _module(kind)


def _module(kind: str) -> Any:
    if kind not in KINDS:
        raise NotFoundError(f"there is no server {kind}", hint=did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}")
    try:
        return importlib.import_module(f"kshell.serve.{kind}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in EXTRA:
            raise
        raise RefusedError(f"serving {kind} needs {missing.name}", hint="pip install 'kshell[serve]'") from None


__all__ = ["KINDS", "Running", "Served", "Servers", "need"]
