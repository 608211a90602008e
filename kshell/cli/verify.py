"""`kshell verify SINK|catalog.namespace.table [-f FILE]`: the table against the topic, while nothing runs.

Exit codes: 0 clean, 1 a gap or a duplicate, 3 a broker or a catalog is not reachable.
Invariant: of the scripts only definitions are read (session/verify.py); nothing is written anywhere."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from kshell import lang
from kshell.cli.headless import CLOSE_S, failed_before, leave_at_once, open_session, read_script, set_variables
from kshell.cli.script import Script, mode_of_output
from kshell.cli.streams import ReaderGone, Stdout
from kshell.errors import CancelledError, Error, UsageError
from kshell.output._errors import Place
from kshell.places import config_folder
from kshell.query.result import Result
from kshell.query.worker import Worker
from kshell.session import proof

if TYPE_CHECKING:
    from kshell.cli.flags import Flags
    from kshell.cli.script import Input
    from kshell.session.verify import Definitions

WRONG = 1


def run(flags: Flags) -> int:
    worker = Worker(lambda: None, second=leave_at_once, deadline_s=flags.timeout_s)
    with worker.listening(signal.SIGINT, signal.SIGTERM):
        try:
            mode_of_output(flags)
            if any(kind == "c" for kind, _ in flags.inputs):
                raise UsageError("kshell verify runs no statement", hint="kshell verify NAME -f FILE reads the definitions of a script")
            scripts = [read_script(path) for path in _scripts(flags)]
            session = worker.run(lambda: open_session(flags))
        except Error as failed:
            return failed_before(failed, flags)
        script = Script(session, worker, flags, Stdout())
        worker.interrupts(script.context.interrupt)
        try:
            set_variables(session, worker, flags)
            return worker.run(lambda: _verified(script, session.definitions(), flags.arguments[0], scripts))
        except CancelledError:
            return 128 + signal.SIGINT
        except ReaderGone:
            return 0
        except _Said as said:
            script.say_error(said.error, said.place)
            return said.error.exit
        finally:
            script.context.close()
            session.close(flush=False, timeout_s=CLOSE_S)


def _scripts(flags: Flags) -> list[str]:
    """The init script and -f; without either the init script of the prompt, where there is one."""
    usual = config_folder() / "init.sql"
    given = ([flags.init] if flags.init and not flags.no_init else []) + [value for _, value in flags.inputs]
    return given or ([str(usual)] if usual.exists() and not flags.no_init else [])


class _Said(Exception):
    """An error with the place it belongs to."""

    def __init__(self, error: Error, place: Place | None) -> None:
        super().__init__(error.message)
        self.error, self.place = error, place


def _verified(script: Script, definitions: Definitions, name: str, scripts: list[Input]) -> int:
    began = time.monotonic()
    for given in scripts:
        _read(definitions, given)
    try:
        proofs = definitions.prove(name)
    except CancelledError:
        raise
    except Error as failed:
        raise _Said(failed, None) from None
    script.context.show(Result.of_rows(proof.COLUMNS, [p.row() for p in proofs]), f"verify {name}", began)
    for line in _warnings(proofs):
        script.context.warn(line)
    return WRONG if any(p.failed for p in proofs) else 0


def _read(definitions: Definitions, given: Input) -> None:
    for number, piece in enumerate(lang.split(given.text), start=1):
        if piece.kind == "sql":
            try:
                definitions.read(lang.parse(piece.text))
            except Error as failed:
                raise _Said(failed, Place(given.text, piece.start, number, given.file, piece.text)) from None


def _warnings(proofs: list[proof.Proof]) -> list[str]:
    """What the exit code does not say."""
    lines = []
    for found in proofs:
        at, compared = f"{found.check.topic}[{found.check.partition}]", found.compared
        if str(found.check.result) == "unverified":
            lines.append(f"{at}: unverified: {_doubt(found)}")
        if compared.hi < found.check.next_offset:
            last = found.check.next_offset - 1
            lines.append(f"{at}: offsets {compared.hi} to {last} are not in Kafka: its log is shorter than the table")
    return lines


def _doubt(found: proof.Proof) -> str:
    if found.compared.extra:
        return f"{found.compared.extra} offsets of the table are not in Kafka (a compacted topic, or rows of another writer)"
    if found.check.missing:
        return f"{found.check.missing} records have no row; ON_ERROR skip, or the query of the sink, may have left them out"
    return "the commits do not say how many rows there must be"


__all__ = ["run"]
