"""Standard output as bytes, and what its end means.

Invariant: Python's own buffer is never used, so nothing is left to fail when the interpreter ends; a reader that goes away is not
an error."""

from __future__ import annotations

import os

from kshell.errors import LimitError


class ReaderGone(BaseException):
    """Nobody reads standard output any more: stop, and all is well. Not an Exception, so that nothing takes it for a failure."""


class Stdout:
    """Writes through to a file descriptor."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor

    def write(self, data: bytes, /) -> int:
        left = memoryview(data)
        while left:
            try:
                left = left[os.write(self._descriptor, left):]
            except BrokenPipeError:
                raise ReaderGone from None
            except OSError as failed:
                raise cannot_write(failed) from None
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)


def cannot_write(failed: OSError) -> LimitError:
    return LimitError(f"cannot write the output: {failed.strerror or failed}", hint="the output is not complete")
