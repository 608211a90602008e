"""An error about something that is named in a statement gets the place of the name, for the caret.

Invariant: an error that has a place keeps it; an outage has none, whatever was being looked for."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from kshell.errors import Error, NotFoundError, StatementError
from kshell.lang.statements import Span
from kshell.lang.tokens import naming
from kshell.options import redact


@contextlib.contextmanager
def placed(span: Span | None) -> Iterator[None]:
    try:
        yield
    except StatementError as error:
        raise _at(error, span) from None


def located(error: Error, text: str) -> None:
    """The place of a name that stands for nothing, found in the text of its statement."""
    if not isinstance(error, NotFoundError) or error.named is None or error.position is not None:
        return
    token = naming(text, error.named)
    if token is not None:
        error.at(token.start, token.end - token.start)


def told(error: Error, text: str) -> Error:
    """The error of a statement as whoever typed it may read it: with its place, and without a secret."""
    located(error, text)
    error.message, error.hint = redact(error.message), redact(error.hint) if error.hint else error.hint
    error.args = (error.message,)
    return error


def _at(error: StatementError, span: Span | None) -> Error:
    return error if span is None else error.at(span.start, span.length)
