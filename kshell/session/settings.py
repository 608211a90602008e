"""The kshell_* settings of a session, as set by SET and RESET."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace


def default_buffer_bytes() -> int:
    """A quarter of the machine's memory: the budget of all sources together."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    except (ValueError, OSError, AttributeError):
        return 1 << 30


@dataclass(frozen=True, slots=True)
class Settings:
    grammar: bool = True                      # off: every statement but SET kshell_... reaches DuckDB unchanged
    timeout: float = 30.0                     # seconds a broker call may take
    statement_timeout: float | None = None    # seconds a statement may take; None: no limit
    buffer_bytes: int = 0                     # bytes all sources may hold together
    refresh: float = 10.0                     # seconds between looks at a sink's table for commits of others

    @classmethod
    def default(cls) -> Settings:
        return cls(buffer_bytes=default_buffer_bytes())

    def with_value(self, name: str, value: object) -> Settings:
        """`name` without the prefix kshell_."""
        return replace(self, **{name: value})  # type: ignore[arg-type]  # the declaration of the setting has read it

    def reset(self, name: str) -> Settings:
        return replace(self, **{name: getattr(Settings.default(), name)})


NAMES = tuple(f.name for f in fields(Settings))
