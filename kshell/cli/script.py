"""A script: -c, -f, stdin and `.read`, statement by statement, in one session.

1. count results where the mode holds one  2. for each statement: parse, run and show on the worker  3. at an error: say it, stop or go on

Invariant: where the output holds one result, a second is refused before anything runs; after an error with --on-error stop nothing
runs any more; the exit code is that of the first error."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from kshell import lang, output
from kshell.cli.streams import ReaderGone, Stdout, cannot_write
from kshell.errors import CancelledError, Error, InternalError, UsageError
from kshell.output._errors import Place, error_object, error_text
from kshell.query.kinds import shows_rows
from kshell.query.worker import Worker
from kshell.shell.context import Context, ExitAsked
from kshell.shell.journal import Journal, default_path
from kshell.shell.say import columns

if TYPE_CHECKING:
    from kshell.cli.flags import Flags
    from kshell.lang import Piece
    from kshell.lang.statements import Statement
    from kshell.query.result import Result
    from kshell.session.status import Status
    from kshell.shell.api import Session


@dataclass(frozen=True, slots=True)
class Input:
    text: str
    file: str | None = None                   # None: typed, -c


class Failed(Exception):
    def __init__(self, error: Error, place: Place) -> None:
        super().__init__(error.message)
        self.error, self.place = error, place


class Script:
    """Runs inputs. `code` is the exit code so far."""

    def __init__(self, session: Session, worker: Worker, flags: Flags, out: Stdout) -> None:
        self.code = 0
        self._worker, self._flags, self._out = worker, flags, out
        self._named = flags.mode is not None or flags.output is not None
        self._mode = mode_of_output(flags)
        self._results = 0
        self._at_new_result = False
        watched = cast("Session", _Watched(session, self._result_made))
        self.context = Context(session=watched, run_script=self._nested, out=out, terminal=out.isatty(), quiet=flags.quiet,
                               read_only=flags.read_only, on_rows=self._before_rows, journal=_journal(flags))
        settings = self.context.settings
        settings.mode, settings.headers, settings.nullvalue = flags.mode, flags.header, flags.nullvalue
        settings.limit, settings.bail = flags.limit, flags.on_error == "stop"

    # ---- all of it -------------------------------------------------------------------------------------------------

    def run(self, inputs: Sequence[Input]) -> None:
        """Every input in order. Raises what ends the run: CancelledError and DeadlineError, ReaderGone, ExitAsked."""
        self._refuse_second_result(inputs)
        for given in inputs:
            for number, piece in enumerate(lang.split(given.text), start=1):
                place = Place(given.text, piece.start, number, given.file, piece.text)
                if not self._attempt(lambda piece=piece, place=place: self._step(piece, place)):  # type: ignore[misc]
                    return

    def _attempt(self, job: Callable[[], None]) -> bool:
        """Whether to go on."""
        try:
            self._worker.run(job)
        except Failed as failed:
            self.say_error(failed.error, failed.place)
            self.code = self.code or failed.error.exit
            return not self.context.settings.bail
        return True

    def _refuse_second_result(self, inputs: Sequence[Input]) -> None:
        mode = self._mode
        if mode is None or not mode.one_result:
            return
        results = sum(1 for given in inputs for piece in lang.split(given.text) if piece.kind == "sql" and _shows_rows(piece.text))
        if results > 1:
            raise _second_result(mode.name)

    # ---- one statement, on the worker ------------------------------------------------------------------------------

    def _step(self, piece: Piece, place: Place) -> None:
        began = time.monotonic()
        if self.context.settings.echo:
            self.context.echo(piece.text)
        try:
            with self.context.logged(piece.text):
                self._run(piece, place, began)
        except CancelledError:
            raise                                 # the worker knows who asked for it
        except Error as error:
            raise Failed(error, place) from None
        except OSError as failed:
            raise Failed(cannot_write(failed), place) from None
        except (Failed, ExitAsked):
            raise
        except Exception as defect:  # noqa: BLE001  a defect of ours is an error line, never a traceback
            raise Failed(InternalError(f"{type(defect).__name__}: {defect}", hint="this is a defect of kshell"), place) from None

    def _run(self, piece: Piece, place: Place, began: float) -> None:
        if piece.kind == "dot":
            from kshell.shell import commands
            commands.run(self.context, *commands.split(piece.text.strip()))
            return
        found = self.context.session.execute(lang.parse(piece.text))
        self.context.show(found, piece.text, began)
        if self._flags.stats:
            rows = found.rows_read if found.kind == "rows" else found.rowcount
            self._say_stats(place, time.monotonic() - began, rows, self.context.session.about(piece.text))

    def _nested(self, text: str, file: str) -> None:
        """`.read`: the statements of a file, on the same thread; the first error ends it unless .bail is off."""
        for number, piece in enumerate(lang.split(text), start=1):
            self._worker.check()
            try:
                self._step(piece, Place(text, piece.start, number, file or None, piece.text))
            except Failed as failed:
                if self.context.settings.bail:
                    raise
                self.say_error(failed.error, failed.place)
                self.code = self.code or failed.error.exit

    # ---- rows ------------------------------------------------------------------------------------------------------

    def _result_made(self) -> None:
        """-o FILE is made when its first result is there: an error before leaves no file."""
        self._at_new_result = True
        if self._flags.output and self._results == 0 and self.context.destination is None:
            self.context.redirect(self._flags.output, once=False)

    def _before_rows(self) -> None:
        """Called before rows are written: between two csv results by default an empty line, in a named format of one result an error."""
        if not self._at_new_result:
            return
        self._at_new_result = False
        self._results += 1
        if self._results == 1 or self.context.destination is not None:
            return
        mode = output.find(self.context.mode())
        if self._named and mode.one_result:
            raise _second_result(mode.name)
        if mode.name == "csv":
            self._out.write(b"\n")

    # ---- words -----------------------------------------------------------------------------------------------------

    def say_error(self, error: Error, place: Place | None = None) -> None:
        as_json = self._mode is not None and self._mode.json
        sys.stderr.write(error_object(error, place) if as_json else error_text(error, place, columns=columns()))
        sys.stderr.flush()

    def _say_stats(self, place: Place, seconds: float, rows: int | None, read: Status) -> None:
        """What is not known, or is not one thing, is null."""
        snapshots = {sink.snapshot_id for sink in read.sinks if sink.snapshot_id is not None}
        told = {"statement": place.statement, "seconds": round(seconds, 6), "rows": rows, "live_rows": read.live_rows,
                "snapshot_id": snapshots.pop() if len(snapshots) == 1 else None, "freshness_seconds": read.newest_event_age_s}
        print(json.dumps(told), file=sys.stderr, flush=True)


class _Watched:
    """A session that tells of each result with rows, whoever asked for it: a statement, `.tables`, `.read`."""

    def __init__(self, session: Session, made: Callable[[], None]) -> None:
        self._session, self._made = session, made

    def execute(self, statement: Statement) -> Result:
        found = self._session.execute(statement)
        if found.kind == "rows":
            self._made()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def _journal(flags: Flags) -> Journal | None:
    return Journal(default_path(), tracebacks=True) if flags.log == "debug" else None


def mode_of_output(flags: Flags) -> output.Mode | None:
    """The mode all results share, None where each may have its own. UsageError for a mode that does not exist."""
    by_extension = output.for_path(flags.output) if flags.output else None
    if by_extension is not None:
        return by_extension
    return output.find(flags.mode or "csv") if flags.mode or flags.output else None


def _shows_rows(text: str) -> bool:
    try:
        return shows_rows(lang.parse(text))
    except Error:
        return False                              # said when its turn comes


def _second_result(mode: str) -> UsageError:
    return UsageError(f"{mode} holds one result", hint="use --ndjson, or .once FILE per statement")


__all__ = ["Failed", "Input", "ReaderGone", "Script"]
