"""Errors as answers: the error object of the command line as the body, and the status that says the same to a machine.

Invariant: whatever goes wrong is one of ours when it gets here, and no traceback and no secret of a statement is in an answer."""

from __future__ import annotations

import math

from starlette.responses import Response

from kshell.errors import CancelledError, Error, InternalError
from kshell.output._errors import Place, error_object
from kshell.serve.host import BusyError
from kshell.serve.workers import EndedError

JSON = "application/json"
_STATUS = {"read_only": 403, "not_found": 404, "limit": 413, "connection": 503, "interrupted": 503, "timeout": 504, "internal": 500}
BUSY_S = 1                                    # after which a client that was refused may ask again


class Refusal(Exception):
    """An answer whose status no error of a statement has. `headers` tell more."""

    def __init__(self, status: int, error: Error, headers: dict[str, str] | None = None) -> None:
        super().__init__(error.message)
        self.status, self.error, self.headers = status, error, headers or {}


def status_of(error: Error) -> int:
    return 429 if isinstance(error, BusyError) else _STATUS.get(error.code, 400)


def failed(raised: BaseException, text: str = "") -> Response:
    """The answer for what was raised; `text` is the statement."""
    if isinstance(raised, Refusal):
        return Response(error_object(raised.error), raised.status, raised.headers, JSON)
    error = known(raised)
    busy = {"retry-after": str(BUSY_S)} if isinstance(error, BusyError) else {}
    return Response(body_of(error, text), status_of(error), busy, JSON)


def body_of(error: Error, text: str = "") -> str:
    """One JSON object on one line."""
    return error_object(error, Place(text=text, statement_text=text))


def last_line(error: Error, text: str = "") -> str:
    """What ends an answer of which rows were sent already."""
    return f'{{"error": {body_of(error, text).rstrip()}}}\n'


def known(raised: BaseException) -> Error:
    """A defect is told by its kind alone."""
    if isinstance(raised, Error):
        return raised
    if isinstance(raised, EndedError):
        return CancelledError("the server is ending")
    return InternalError(f"the server failed: {type(raised).__name__}")


def retry_after(seconds: float) -> dict[str, str]:
    return {"retry-after": str(max(1, math.ceil(seconds)))}


__all__ = ["JSON", "Refusal", "body_of", "failed", "known", "last_line", "retry_after", "status_of"]
