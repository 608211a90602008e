"""SQLSTATE: what an error of kshell is called in PostgreSQL's five characters, and the fields of an ErrorResponse.

Invariant: every error of the tree has a code; a position counts characters of the text that the client sent, from 1."""

from __future__ import annotations

import re

from kshell import errors
from kshell.errors import Error

CONNECTION_FAILURE = "08006"
FEATURE_NOT_SUPPORTED = "0A000"
INVALID_PASSWORD = "28P01"
INVALID_CATALOG_NAME = "3D000"
IDLE_IN_TRANSACTION = "25P03"
ADMIN_SHUTDOWN = "57P01"
SHUTDOWN = "terminating connection due to administrator command"
CANCELED = "canceling statement due to user request"       # PostgreSQL's words, by which drivers tell it from a timeout

_BY_CODE = {
    "syntax": "42601", "unknown_option": "42601", "bad_value": "22023", "not_found": "42704", "exists": "42710", "conflict": "55000",
    "refused": "0A000", "read_only": "25006", "decode": "22000", "limit": "53200", "usage": "22023", "connection": CONNECTION_FAILURE,
    "timeout": "57014", "interrupted": "57014", "internal": "XX000",
}
# What a message names: DuckDB's words are the only thing that tells a missing column from a missing table.
_NOT_FOUND = (
    (re.compile(r"\bcolumn\b", re.IGNORECASE), "42703"),
    (re.compile(r"\bfunction\b|\bmacro\b", re.IGNORECASE), "42883"),
    (re.compile(r"\btype\b", re.IGNORECASE), "42704"),
    (re.compile(r"\b(?:database|catalog)\b", re.IGNORECASE), INVALID_CATALOG_NAME),
    (re.compile(r"\bschema\b", re.IGNORECASE), "3F000"),
    (re.compile(r"\btable\b|\bview\b|\bsource\b|\bsink\b", re.IGNORECASE), "42P01"),
)
_BAD_VALUE = (
    (re.compile(r"No function matches", re.IGNORECASE), "42883"),
    (re.compile(r"Could not convert|Failed to parse|Malformed|field value out of range", re.IGNORECASE), "22P02"),
    (re.compile(r"must appear in the GROUP BY", re.IGNORECASE), "42803"),
    (re.compile(r"Ambiguous reference", re.IGNORECASE), "42702"),
    (re.compile(r"out of range|overflow", re.IGNORECASE), "22003"),
)
_TOO_MANY = re.compile(r"\b(?:sessions|running)\b", re.IGNORECASE)


class StateError(errors.StatementError):
    """An error that has a SQLSTATE of its own: of transactions, cursors and prepared statements, which only this protocol has."""

    def __init__(self, sqlstate: str, message: str, *, hint: str | None = None, position: int | None = None, length: int = 1) -> None:
        super().__init__(message, hint=hint, position=position, length=length)
        self.sqlstate = sqlstate


def sqlstate(error: Error) -> str:
    if isinstance(error, StateError):
        return error.sqlstate
    if isinstance(error, errors.LimitError) and _TOO_MANY.search(error.message):
        return "53300"
    table = _NOT_FOUND if error.code == "not_found" else _BAD_VALUE if error.code == "bad_value" else ()
    return next((state for pattern, state in table if pattern.search(error.message)), _BY_CODE[error.code])


def fields_of(error: Error, *, severity: str = "ERROR") -> dict[str, str]:
    """The fields of an ErrorResponse: the first line is the message, further ones are its detail."""
    said = CANCELED if isinstance(error, errors.CancelledError) else error.message
    message, _, detail = said.partition("\n")
    place = "" if error.position is None else str(error.position + 1)
    return plain(sqlstate(error), message, severity=severity, hint=error.hint or "") | {"D": detail.strip(), "P": place}


def plain(sqlstate: str, message: str, *, severity: str = "ERROR", hint: str = "") -> dict[str, str]:
    """Fields without a value are not sent."""
    return {"S": severity, "V": severity, "C": sqlstate, "M": message, "H": hint}
