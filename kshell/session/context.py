"""What the statements of a session share: the engine, its settings, how to look values up, how to tell the user.

Invariant: values from the environment are read when a statement runs, once, and never shown again."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from kshell.columns import quote
from kshell.engine import Engine
from kshell.errors import BadValueError, RefusedError
from kshell.options import Lookup
from kshell.session.cancel import Canceller
from kshell.session.settings import Settings

Notes = Callable[[str, str], None]            # kind ("note", "warning", "commit") and one line


class Context:
    def __init__(self, engine: Engine, cursor: duckdb.DuckDBPyConnection, notes: Notes, data_dir: Path) -> None:
        self.engine = engine
        self.cursor = cursor                  # the session's own: its variables, its time zone
        self.data_dir = data_dir
        self.settings = Settings.default()
        self.cancel = Canceller()
        self._notes = notes
        self._said: set[str] = set()

    def note(self, text: str) -> None:
        self._notes("note", text)

    def warn(self, text: str) -> None:
        self._notes("warning", text)

    def tell(self, kind: str, text: str) -> None:
        self._notes(kind, text)

    def once(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self._notes("note", text)

    def zone(self) -> str:
        found = self.cursor.execute("SELECT current_setting('TimeZone')").fetchone()
        return str(found[0]) if found else "UTC"

    def in_transaction(self) -> bool:
        """Whether the user's BEGIN is open on the session's cursor."""
        try:
            self.cursor.execute("BEGIN")
        except duckdb.TransactionException:
            return True
        self.cursor.execute("ROLLBACK")
        return False

    def resolve(self, lookup: Lookup) -> Any:
        """The value of getenv('X'), getvariable('x'), FILE '...'."""
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
                return _private(Path(lookup.name))
            case _:
                raise RefusedError(f"{lookup.kind.upper()} values are not built yet", hint="use getenv('NAME')")


def _private(path: Path) -> str:
    try:
        if path.stat().st_mode & 0o077:
            raise BadValueError(f"{path} can be read by others", hint=f"chmod 600 {path}")
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise BadValueError(f"cannot read {path}: {error.strerror}", hint="give the path of a file that this user may read") from None
