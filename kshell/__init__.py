"""kshell: an analytics shell for Kafka.

    with kshell.connect("localhost:9092") as session:
        session.sql("CREATE SOURCE orders FROM KAFKA kafka")
        session.sql("SELECT count(*) FROM orders").fetchall()

Invariant: importing this module loads no client, no catalog and no terminal library; what a call needs is loaded by the call."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kshell.errors import (
    BadValueError,
    CancelledError,
    ConflictError,
    DeadlineError,
    DecodeError,
    Error,
    ExistsError,
    InternalError,
    LimitError,
    NotFoundError,
    ReadOnlyError,
    RefusedError,
    StatementError,
    StatementSyntaxError,
    UnknownOptionError,
    UnreachableError,
    UsageError,
)
from kshell.version import VERSION

if TYPE_CHECKING:
    from kshell.query.result import Result
    from kshell.session import Session

__version__ = VERSION

# Read by Arrow when it is loaded. Its own allocator keeps a hundred megabytes of what was freed, which no budget of ours counts.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def connect(brokers: str | None = None, profile: str | None = None, config: str | None = None, *, read_only: bool | None = None) -> Session:
    """A session; `close()` flushes its sinks. `brokers`: `host:port[,host:port]`, attached as cluster `kafka`; else ATTACH does that.

    `profile` and `config` as the flags of these names: a section of the configuration file, and the file. What is given here goes before
    the environment, that before the profile, that before the top level of the file. A profile's init script runs before `read_only` closes.
    Raises UnreachableError when the brokers do not answer, UsageError for a wrong configuration."""
    from kshell.config import load
    from kshell.serve.offered import offer
    from kshell.session import Session

    given = {"brokers": ("brokers", brokers), "read_only": ("read_only", read_only)}
    found = load(path=config, profile=profile, flags={key: pair for key, pair in given.items() if pair[1] is not None})
    session = Session(config=found)
    offer(session)
    try:
        if found["init"]:
            session.run_file(found["init"])
    except BaseException:
        session.close(flush=False)
        raise
    session.read_only = bool(found["read_only"])
    return session


def __getattr__(name: str) -> Any:
    """Session and Result load DuckDB and Arrow: only when they are asked for."""
    if name == "Session":
        from kshell.session import Session

        return Session
    if name == "Result":
        from kshell.query.result import Result

        return Result
    raise AttributeError(f"module 'kshell' has no attribute {name!r}")


__all__ = [
    "BadValueError", "CancelledError", "ConflictError", "DeadlineError", "DecodeError", "Error", "ExistsError", "InternalError",
    "LimitError", "NotFoundError", "ReadOnlyError", "RefusedError", "Result", "Session", "StatementError", "StatementSyntaxError",
    "UnknownOptionError", "UnreachableError", "UsageError", "connect",
]
