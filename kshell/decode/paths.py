"""JSON paths of declared columns: `$.a.b` and `$."a b".c`, keys only.

Invariant: `spell(parse(p))` names the same value as p."""

from __future__ import annotations

import re

from kshell.errors import BadValueError

_STEP = re.compile(r'\.(?:"((?:[^"\\]|\\.)*)"|([^."\[\]*$\s]+))')


def parse(text: str, column: str) -> tuple[str, ...]:
    """The keys from the top of the record."""
    keys: list[str] = []
    position = 1
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            break
        keys.append(match[2] if match[1] is None else re.sub(r"\\(.)", r"\1", match[1]))
        position = match.end()
    if not text.startswith("$") or position != len(text) or not keys:
        raise BadValueError(f"Column {column}: {text} is not a path of keys",
                            hint="write '$.a.b', with quotes around other keys: '$.\"a b\"'")
    return tuple(keys)


def spell(keys: tuple[str, ...]) -> str:
    """The shortest spelling, for messages and column lists."""
    return "$" + "".join(f".{k}" if re.fullmatch(r"[^\W\d]\w*", k) else f'."{_escaped(k)}"' for k in keys)


def _escaped(key: str) -> str:
    return key.replace("\\", "\\\\").replace('"', '\\"')
