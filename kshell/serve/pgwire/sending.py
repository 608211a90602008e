"""Sending: an answer as the messages of a result, in pieces of a size that a socket takes. Used on worker threads.

Invariant: a piece holds whole messages; what the client gets first is what describes the rest, and the tag comes after the last row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kshell.serve.pgwire import messages
from kshell.serve.pgwire.backend import Answer
from kshell.serve.pgwire.prepared import described
from kshell.serve.pgwire.rows import Rows
from kshell.serve.pgwire.types import CopyEncoder, RowEncoder
from kshell.serve.pgwire.types.copy import CopyForm

PIECE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """`over`: nothing comes after it, of this execution."""

    data: bytes
    over: bool


class Sending:
    """One execution of an answer: at most `limit` rows (None: all). `describe`: RowDescription comes first; `no_data`: or NoData."""

    def __init__(self, answer: Answer, formats: Sequence[int], zone: str, *, limit: int | None = None, describe: bool = True,
                 no_data: bool = False) -> None:
        self._answer, self._limit, self._sent = answer, limit, 0
        self._rows: Rows | None = answer.rows
        self._head = b""
        self._tail: Callable[[], bytes] = bytes
        if no_data and (answer.rows is None or answer.copy is not None):
            self._head = messages.NO_DATA
        if answer.rows is not None and answer.copy is not None:
            self._copying(answer.rows, answer.copy, zone)
        elif answer.rows is not None:
            columns = described(answer.rows.columns, formats)
            self._encode = RowEncoder(answer.rows.columns, formats, zone).encode
            self._head = messages.row_description(columns) if describe else b""

    def _copying(self, rows: Rows, form: CopyForm, zone: str) -> None:
        described(rows.columns, ())
        encoder = CopyEncoder(rows.columns, form, zone)
        self._encode = encoder.encode
        self._head += messages.copy_out(len(rows.columns), binary=form.format == "binary") + encoder.head()
        self._tail = lambda: encoder.tail() + messages.COPY_DONE

    def piece(self) -> Piece:
        """The next messages. Raises what reading the rows raises."""
        if self._answer.empty:
            return Piece(self._head + messages.EMPTY_QUERY, True)
        parts, self._head = [self._head], b""
        if self._rows is None or self._filled(self._rows, parts):
            return Piece(b"".join([*parts, self._end()]), True)
        return Piece(b"".join(parts), False)

    def _filled(self, rows: Rows, parts: list[bytes]) -> bool:
        """Rows until the piece is full; whether there are no more of this execution."""
        size = 0
        while size < PIECE_BYTES:
            left = None if self._limit is None else self._limit - self._sent
            if left == 0:
                return True
            batch = rows.take(left)
            if batch is None:
                self._limit = None
                return True
            self._sent += batch.num_rows
            parts.append(self._encode(batch))
            size += len(parts[-1])
            if rows.endless:
                return False
        return False

    def _end(self) -> bytes:
        """A portal whose limit is reached may have more: whether it has is not looked at, as in PostgreSQL."""
        if self._limit is not None and self._sent >= self._limit:
            return messages.PORTAL_SUSPENDED
        return self._tail() + messages.command_complete(self._answer.tag.format(self._sent))
