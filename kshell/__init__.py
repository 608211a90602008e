"""kshell: an analytics shell for Kafka.

    with kshell.connect("localhost:9092") as session:
        session.sql("CREATE SOURCE orders FROM KAFKA kafka")
        session.sql("SELECT count(*) FROM orders").fetchall()

Invariant: importing this module loads no client, no catalog and no terminal library; what a call needs is loaded by the call."""

from __future__ import annotations

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


def connect(brokers: str | None = None, *, read_only: bool = False) -> Session:
    """A session; `close()` flushes its sinks. `brokers`: `host:port[,host:port]`, attached as cluster `kafka`; else ATTACH does that.

    Raises UnreachableError when the brokers do not answer."""
    from kshell.session import Session

    return Session(brokers=brokers, read_only=read_only)


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
