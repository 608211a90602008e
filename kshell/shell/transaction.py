"""An open transaction is remembered, and after a minute a warning says what it holds back.

Invariant: BEGIN freezes one view of live and lake; until its end no segment it can see is freed. Said once for each transaction."""

from __future__ import annotations

import threading
from collections.abc import Callable

from kshell.session.status import Status
from kshell.shell.figures import size
from kshell.shell.tokens import tokens

AFTER_S = 60.0
_BEGINS = frozenset({"BEGIN", "START"})
_ENDS = frozenset({"COMMIT", "ROLLBACK", "END", "ABORT"})


class OpenTransaction:
    """Told each statement that has run; `warn` is called from a timer's thread."""

    def __init__(self, status: Callable[[], Status], warn: Callable[[str], None], after_s: float = AFTER_S) -> None:
        self._status, self._warn, self._after_s = status, warn, after_s
        self._timer: threading.Timer | None = None

    @property
    def open(self) -> bool:
        return self._timer is not None

    def ran(self, text: str) -> None:
        first = next((t.text.upper() for t in tokens(text) if t.kind == "word"), "")
        if first in _BEGINS and self._timer is None:
            self._timer = threading.Timer(self._after_s, self._remind)
            self._timer.daemon = True
            self._timer.start()
        elif first in _ENDS:
            self.close()

    def close(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _remind(self) -> None:
        held = sum(s.buffer_bytes for s in self._status().sources)
        self._warn(f"warning: a transaction is open for {self._after_s:.0f} s and keeps {size(held)} of buffers in memory: "
                   "COMMIT or ROLLBACK ends it")
