"""What a dot command may touch: the session, the settings, where rows and words go. Built by the prompt and by scripts alike.

Invariant: rows reach `out` only; notes, warnings and errors reach `say` only. Needs no terminal and loads no terminal library."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from kshell import lang, output
from kshell.errors import CancelledError, NotFoundError
from kshell.lang.statements import DotCommand, Statement
from kshell.output import Stream, printable
from kshell.output._width import width
from kshell.query.result import Result
from kshell.session.status import Status
from kshell.shell import footer, pager, render
from kshell.shell.api import Session
from kshell.shell.destination import Destination
from kshell.shell.figures import elapsed, plural
from kshell.shell.history import History
from kshell.shell.journal import Journal
from kshell.shell.keep import Kept
from kshell.shell.settings import Settings
from kshell.shell.tokens import tokens

_RULES = 7                                        # what the lines of a box with two columns take of the screen


class ExitAsked(Exception):
    """`.exit` was typed; `code` None: the code of the run so far."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@dataclass(slots=True)
class Context:
    """`run_script(text, file)` runs a whole script, `file` '' for text that was typed."""

    session: Session
    run_script: Callable[[str, str], None]
    settings: Settings = field(default_factory=Settings)
    out: Stream = field(default_factory=lambda: sys.stdout.buffer)
    say: Callable[[str], None] = _to_stderr       # one line: `note: ...`
    terminal: bool = False                        # `out` is a terminal
    interactive: bool = False                     # somebody types
    quiet: bool = False                           # notes are left out, errors are not
    read_only: bool = False
    pager_setting: str | None = None              # from the configuration file
    history: History | None = None
    destination: Destination | None = None        # None: `out`
    last: Kept | None = None
    last_query: str = ""
    journal: Journal | None = None                # .log
    lend: Callable[[], AbstractContextManager[None]] = nullcontext
    on_rows: Callable[[], None] = lambda: None    # called before rows or notes are written
    in_front: Callable[[Callable[[], None]], None] = lambda work: work()   # carries out work that Ctrl-C must be able to end
    live: bool = False                            # the rows being shown arrive for as long as nobody stops
    cancelled: threading.Event = field(default_factory=threading.Event)

    # ---- words -----------------------------------------------------------------------------------------------------

    def note(self, text: str) -> None:
        if not self.quiet:
            self.flush()
            self.say(f"note: {printable(text)}")

    def warn(self, text: str) -> None:
        self.flush()
        self.say(f"warning: {printable(text)}")

    def footer(self, text: str) -> None:
        self.flush()
        self.say(printable(text))

    def echo(self, text: str) -> None:
        self.say(f"{self.settings.prompt}{text}")

    def print(self, text: str) -> None:
        """Lines among the rows; control characters made visible."""
        self.on_rows()
        safe = "\n".join(printable(line) for line in text.split("\n"))
        self.stream.write(safe.encode("utf-8", "backslashreplace") + b"\n")
        self.stream.flush()

    def page(self, text: str) -> None:
        """Lines that may be more than the screen holds."""
        safe = "\n".join(printable(line) for line in text.split("\n")) + "\n"
        self.on_rows()
        with render.stream(self, paged=self.terminal) as stream:
            stream.write(safe.encode("utf-8", "backslashreplace"))
            stream.flush()

    def flush(self) -> None:
        self.out.flush()

    # ---- where rows go ---------------------------------------------------------------------------------------------

    @property
    def stream(self) -> Stream:
        return self.destination.stream if self.destination is not None else self.out

    def default_mode(self) -> str:
        return "table" if self.terminal else "csv"

    def mode(self) -> str:
        return self.settings.mode or self.default_mode()

    def pager(self) -> list[str] | None:
        """The pager's command line where results may go through it."""
        if not (self.interactive and self.terminal and self.settings.pager):
            return None
        return pager.command(os.environ, self.pager_setting)

    def redirect(self, target: str, *, once: bool) -> None:
        """Close where rows went; '' returns to standard output."""
        before, self.destination = self.destination, None
        if before is not None:
            before.close()
        if target:
            self.destination = Destination(target, self.settings.mode, once=once)

    def before_rows(self) -> None:
        self.on_rows()

    @contextmanager
    def terminal_lent(self) -> Iterator[None]:
        """While another program has the terminal."""
        self.flush()
        self.on_rows()
        with self.lend():
            yield

    # ---- run -------------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """End what runs: a statement, or the pause between two of `.watch`. From any thread."""
        self.cancelled.set()
        self.session.interrupt()

    def pause(self, seconds: float) -> None:
        """Wait, unless Ctrl-C ends it."""
        if self.cancelled.wait(seconds):
            raise CancelledError("interrupted")

    @contextmanager
    def logged(self, text: str) -> Iterator[None]:
        """Around one statement: the log, where there is one, tells how it ended."""
        journal, began = self.journal, time.monotonic()
        try:
            yield
        except BaseException as failed:
            if journal is not None:
                journal.ran(text, time.monotonic() - began, None if isinstance(failed, ExitAsked) else failed)
            raise
        if journal is not None:
            journal.ran(text, time.monotonic() - began)

    def run_text(self, text: str, name: str) -> None:
        self.run_script(text, name)

    def run(self, statement: Statement) -> None:
        """Carry out one statement and show what it gives."""
        if isinstance(statement, DotCommand):
            from kshell.shell import commands
            commands.run(self, statement.name, statement.arguments)
            return
        began = time.monotonic()
        found = self.session.execute(statement)
        self.show(found, statement.text, began)

    def show(self, found: Result, text: str, began: float) -> None:
        if found.kind != "rows":
            self._words(found, began)
            return
        self.last_query = text
        self.live = is_live(text)
        scripts = self._holds_scripts(text)
        shown = render.result(self, found, live=self.live, fits=scripts)
        if scripts:
            self._scripts()
        seconds = (shown.ended or time.monotonic()) - began
        if self.interactive and not self.quiet:
            self.footer(footer.line(None if shown.counted else shown.rows, seconds, self.session.about(text), folded=shown.folded))
        elif self.settings.timer:
            self.footer(footer.line(shown.rows, seconds, Status()))

    def _holds_scripts(self, text: str) -> bool:
        """Whether the answer holds statements that somebody at the screen will want to copy."""
        words = [t.text.upper() for t in tokens(text)[:2]]
        return (words in (["SHOW", "CREATE"], ["DESCRIBE", "TOPIC"], ["DESC", "TOPIC"]) and self.interactive and self.terminal
                and self.settings.mode is None and self.destination is None)

    def _scripts(self) -> None:
        """A box cuts a long statement and shows its line breaks as \\n; below it the statement stands as it can be run."""
        if self.last is None or not self.last.whole:
            return
        pairs = [(name, value) for batch in self.last.batches
                 for name, value in zip(batch.columns[0].to_pylist(), batch.columns[-1].to_pylist(), strict=True) if value is not None]
        room = shutil.get_terminal_size().columns - _RULES - max((width(name) for name, _ in pairs), default=0)
        for _, value in pairs:
            if "\n" in value or (value.endswith(";") and width(value) > room):
                self.print(value)

    def _words(self, found: Result, began: float) -> None:
        found.close()
        self.on_rows()
        if found.note:
            for line in found.note.split("\n"):
                self.note(line)
        elif found.rowcount is not None and self.interactive and not self.quiet:
            self.footer(f"{plural(found.rowcount, 'row')} changed in {elapsed(time.monotonic() - began)}")
        elif self.settings.timer:
            self.footer(elapsed(time.monotonic() - began))

    def query(self, text: str) -> None:
        """Run text that a dot command stands for, and show it."""
        self.run(lang.parse(text))

    def quietly(self, text: str) -> None:
        self.session.execute(lang.parse(text)).close()

    def rows(self, text: str) -> list[dict[str, Any]]:
        """A small result as dictionaries, for commands that arrange it themselves."""
        with self.session.execute(lang.parse(text)) as found:
            names = [c.name for c in found.columns]
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def show_last(self, how: str) -> None:
        if self.last is None:
            raise NotFoundError("there is no result yet", hint="run a query first")
        mode = None if how in ("", "all") else output.find(how).name
        render.rows(self, self.last.columns, self.last.again(), plan=self.last.plan, mode=mode, everything=how == "all")

    def last_columns(self) -> tuple[str, ...]:
        return tuple(c.name for c in self.last.columns) if self.last is not None else ()

    def leave(self, code: int | None) -> None:
        raise ExitAsked(code)

    def close(self) -> None:
        self.redirect("", once=False)


def is_live(text: str) -> bool:
    """Whether the statement gives rows until somebody ends it."""
    words = [t.text.upper() for t in tokens(text) if t.kind == "word"]
    return words[:1] in (["TAIL"], ["PRINT"], ["SUBSCRIBE"]) or words[-2:] == ["EMIT", "CHANGES"] or words[-3:-1] == ["EMIT", "CHANGES"]
