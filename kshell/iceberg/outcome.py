"""What an error of a commit is called, and how long to wait after it.

Invariant: no class means "it did not land". Whatever is not named here is unknown."""

from __future__ import annotations

import random
from enum import Enum

from pyiceberg.exceptions import (
    AuthorizationExpiredError,
    BadRequestError,
    CommitFailedException,
    ForbiddenError,
    RESTError,
    UnauthorizedError,
)
from requests.exceptions import RequestException

from kshell.errors import UnreachableError
from kshell.iceberg.mapping import of_sqlalchemy

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 30.0


class Kind(Enum):
    CONFLICT = "conflict"                     # 409, or the compare-and-set of SQL; may be the echo of our own landing
    UNKNOWN = "unknown"
    ALARM = "alarm"                           # unknown, and it will not pass by itself
    FAILED = "failed"                         # before anything was sent: the catalog, the network or the storage
    DEFECT = "defect"                         # before anything was sent, and it would happen again


def classify(error: Exception, *, sending: bool) -> Kind:
    if isinstance(error, CommitFailedException):
        return Kind.CONFLICT
    cause = error.__cause__ if isinstance(error, UnreachableError) else error
    if isinstance(cause, ForbiddenError | UnauthorizedError | AuthorizationExpiredError | BadRequestError):
        return Kind.ALARM
    if sending:
        return Kind.UNKNOWN
    named = isinstance(error, UnreachableError | RESTError | RequestException | OSError) or of_sqlalchemy(error)
    return Kind.FAILED if named else Kind.DEFECT


def pause_s(kind: Kind, attempt: int) -> float:
    """Full jitter up to twice as long each time, at most 30 s. The first conflict is looked at again at once."""
    if kind is Kind.CONFLICT and attempt == 1:
        return 0.0
    longest = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(attempt - 1, 20))
    if kind is Kind.ALARM:
        longest = max(longest, LONGEST_PAUSE_S / 3)
    return random.uniform(0.0, longest)
