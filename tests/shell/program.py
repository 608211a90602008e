"""The shell over a fake session as a program of its own, for tests with a real terminal: `python -m tests.shell.program [what]`.

`pending`: rows wait for a commit. `busy`: with a source and a sink at work. `notes`: another thread has something to say after a second.
`dead`: the names never come, as with a broker that does not answer. `live`: TAIL has a row every tenth of a second, and something to say
after the third. `asks`: CALL kshell_serve puts a question while it runs."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count

import pyarrow as pa

from kshell.errors import CancelledError
from kshell.lang.statements import Serve, Statement, Tail
from kshell.query.result import Result
from kshell.session.status import Names, SinkStatus, SourceStatus, Status
from kshell.shell.background import Notes
from kshell.shell.repl import Repl
from tests.shell.fakes import FakeSession, waiting_rows


class DeadBroker(FakeSession):
    def names(self) -> Names:
        threading.Event().wait(30)
        return Names()


class Live(FakeSession):
    notes: Notes

    def execute(self, statement: Statement) -> Result:
        return Result.of_batches([("n", "BIGINT")], self._rows()) if isinstance(statement, Tail) else super().execute(statement)

    def _rows(self) -> Iterator[pa.RecordBatch]:
        for number in count():
            yield pa.RecordBatch.from_pydict({"n": [number]})
            if number == 2:
                self.notes.put("warning: s: 12 480 rows skipped")
            if self.interrupted.wait(0.1):
                raise CancelledError("interrupted")

    def interrupt(self) -> None:
        super().interrupt()
        self.interrupted.set()

    interrupted = threading.Event()


class Asks(FakeSession):
    """A statement that asks while it runs."""

    confirm: Callable[[str], bool]

    def execute(self, statement: Statement) -> Result:
        if isinstance(statement, Serve):
            return Result.of_note("served" if self.confirm("lock files?") else "nothing was done")
        return super().execute(statement)


def main(what: str) -> int:
    session = {"dead": DeadBroker, "live": Live, "asks": Asks}.get(what, FakeSession)()
    if what in ("pending", "busy"):
        session.waiting = [waiting_rows("orders_lake", 3201)]
    if what == "busy":
        session.state = Status.of([SourceStatus("orders", "running", 1234, 8400.0, 1200, 96_000_000, 41.0, 0, 0.8)],
                               [SinkStatus("orders_lake", "running", 12.0, 312_000, 4102, "orders", "orders", 4_000_000)])
        session.known = Names(clusters=("k",), topics={"k": ("orders", "web.clicks")}, sources=("orders",), sinks=("orders_lake",),
                              catalogs=("local",), tables={"orders": ("id", "country", "_kafka_offset")})
    notes = Notes(lambda line: print(line, file=sys.stderr, flush=True))
    if what == "notes":
        threading.Timer(1.0, notes.put, ["warning: k: reconnecting"]).start()
    if isinstance(session, Live):
        session.notes = notes
    repl = Repl(session, notes)
    if isinstance(session, Asks):
        session.confirm = repl.confirm
    code = repl.run()
    print(f"flushed {session.closed}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
