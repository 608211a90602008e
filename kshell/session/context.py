"""What the statements of a session share: the engine, its settings, how to look values up, how to tell the user.

Invariant: values from the environment are read when a statement runs, once, and never shown again."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from kshell.columns import quote
from kshell.engine import Engine
from kshell.errors import BadValueError, RefusedError
from kshell.options import Lookup, Secret, redact
from kshell.options.private import secret_file
from kshell.session.cancel import Canceller
from kshell.session.settings import Settings

COMMAND_S = 10.0                              # a command that gives a secret answers in this time
Notes = Callable[[str, str], None]            # kind ("note", "warning", "commit", "info") and one line


class Context:
    def __init__(self, engine: Engine, cursor: duckdb.DuckDBPyConnection, notes: Notes, data_dir: Path) -> None:
        self.engine = engine
        self.cursor = cursor                  # the session's own: its variables, its time zone
        self.data_dir = data_dir
        self.settings = Settings.default()
        self.cancel = Canceller()
        self.steady = threading.RLock()       # held while an interrupt would leave the cursor in a transaction that nobody began
        self._notes = notes
        self._said: set[str] = set()
        self.ask: Callable[[str], str] = lambda question: ""     # at a terminal: the answer, typed without echo
        self.confirm: Callable[[str], bool] = lambda question: True     # at a terminal: what the user says; a script is not asked
        self.schema_registry: str | None = None                  # of the configuration, for clusters that name none
        self.allow_commands = False           # whether a secret may be what a command prints

    def for_client(self, cursor: duckdb.DuckDBPyConnection) -> Context:
        """The same engine, look-ups and settings for somebody else's statements, who hears no notes and is asked nothing."""
        made = Context(self.engine, cursor, lambda kind, text: None, self.data_dir)
        made.settings, made.schema_registry = self.settings, self.schema_registry
        return made

    def note(self, text: str) -> None:
        self.tell("note", text)

    def warn(self, text: str) -> None:
        self.tell("warning", text)

    def tell(self, kind: str, text: str) -> None:
        """Whatever is said passes the redactor."""
        self._notes(kind, redact(text))

    def announce(self, text: str) -> None:
        """A note for whoever has typed the statement, with a secret that was made for him."""
        self._notes("note", text)

    def once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.note(text)

    def zone(self) -> str:
        found = self.cursor.execute("SELECT current_setting('TimeZone')").fetchone()
        return str(found[0]) if found else "UTC"

    def in_transaction(self) -> bool:
        """Whether the user's BEGIN is open on the session's cursor."""
        with self.steady:
            try:
                self.cursor.execute("BEGIN")
            except duckdb.TransactionException:
                return True
            self.cursor.execute("ROLLBACK")
            return False

    def resolve(self, lookup: Lookup) -> Any:
        """The value of getenv('X'), getvariable('x'), FILE '...', COMMAND '...'."""
        match lookup.kind:
            case "getenv":
                if lookup.name not in os.environ:
                    raise BadValueError(f"the environment has no variable {lookup.name}",
                                        hint=f"export {lookup.name}=... before kshell starts")
                return os.environ[lookup.name]
            case "getvariable":
                found = self.cursor.execute("SELECT getvariable(?)", [lookup.name]).fetchone()
                if found is None or found[0] is None:
                    raise BadValueError(f"the variable {lookup.name} is not set", hint=f"SET VARIABLE {quote(lookup.name)} = ...")
                return found[0]
            case "file":
                return secret_file(Path(lookup.name).expanduser())
            case "command":
                return self._printed_by(lookup.name)
            case _:
                raise RefusedError(f"SECRET {lookup.name} is no value", hint="use getenv('NAME')")

    def _printed_by(self, command: str) -> Secret:
        if not self.allow_commands:
            raise RefusedError("COMMAND values are switched off", hint="allow_commands = true in config.toml allows them")
        import shlex
        import subprocess

        try:
            done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=COMMAND_S, check=True,
                                  stdin=subprocess.DEVNULL)
        except (OSError, ValueError, subprocess.SubprocessError) as failed:
            raise RefusedError(f"the command of a secret failed: {type(failed).__name__}", hint="run it by hand") from None
        return Secret(done.stdout.strip())

