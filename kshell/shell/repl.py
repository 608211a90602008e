"""The loop: read a text, run its statements, show what they give, until the user leaves.

Invariant: no statement's error ends the loop; one ends the rest of the text it stood in. While a statement runs no prompt is open."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path

import kshell
from kshell import lang
from kshell.errors import CancelledError, Error, InternalError
from kshell.lang import Piece
from kshell.lang.statements import DotCommand, Statement
from kshell.output import Stream
from kshell.output._errors import Place, error_text
from kshell.shell import commands, confirm, leave
from kshell.shell.api import Session
from kshell.shell.background import Notes
from kshell.shell.completer import NameCache
from kshell.shell.context import Context, ExitAsked
from kshell.shell.editor import Editor
from kshell.shell.foreground import Foreground, Leave
from kshell.shell.history import History, default_path
from kshell.shell.journal import Journal
from kshell.shell.progress import Progress
from kshell.shell.say import columns, say
from kshell.shell.settings import Settings
from kshell.shell.toolbar import Toolbar
from kshell.shell.transaction import OpenTransaction

INTERRUPTED = 130
_YES = ("y", "yes")


@dataclass(frozen=True, slots=True)
class Choices:
    """What the configuration decides. `init` is a script that runs before the first prompt: its text and its name."""

    editing_mode: str = "emacs"
    pager: str | None = None
    read_only: bool = False
    flush_on_exit: bool = True
    init: tuple[str, str] | None = None
    history: Path | None = None               # None: the default place
    quiet: bool = False
    journal: Journal | None = None            # --log debug


class Repl:
    def __init__(self, session: Session, notes: Notes, *, settings: Settings | None = None, choices: Choices | None = None,
                 out: Stream | None = None, terminal: bool = True) -> None:
        self._session, self._notes = session, notes
        self._choices = choices or Choices()
        settings = settings or Settings()
        settings.read_only = self._choices.read_only
        history = History(self._choices.history or default_path())
        self._cache = NameCache(session.names)
        self._editor = Editor(settings, history, self._cache, Toolbar(session.status), notes, editing_mode=self._choices.editing_mode,
                              last=lambda: self._context.last_columns())
        self._progress = Progress(sys.stderr, _fraction(session), lambda: settings.progress_bar and sys.stderr.isatty())
        notes.aside = self._progress.aside
        self._transaction = OpenTransaction(session.status, notes.put)
        self._foreground = Foreground(lambda: self._context.interrupt(), self._leaves, self._progress.tick)
        self._context = Context(
            session, self._script, settings, out or sys.stdout.buffer, say, terminal=terminal, interactive=True, quiet=self._choices.quiet,
            read_only=self._choices.read_only, pager_setting=self._choices.pager, history=history, lend=self._foreground.terminal_lent,
            on_rows=self._before_rows, in_front=self._in_front, journal=self._choices.journal)

    def run(self) -> int:
        """The exit code. The session is closed when it returns."""
        self._cache.start()
        try:
            code = self._whole()
            self._cache.stop()                # it asks the session, which ends next
            return self._farewell(code)
        except Leave as out:
            self._session.close(False, 0.0)
            return out.code
        finally:
            self._cache.stop()
            self._transaction.close()
            self._context.close()

    def _whole(self) -> int:
        """From the init script to the wish to leave."""
        try:
            if self._choices.init is not None:
                self._guarded(*self._choices.init)
            if self._choices.read_only:
                self._session.read_only = True    # the gate closes behind the init file
            if not self._choices.quiet:
                say(f"kshell {kshell.__version__} · .help lists the commands, Ctrl-D leaves")
            self._loop()
        except ExitAsked as asked:
            return asked.code or 0
        return 0

    def no_echo(self, question: str) -> str:
        """An answer that is typed unseen, while a statement runs: it has the terminal until Enter."""
        self._progress.stop()
        with self._foreground.terminal_lent():
            try:
                return getpass(question)
            except EOFError:
                return ""

    def confirm(self, question: str) -> bool:
        """What a statement asks while it runs."""
        self._progress.stop()
        with self._foreground.terminal_lent():
            try:
                return input(f"{question} (y/N) ").strip().lower() in _YES
            except EOFError:
                return False

    def _loop(self) -> None:
        while True:
            try:
                text = self._editor.read()
            except KeyboardInterrupt:
                say("note: Ctrl-D leaves")
            except EOFError:
                return
            else:
                self._guarded(text, "")

    def _farewell(self, code: int) -> int:
        try:
            flush = self._choices.flush_on_exit and leave.wants_flush(self._session, self._editor.ask)
        except KeyboardInterrupt:
            flush = False                     # in a hurry: the rows stay in Kafka
        self._progress.start()
        try:
            self._foreground.run(lambda: leave.close(self._session, flush=flush, say=say))
        except Error as e:
            say(error_text(e).rstrip("\n"))
            return e.exit
        finally:
            self._progress.stop()
        return code

    # ---- one text --------------------------------------------------------------------------------------------------

    def _guarded(self, text: str, file: str) -> None:
        """Run a text; what goes wrong is reported and over."""
        try:
            self._script(text, file)
        except CancelledError:
            say("interrupted")
        except Reported:
            pass
        finally:
            self._cache.refresh()

    def _script(self, text: str, file: str) -> None:
        """Every statement of a text, up to the first that fails."""
        for number, piece in enumerate(lang.split(text), start=1):
            if file and self._context.settings.echo:
                self._context.echo(piece.text)
            try:
                with self._context.logged(piece.text):
                    self._run(piece)
            except CancelledError:
                raise
            except Error as e:
                say(error_text(e, Place(text, piece.start, number, file or None, piece.text), columns=columns()).rstrip("\n"))
                if not file or self._context.settings.bail:
                    raise Reported from None

    def _run(self, piece: Piece) -> None:
        if piece.kind == "dot":
            self._dot(piece.text.strip())
            return
        statement = lang.parse(piece.text)
        question = confirm.question(statement)
        if question is not None and not self._yes(f"{question} (y/N) "):
            self._context.note("nothing was done")
            return
        self._execute(statement)

    def _execute(self, statement: Statement) -> None:
        self._in_front(lambda: self._shown(statement))
        self._transaction.ran(statement.text)

    def _in_front(self, work: Callable[[], None]) -> None:
        self._progress.start()
        self._context.cancelled.clear()
        self._context.live = False
        try:
            self._foreground.run(work)
        finally:
            self._progress.stop()
            self._notes.release()

    def _before_rows(self) -> None:
        """From the first row on the screen belongs to the result, until the statement ends; between rows that arrive there is room."""
        self._progress.stop()
        if not self._context.live:
            self._notes.hold()

    def _shown(self, statement: Statement) -> None:
        try:
            self._context.run(statement)
        except (Error, ExitAsked, Reported):
            raise
        except Exception as e:                # a defect must not take the shell down with it
            raise InternalError(f"{type(e).__name__}: {e}", hint="this is a defect of kshell, please report it") from e

    def _dot(self, line: str) -> None:
        name, arguments = commands.split(line)
        command, before = commands.resolve(name)
        statement = DotCommand(text=line, name=command, arguments=f"{before} {arguments}".strip())
        if commands.runs_scripts(command):
            self._context.run(statement)      # each statement in it comes back here and gets its own turn
        else:
            self._execute(statement)

    def _yes(self, question: str) -> bool:
        try:
            return self._leaves(question)
        except KeyboardInterrupt:
            return False

    def _leaves(self, question: str) -> bool:
        return self._editor.ask(question).strip().lower() in _YES


class Reported(Exception):
    """The error has been shown; the rest of the text does not run."""


def _fraction(session: Session) -> Callable[[], float | None]:
    """The session's own measure of the running statement, where it has one."""
    measure = getattr(session, "progress", None)
    return measure if callable(measure) else lambda: None
