"""Client: one connection of one server: its session, within the limits, in the audit log.

Invariant: a result that is cut says so with an error; a turn in DuckDB is held only while DuckDB works, never while a client reads."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from kshell.errors import Error, LimitError
from kshell.lang.tokens import tokens
from kshell.output._shape import OutColumn
from kshell.query.result import Result

if TYPE_CHECKING:
    from kshell.serve.host import Host
    from kshell.session.remote import Remote

AUDITED_CHARACTERS = 500
PIECE_BYTES = 4 << 20


class Client:
    """`secret_key` is what a request to cancel must know. `run` and the reading of its result: one thread at a time."""

    def __init__(self, host: Host, id_: int, user: str, address: str, remote: Remote) -> None:
        self.id, self.user, self.address, self.remote = id_, user, address, remote
        self.secret_key = secrets.randbits(31)
        self.since = time.time()
        self.statement: str | None = None         # what is running, with its literals removed
        self._host = host
        self._closing = threading.Lock()
        self._closed = False

    # ---- statements --------------------------------------------------------------------------------------------------

    def run(self, text: str, parameters: Sequence[Any] = (), *, timeout_s: float | None = None, max_rows: int | None = None,
            endless: bool = False) -> Result:
        """One statement that reads. `timeout_s` and `max_rows` can only lower the limits of the server. Above the rows or bytes of a
        result LimitError is raised while it is read."""
        limits = self._host.limits
        if len(text.encode("utf-8", "surrogatepass")) > limits.max_statement_bytes:
            raise LimitError(f"the statement is larger than {limits.max_statement_bytes} bytes", hint="send the values as parameters")
        began, shown = time.monotonic(), without_literals(text)
        self.statement = shown
        ended = _Once(lambda outcome: self._ended(shown, began, outcome))
        budget = self._budget(timeout_s)
        try:
            with self._host.running():
                result = self.remote.run(text, parameters, timeout_s=budget, endless=endless)
        except BaseException as raised:
            ended(raised.code if isinstance(raised, Error) else "internal")
            raise
        most_rows = min(limits.max_rows, limits.max_rows if max_rows is None else max_rows)
        bounded = self._unbounded(result, ended) if result.endless else self._bounded(result, most_rows, ended)

        def close() -> None:
            result.close()
            ended("ok")

        return Result(result.columns, bounded, kind=result.kind, note=result.note, rowcount=result.rowcount, plan=result.plan,
                      endless=result.endless, flow=result.flow, on_close=close)

    def _bounded(self, result: Result, most_rows: int, ended: Callable[[str], None]) -> Iterator[pa.RecordBatch]:
        rows = size = 0
        batches = result.batches()
        try:
            while True:
                with self._host.running(wait_s=None):
                    batch = next(batches, None)
                if batch is None:
                    return
                rows, size = rows + batch.num_rows, size + batch.nbytes
                if rows > most_rows or size > self._host.limits.max_bytes:
                    what = f"{most_rows} rows" if rows > most_rows else f"{self._host.limits.max_bytes} bytes"
                    raise LimitError(f"the result is larger than {what}", hint="aggregate, filter or add a LIMIT")
                yield from _pieces(batch)
        except Error as error:
            ended(error.code)
            raise

    def _unbounded(self, result: Result, ended: Callable[[str], None]) -> Iterator[pa.RecordBatch]:
        """TAIL: rows as they come, for as long as the client reads."""
        try:
            yield from result.batches()
        except Error as error:
            ended(error.code)
            raise

    def _ended(self, shown: str, began: float, outcome: str) -> None:
        self.statement = None
        self._host.ended(self, shown, began, outcome)

    def columns(self, text: str, parameters: Sequence[Any] = (), *, timeout_s: float | None = None) -> tuple[OutColumn, ...]:
        """As Remote.columns, within the time of a statement."""
        with self._host.running():
            return self.remote.columns(text, parameters, timeout_s=self._budget(timeout_s))

    def _budget(self, timeout_s: float | None) -> float:
        most = self._host.limits.statement_timeout_s
        return min(most, timeout_s or most)

    def begin(self) -> None:
        self.remote.begin()

    def end(self) -> bool:
        return self.remote.end()

    @property
    def closed(self) -> bool:
        return self._closed

    def tell(self, kind: str, text: str) -> None:
        """One line for whoever runs the process."""
        self._host.session.tell(kind, text)

    # ---- end ---------------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """End what is running, from any thread. Repeat it until that has ended."""
        self.remote.interrupt()

    def close(self) -> None:
        with self._closing:
            if self._closed:
                return
            self._closed = True
        self._host.left(self)
        self.remote.close()


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """What is written for a client at a time: of rows of 100 KB a whole batch would be in memory several times over."""
    most = max(1, batch.num_rows * PIECE_BYTES // max(1, batch.nbytes))
    for start in range(0, max(1, batch.num_rows), most):
        yield batch.slice(start, most)


class _Once:
    """The first outcome of a statement counts."""

    def __init__(self, call: Callable[[str], None]) -> None:
        self._call: Callable[[str], None] | None = call

    def __call__(self, outcome: str) -> None:
        call, self._call = self._call, None
        if call is not None:
            call(outcome)


def without_literals(text: str) -> str:
    """A statement as it may stand in a log: one line, values as `?`."""
    parts, at = [], 0
    for token in tokens(text[:AUDITED_CHARACTERS]):
        if token.kind in ("string", "number", "open"):
            parts += [text[at:token.start], "?"]
            at = token.end
    parts.append(text[at:AUDITED_CHARACTERS])
    return " ".join("".join(parts).split()) + (" ..." if len(text) > AUDITED_CHARACTERS else "")


__all__ = ["Client", "without_literals"]
