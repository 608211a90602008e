"""The shell over a fake session as a program of its own, for tests with a real terminal: `python -m tests.shell.program [what]`.

`pending`: rows wait for a commit. `busy`: with a source and a sink at work. `notes`: another thread has something to say after a second.
`dead`: the names never come, as with a broker that does not answer."""

from __future__ import annotations

import sys
import threading

from kshell.session.status import Names, SinkStatus, SourceStatus, Status
from kshell.shell.background import Notes
from kshell.shell.repl import Repl
from tests.shell.fakes import FakeSession, waiting_rows


class DeadBroker(FakeSession):
    def names(self) -> Names:
        threading.Event().wait(30)
        return Names()


def main(what: str) -> int:
    session = DeadBroker() if what == "dead" else FakeSession()
    if what in ("pending", "busy"):
        session.waiting = [waiting_rows("orders_lake", 3201)]
    if what == "busy":
        session.state = Status((SourceStatus("orders", "running", 1234, 8400.0, 312_000, 96_000_000, 41.0, 0),),
                               (SinkStatus("orders_lake", "running", 12.0, 312_000, 4102),), 1200, 4_000_000, 0.8)
        session.known = Names(clusters=("k",), topics={"k": ("orders", "web.clicks")}, sources=("orders",), sinks=("orders_lake",),
                              catalogs=("local",), tables={"orders": ("id", "country", "_kafka_offset")})
    notes = Notes(lambda line: print(line, file=sys.stderr, flush=True))
    if what == "notes":
        threading.Timer(1.0, notes.put, ["warning: k: reconnecting"]).start()
    code = Repl(session, notes).run()
    print(f"flushed {session.closed}", flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
