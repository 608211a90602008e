"""`kshell doctor [--write] [-f FILE]`: one line per check, with the repair in words.

Exit codes: 0 fine, 1 a check failed, 3 only connections failed.
Invariant: each line is printed when its check ends, so a slow one hides nothing that came before."""

from __future__ import annotations

import json
import signal
from dataclasses import asdict
from typing import TYPE_CHECKING

from kshell import lang
from kshell.cli.headless import failed_before, leave_at_once, open_session, read_script
from kshell.cli.streams import ReaderGone, Stdout
from kshell.errors import CancelledError, Error
from kshell.query.worker import Worker

if TYPE_CHECKING:
    from kshell.cli.flags import Flags
    from kshell.session import Session

FAILED, UNREACHABLE = 1, 3


def run(flags: Flags) -> int:
    worker = Worker(lambda: None, second=leave_at_once, deadline_s=flags.timeout_s)
    with worker.listening(signal.SIGINT, signal.SIGTERM):
        try:
            session = worker.run(lambda: open_session(flags))
        except Error as failed:
            return failed_before(failed, flags)
        worker.interrupts(session.interrupt)
        try:
            return worker.run(lambda: _examined(session, flags))
        except CancelledError:
            return 128 + signal.SIGINT
        except Error as failed:
            return failed_before(failed, flags)
        except ReaderGone:
            return 0
        finally:
            session.close(flush=False, timeout_s=2.0)


def _examined(session: Session, flags: Flags) -> int:
    definitions = session.definitions()
    for path in [*([flags.init] if flags.init else []), *(value for kind, value in flags.inputs if kind == "f")]:
        for piece in lang.split(read_script(path).text):
            if piece.kind == "sql":
                definitions.read(lang.parse(piece.text))
    out, states = Stdout(), set()
    for check in session.doctor(definitions.attaches(), write=flags.write).checks():
        states.add(check.state)
        out.write((check.line() + "\n" if flags.mode not in ("json", "ndjson") else json.dumps(asdict(check)) + "\n").encode())
    return FAILED if "failed" in states else UNREACHABLE if "unreachable" in states else 0


__all__ = ["run"]
