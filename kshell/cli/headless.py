"""A run without a prompt: inputs read, session opened, script run, session closed, exit code.

1. read the inputs  2. open the session  3. variables, init file  4. the script  5. `run` and `serve`: stay alive  6. close: flush, say
what is not committed

Invariant: the session is closed on every path; the first signal ends the work and still closes cleanly, the second ends the process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from kshell.cli.flags import STAYS
from kshell.cli.notify import ready
from kshell.cli.script import Input, Script, mode_of_output
from kshell.cli.serve import HangUp, start, wanted
from kshell.cli.streams import ReaderGone, Stdout
from kshell.errors import CancelledError, Error, NotFoundError, UsageError
from kshell.output._errors import error_text
from kshell.query.worker import Worker
from kshell.shell.context import ExitAsked

if TYPE_CHECKING:
    from kshell.cli.flags import Flags
    from kshell.options import Parsed
    from kshell.session import Session

CLOSE_S = 10.0                                    # for the last flush
EXIT_S = 15.0                                     # for everything after the last statement


def run(flags: Flags) -> int:
    worker = Worker(lambda: None, second=leave_at_once, deadline_s=flags.timeout_s)
    out = Stdout()
    with worker.listening(signal.SIGINT, signal.SIGTERM):
        try:
            mode_of_output(flags)
            servers = wanted(flags)
            inputs = read_inputs(flags)
            session = worker.run(lambda: open_session(flags))
        except Error as failed:
            return failed_before(failed, flags)
        script = Script(session, worker, flags, out)
        worker.interrupts(script.context.interrupt)
        hang_up = HangUp(session)
        with hang_up.listening():
            code = _guarded(script, session, worker, flags, inputs, servers, hang_up)
            return _close(session, script, flags, code)


def _guarded(script: Script, session: Session, worker: Worker, flags: Flags, inputs: list[Input],
             servers: list[tuple[str, Parsed]], hang_up: HangUp) -> int:
    """The exit code of the work."""
    try:
        prepare(script, session, worker, flags)
        script.run(inputs)
        if flags.command == "serve" and script.code == 0:
            worker.run(lambda: start(session, flags, servers))
        if flags.command in STAYS and script.code == 0:
            return _stay(session, worker, flags, hang_up)
    except CancelledError as cancelled:
        if worker.stopped_by != signal.SIGTERM:
            script.say_error(cancelled)
        return _code_of_stop(worker, flags)
    except Error as failed:
        script.say_error(failed)
        return script.code or failed.exit
    except ReaderGone:
        return 0
    except ExitAsked as asked:
        return script.code if asked.code is None else asked.code
    return script.code


def _stay(session: Session, worker: Worker, flags: Flags, hang_up: HangUp) -> int:
    """Until a signal, or the failure of a source or a sink."""
    def look() -> Error | None:
        hang_up.read_certificates()
        return session.failure()

    ready()
    worker.wait_for_signal(look)
    return _code_of_stop(worker, flags)


def _code_of_stop(worker: Worker, flags: Flags) -> int:
    """SIGTERM is how a worker is stopped; a script it cuts short has not done its work."""
    if worker.stopped_by == signal.SIGTERM:
        return 0 if flags.command in STAYS else 128 + signal.SIGTERM
    return 128 + signal.SIGINT


def _close(session: Session, script: Script, flags: Flags, code: int) -> int:
    limit = threading.Timer(EXIT_S, _give_up, [code])
    limit.daemon = True
    limit.start()
    try:
        script.context.close()
        for line in session.close(flush=flags.flush, timeout_s=CLOSE_S):
            script.context.note(line)
    except Error as failed:
        script.say_error(failed)
        return code or failed.exit
    except ReaderGone:
        return code
    finally:
        limit.cancel()
    return code


def _give_up(code: int) -> None:
    """A broker or a catalog that hangs does not hold the process: what is not committed is still in Kafka."""
    sys.stderr.write(f"error: closing took longer than {EXIT_S:g} s; rows that are not committed stay in Kafka\n")
    sys.stderr.flush()
    os._exit(code or 4)


# ---- the parts -----------------------------------------------------------------------------------------------------

def read_inputs(flags: Flags) -> list[Input]:
    """The texts of -c and -f, or of stdin; every file is read before anything runs."""
    given = flags.inputs or (() if flags.command == "serve" else (("f", "-"),))
    return [Input(value) if kind == "c" else read_script(value) for kind, value in given]


def read_script(path: str) -> Input:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return Input(data.decode("utf-8-sig"), "<stdin>" if path == "-" else path)
    except OSError as failed:
        raise NotFoundError(f"{path}: {failed.strerror}", hint="-f FILE reads a script, -c SQL a statement") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text", hint=f"iconv -t utf-8 {path}") from None


def open_session(flags: Flags) -> Session:
    """Its brokers are connected by the first statement that uses them."""
    from kshell.output import printable
    from kshell.serve.offered import offer
    from kshell.session import Session

    def say(kind: str, text: str) -> None:
        wanted = flags.log in ("info", "debug") if kind in ("commit", "info") else kind != "note" or not flags.quiet
        if wanted:
            print(f"{kind}: {printable(text)}", file=sys.stderr, flush=True)

    session = Session(config=flags.settings, connect=False, read_only=False, interactive=False, notes=say)
    session.ask = ask
    offer(session)
    return session


def ask(question: str) -> str:
    """Typed at the terminal without echo; nothing where there is none."""
    if sys.stdin is None or not sys.stdin.isatty():
        return ""
    from getpass import getpass
    try:
        return getpass(question)
    except EOFError:
        return ""


def prepare(script: Script, session: Session, worker: Worker, flags: Flags) -> None:
    """Variables and the init file; the gate of --read-only closes behind them."""
    set_variables(session, worker, flags)
    if flags.init and not flags.no_init:
        script.run([read_script(flags.init)])
    if flags.read_only:
        session.read_only = True


def set_variables(session: Session, worker: Worker, flags: Flags) -> None:
    for name, value in flags.variables:
        worker.run(lambda name=name, value=value: session.set_variable(name, value))  # type: ignore[misc]


def failed_before(failed: Error, flags: Flags) -> int:
    """Nothing has run: the session could not be opened, or an input not be read."""
    from kshell.output._errors import error_object
    sys.stderr.write(error_object(failed) if flags.mode in ("json", "ndjson", "jsonlines") else error_text(failed))
    return failed.exit


def leave_at_once() -> None:
    """The second signal: nothing is flushed, the records stay in Kafka."""
    os._exit(130)
