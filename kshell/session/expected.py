"""A cluster of the configuration: its name holds from the start, the connection is made beside everything else.

Invariant: one attempt at a time, on thread `kshell-connect`, ended by `close`. Only who needs the cluster waits for it, and gets the error
of the attempt; where nobody waits, `unheard` does. After a failed attempt the next need begins another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kshell.errors import Error, InternalError

if TYPE_CHECKING:
    from kshell.kafka.cluster import Cluster
    from kshell.session.secrets import Held

_LOOK_S = 0.05


class Expected:
    """`make` gives the cluster, connected to nothing; `reach` connects it and keeps it, or raises."""

    def __init__(self, address: str, uri: str, secret: Held | None, *, make: Callable[[], Cluster],
                 reach: Callable[[Expected, Cluster], None], unheard: Callable[[Error], None]) -> None:
        self.address, self.uri, self.secret = address, uri, secret
        self.options: Mapping[str, Any] = {"SECRET": secret.name} if secret else {}
        self._make, self._reach, self._unheard = make, reach, unheard
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._began: float | None = None              # of the latest attempt
        self._waiting = 0
        self._cluster: Cluster | None = None
        self._closed = False
        self.error: Error | None = None               # of the latest attempt that has ended

    @property
    def state(self) -> str:
        if self._began is None:
            return "not connected yet"
        return "not reached" if self.error is not None else "connecting"

    def begin(self) -> None:
        """See to it that an attempt is under way."""
        with self._lock:
            if self._closed or (self._began is not None and (self.error is None or not self._ended.is_set())):
                return
            self.error, self._began = None, time.monotonic()
            self._ended.clear()
        threading.Thread(target=self._attempt, name="kshell-connect", daemon=True).start()

    def wait(self, check: Callable[[], None]) -> None:
        """Return once the cluster is there; raise why it is not, or what `check` raises."""
        self._waiting += 1
        try:
            self.begin()
            while not self._ended.wait(_LOOK_S):
                check()
        finally:
            self._waiting -= 1
        if self.error is not None:
            raise self.error

    def hope(self, seconds: float) -> None:
        """Give the first attempt this long from its beginning; whether it comes to anything is not said."""
        if self._began is None:
            self.begin()
        if self._began is not None:
            self._ended.wait(max(0.0, self._began + seconds - time.monotonic()))

    def close(self) -> None:
        with self._lock:
            self._closed = True
            cluster = self._cluster
        if cluster is not None:
            cluster.close()

    def _attempt(self) -> None:
        failed = self._tried()
        if failed is not None and not self._waiting and not self._closed:
            self._unheard(failed)
        self.error = failed
        self._ended.set()

    def _tried(self) -> Error | None:
        try:
            self._cluster = self._make()
            self._reach(self, self._cluster)
        except Error as failed:
            return failed
        except Exception as defect:  # noqa: BLE001  it belongs to who waits
            return InternalError(f"{type(defect).__name__}: {defect}", hint="this is a defect of kshell, please report it")
        return None
