"""Door: the two functions that the extension asks, on threads of its own: who may come in, and what may run.

Invariant: a door that is shut, and everything that goes wrong behind it, refuses. What it returns is run as it is, so that is the text
that was judged, or one of ours."""

from __future__ import annotations

from kshell.errors import Error, ReadOnlyError, RefusedError
from kshell.lang.tokens import leading_words
from kshell.serve.quack import answers
from kshell.serve.quack.guests import Guests


class Door:
    """Called while a statement of the extension runs, without a lock of ours or of Python's."""

    def __init__(self, guests: Guests) -> None:
        self._guests: Guests | None = guests

    def shut(self) -> None:
        self._guests = None

    def login(self, session: str, theirs: str, ours: str) -> bool:
        """Whether a client comes in. `session` names it from then on."""
        return self._open().login(session, theirs)

    def judge(self, session: str, text: str) -> str:
        """What runs instead of the text. A refusal is a statement that says why; for rows of an INSERT, which come without a statement, it
        must be an exception."""
        try:
            return self._open().judge(session, text)
        except Error as error:
            if leading_words(text, 1) == ("INSERT",):
                raise
            return answers.error(error, refused=isinstance(error, (ReadOnlyError, RefusedError)))

    def _open(self) -> Guests:
        guests = self._guests
        if guests is None:
            raise RefusedError("the server has stopped")
        return guests
