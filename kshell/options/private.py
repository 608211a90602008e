"""Files that hold secrets: read only when nobody else may."""

from __future__ import annotations

import stat
from pathlib import Path

from kshell.errors import BadValueError, RefusedError

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def is_loose(path: Path) -> bool:
    """Whether its group or the world has any right on it."""
    return bool(path.stat().st_mode & _OTHERS)


def refuse_loose(path: Path) -> None:
    if is_loose(path):
        raise RefusedError(f"{path} can be read by others", hint=f"chmod 600 {path}")


def secret_file(path: Path) -> str:
    """The text of a file with one secret, without the line break at its end."""
    try:
        refuse_loose(path)
        return path.read_text("utf-8").strip()
    except OSError as error:
        raise BadValueError(f"cannot read {path}: {error.strerror}", hint="give the path of a file that this user may read") from None
    except UnicodeDecodeError:
        raise BadValueError(f"{path} is not UTF-8 text", hint="give the path of a text file") from None
