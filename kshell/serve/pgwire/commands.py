"""What the protocol's own statements are, as values: transactions, cursors, COPY ... TO STDOUT.

Invariant: whatever is none of these is a Query with its text untouched. A place (`at`) counts characters of the statement's text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from kshell.serve.pgwire.types.copy import CopyForm


@dataclass(frozen=True, slots=True)
class Query:
    """A statement that the gate and DuckDB get to see. `at`: where it begins in the text that the client wrote."""

    text: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Empty:
    pass


@dataclass(frozen=True, slots=True)
class Begin:
    tag: str                                      # BEGIN, or START TRANSACTION


@dataclass(frozen=True, slots=True)
class End:
    commit: bool
    chain: bool = False                           # AND CHAIN: another transaction begins at once


@dataclass(frozen=True, slots=True)
class Savepoint:
    """Accepted without an effect: what only reads has nothing to take back."""

    action: Literal["SAVEPOINT", "RELEASE", "ROLLBACK"]
    name: str


@dataclass(frozen=True, slots=True)
class Declare:
    name: str
    query: Query
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Fetch:
    """`count` None: all that are left. `move`: the rows are passed over."""

    name: str
    count: int | None
    move: bool = False


@dataclass(frozen=True, slots=True)
class CloseCursor:
    name: str | None                              # None: all


@dataclass(frozen=True, slots=True)
class Deallocate:
    name: str | None                              # None: all


@dataclass(frozen=True, slots=True)
class Unlisten:
    """Nobody can listen, so there is nothing to do."""


@dataclass(frozen=True, slots=True)
class CopyOut:
    query: Query
    form: CopyForm


Command = (Query | Empty | Begin | End | Savepoint | Declare | Fetch | CloseCursor | Deallocate | Unlisten | CopyOut)
