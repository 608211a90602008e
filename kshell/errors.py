"""Every error a user can meet, as one tree. A branch owns its code and its exit code; a leaf says what happened.

    Error                                   code          exit
    ├── StatementError                                    1      the statement is wrong, or cannot be done as things stand
    │   ├── StatementSyntaxError            syntax
    │   ├── UnknownOptionError              unknown_option
    │   ├── BadValueError                   bad_value
    │   ├── NotFoundError                   not_found
    │   ├── ExistsError                     exists
    │   ├── ConflictError                   conflict             a sink's progress contradicts Kafka or the table
    │   ├── RefusedError                    refused              understood, and not done (not built, not safe)
    │   ├── ReadOnlyError                   read_only
    │   ├── DecodeError                     decode               a record does not decode and ON_ERROR says fail
    │   └── LimitError                      limit
    ├── UsageError                          usage         2      flags, configuration, a second result for --csv
    ├── UnreachableError                    connection    3      broker, registry, catalog, storage: worth trying again
    ├── DeadlineError                       timeout       4
    ├── CancelledError                      interrupted   130    Ctrl-C
    └── InternalError                       internal      1      a defect of ours

An error says what happened and, in `hint`, what to type next. Exceptions of libraries are mapped onto this tree in the
package that owns the library and never leave it.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import ClassVar


class Error(Exception):
    """Base of all. `position` and `length` count characters in the statement's text; None: the place is not known."""

    code: ClassVar[str] = "internal"
    exit: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None, position: int | None = None, length: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.position = position
        self.length = length

    def at(self, position: int, length: int = 1) -> Error:
        """The same error with its place, unless it already has one."""
        if self.position is None:
            self.position, self.length = position, length
        return self


class StatementError(Error):
    code = "bad_value"


class StatementSyntaxError(StatementError):
    code = "syntax"


class UnknownOptionError(StatementError):
    code = "unknown_option"


class BadValueError(StatementError):
    code = "bad_value"


class NotFoundError(StatementError):
    """`named`: the name that stands for nothing, as the statement has it, for whoever looks for its place."""

    code = "not_found"

    def __init__(self, message: str, *, hint: str | None = None, position: int | None = None, length: int = 1,
                 named: str | None = None) -> None:
        super().__init__(message, hint=hint, position=position, length=length)
        self.named = named


class ExistsError(StatementError):
    code = "exists"


class ConflictError(StatementError):
    code = "conflict"


class RefusedError(StatementError):
    code = "refused"


class ReadOnlyError(StatementError):
    code = "read_only"


class DecodeError(StatementError):
    code = "decode"


class LimitError(StatementError):
    code = "limit"


class UsageError(Error):
    code = "usage"
    exit = 2


class UnreachableError(Error):
    code = "connection"
    exit = 3


class DeadlineError(Error):
    code = "timeout"
    exit = 4


class CancelledError(Error):
    code = "interrupted"
    exit = 130


class InternalError(Error):
    code = "internal"


def did_you_mean(name: str, known: Iterable[str], *, most: int = 1) -> str | None:
    """`did you mean a?` for the nearest of the known names, or None when none is near. Case is ignored."""
    spelled = {k.lower(): k for k in known}
    near = get_close_matches(name.lower(), spelled, n=most, cutoff=0.6)
    if not near:
        return None
    return f"did you mean {' or '.join(spelled[n] for n in near)}?"
