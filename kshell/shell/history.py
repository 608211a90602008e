"""The history file: whole statements, newest last, readable by its owner only; what holds a secret never enters it.

Invariant: an entry is appended with one write to a file of mode 0600, so two shells may share it. Format: a `# time` line, then each
line of the entry behind a `+`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from kshell.places import state_folder
from kshell.shell.secrets import holds_secret

KEEP_ENTRIES = 10_000


def default_path() -> Path:
    """`KSHELL_HISTORY`, else `history` in the state directory."""
    named = os.environ.get("KSHELL_HISTORY")
    if named:
        return Path(named).expanduser()
    return state_folder() / "history"


def storable(text: str) -> bool:
    """False for blank text, a leading space (the user's way to say no) and literal secrets."""
    return bool(text.strip()) and not text.startswith((" ", "\t")) and not holds_secret(text)


class History:
    """`path` None keeps entries in memory only."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._entries = list(_read(path)) if path else []
        if path and len(self._entries) > 2 * KEEP_ENTRIES:
            self._entries = self._entries[-KEEP_ENTRIES:]
            _rewrite(path, self._entries)

    def entries(self) -> list[str]:
        """Oldest first."""
        return self._entries

    def add(self, text: str) -> bool:
        """True when it was taken. A repeat of the newest entry is not written again."""
        if not storable(text) or (self._entries and self._entries[-1] == text):
            return False
        self._entries.append(text)
        if self.path:
            _append(self.path, _block(text))
        return True


def _block(text: str) -> str:
    lines = "".join(f"+{line}\n" for line in text.split("\n"))
    return f"\n# {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n{lines}"


def _append(path: Path, block: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return  # a read-only home must not cost the user the shell; entries stay in memory
    with os.fdopen(descriptor, "ab", buffering=0) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(block.encode("utf-8", "surrogateescape"))


def _rewrite(path: Path, entries: list[str]) -> None:
    fresh = path.with_suffix(".fresh")
    fresh.unlink(missing_ok=True)
    _append(fresh, "".join(_block(entry) for entry in entries))
    if fresh.exists():
        fresh.replace(path)


def _read(path: Path) -> Iterator[str]:
    try:
        content = path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return
    lines: list[str] = []
    for line in [*content.split("\n"), ""]:
        if line.startswith("+"):
            lines.append(line[1:])
        elif lines:
            yield "\n".join(lines)
            lines = []
