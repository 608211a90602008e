"""A stream that turns to the pager as soon as what is written does not fit the screen.

Invariant: what fits is written to the terminal byte for byte; a pager that is left early ends the output without an error."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from io import BytesIO
from typing import IO

from kshell.output._base import Stream
from kshell.output._width import width

DEFAULT = "less -SRXF"


def command(environ: Mapping[str, str], configured: str | None = None) -> list[str] | None:
    """KSHELL_PAGER, then the configuration, PAGER, then less; None when there is none to run."""
    named = environ.get("KSHELL_PAGER") or configured or environ.get("PAGER") or DEFAULT
    words = shlex.split(named)
    if words == ["less"]:
        words = shlex.split(DEFAULT)          # the name alone says which program, not that lines shall be broken
    return words if words and shutil.which(words[0]) else None


def sideways(words: list[str]) -> bool:
    """Whether the pager scrolls to the right. Where it breaks lines a box must fit the screen."""
    name = os.path.basename(words[0])
    return name not in ("cat", "more", "less") or (name == "less" and any(w[:1] == "-" and "S" in w for w in words[1:]))


class PagerEndedError(Exception):
    """The reader has left; nobody wants the rest."""


class PagedStream:
    """Collects until the text is taller or wider than the screen, then feeds the pager. `lend` hands the terminal over meanwhile."""

    def __init__(self, terminal: Stream, pager: list[str], lend: Callable[[], AbstractContextManager[None]]) -> None:
        self._terminal, self._command, self._lend = terminal, pager, lend
        self._columns, self._lines = shutil.get_terminal_size()
        self._kept, self._seen, self._unfinished = BytesIO(), 0, ""
        self._process: subprocess.Popen[bytes] | None = None
        self._lent = ExitStack()

    def write(self, data: bytes, /) -> int:
        if self._process is not None:
            return self._feed(data)
        self._kept.write(data)
        if self._overflows(data.decode("utf-8", "replace")):
            self._start()
        return len(data)

    def flush(self) -> None:
        """Nothing: what is kept may still fit the screen."""

    def _overflows(self, text: str) -> bool:
        lines = (self._unfinished + text).split("\n")
        self._unfinished = lines[-1]
        self._seen += len(lines) - 1
        return self._seen >= self._lines - 1 or any(width(line) > self._columns for line in lines)

    def _start(self) -> None:
        self._lent.enter_context(self._lend())
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, env={**os.environ, "LESSCHARSET": "utf-8"})
        self._feed(self._kept.getvalue())

    def _feed(self, data: bytes) -> int:
        try:
            return self._pipe.write(data)
        except (BrokenPipeError, ValueError):
            raise PagerEndedError from None

    @property
    def _pipe(self) -> IO[bytes]:
        assert self._process is not None
        assert self._process.stdin is not None
        return self._process.stdin

    def finish(self) -> None:
        """Show what fits, or wait until the reader leaves the pager."""
        if self._process is None:
            self._terminal.write(self._kept.getvalue())
            self._terminal.flush()
            return
        with suppress(BrokenPipeError):       # the reader left before the last page
            self._pipe.close()
        self._process.wait()
        self._lent.close()
