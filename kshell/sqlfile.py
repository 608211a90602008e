"""SQL kept in files, with placeholders that state their kind.

`{name:i}` is an identifier (a list: several, joined by commas), `{name:l}` a literal, `{name:s}` a piece of SQL that is put in as it is.
Invariant: a value reaches SQL text only through the kind that its placeholder names; a value too many or too few is a defect of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from kshell.columns import literal, quote
from kshell.errors import InternalError

_PLACEHOLDER = re.compile(r"\{(\w+):([ils])\}")


def render(name: str, **values: object) -> str:
    """The text of `sql/<name>` with every placeholder filled."""
    text = template(name)
    wanted = {found.group(1) for found in _PLACEHOLDER.finditer(text)}
    if wanted != values.keys():
        raise InternalError(f"{name} takes {sorted(wanted)}, not {sorted(values)}")
    return _PLACEHOLDER.sub(lambda found: _filled(values[found.group(1)], found.group(2), found.group(0)), text)


@lru_cache(maxsize=256)
def template(name: str) -> str:
    """The text of a file as it stands, placeholders included."""
    path = (folder() / name).resolve()
    if not path.is_relative_to(folder().resolve()) or not path.is_file():
        raise InternalError(f"there is no sql/{name}")
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def folder() -> Path:
    """`kshell/_sql` in an installed wheel, `sql/` beside the package in the source tree."""
    package = Path(__file__).parent
    installed = package / "_sql"
    return installed if installed.is_dir() else package.parent / "sql"


def names() -> list[str]:
    """All SQL files, as `render` takes them."""
    return sorted(path.relative_to(folder()).as_posix() for path in folder().rglob("*.sql"))


def placeholders(name: str) -> dict[str, str]:
    """Placeholder -> kind (i, l or s)."""
    return {found.group(1): found.group(2) for found in _PLACEHOLDER.finditer(template(name))}


def _filled(value: object, kind: str, placeholder: str) -> str:
    if kind == "i" and isinstance(value, str):
        return quote(value)
    if kind == "i" and isinstance(value, Sequence) and all(isinstance(v, str) for v in value):
        return ", ".join(quote(v) for v in value)
    if kind == "s" and isinstance(value, str):
        return value
    if kind == "l":
        return _literal(value, placeholder)
    raise InternalError(f"{placeholder} does not take a {type(value).__name__}")


def _literal(value: object, placeholder: str) -> str:
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "TRUE", False: "FALSE"}[value]
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return f"{literal(repr(value))}::DOUBLE"        # also nan and inf, which have no other literal
    if isinstance(value, str):
        return literal(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(v, placeholder) for v in value) + "]"
    raise InternalError(f"{placeholder} does not take a {type(value).__name__}")
