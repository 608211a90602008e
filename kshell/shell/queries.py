"""Named queries: files NAME.sql in `./.kshell/queries` and `~/.config/kshell/queries`; the nearer folder wins.

Invariant: the first comment of a file is its help; parameters are variables, read with getvariable('name')."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kshell.errors import BadValueError, NotFoundError, did_you_mean

_NAME = re.compile(r"[A-Za-z0-9][\w-]{0,63}")


def folders() -> list[Path]:
    configuration = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return [Path(".kshell/queries"), Path(configuration).expanduser() / "kshell" / "queries"]


def found() -> dict[str, Path]:
    """name -> file."""
    return {path.stem: path for folder in reversed(folders()) if folder.is_dir() for path in sorted(folder.glob("*.sql"))}


def file(name: str) -> Path:
    known = found()
    if name not in known:
        hint = did_you_mean(name, known) or ".queries lists them, .save NAME keeps the last one"
        raise NotFoundError(f"there is no saved query {name}", hint=hint)
    return known[name]


def save(name: str, text: str) -> Path:
    if not _NAME.fullmatch(name):
        raise BadValueError(f"{name} cannot name a query", hint="letters, digits, _ and -")
    folder = folders()[0] if folders()[0].is_dir() else folders()[1]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.sql"
    path.write_text(text.rstrip("; \n") + ";\n", encoding="utf-8")
    return path


def summary(path: Path) -> str:
    """The first comment of a file, else its first line."""
    first = next((line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()), "")
    return first.removeprefix("--").strip()
