"""The flush thread of one sink: when it commits, what it answers, why it stands still.

Invariant: one commit is in flight at a time; a sink that cannot commit says so in `status()`, it is never alive and silent. A Stop is
final for this thread: the statement that resolves it makes another one."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal

from kshell.engine import Engine
from kshell.errors import DeadlineError, Error, InternalError, RefusedError
from kshell.flush.cycle import Committed, Cycle
from kshell.flush.housekeeping import Housekeeping
from kshell.flush.policy import IDLE_PROGRESS_S, Policy
from kshell.flush.target import Target
from kshell.iceberg import Compacted, Control, Left, Phase, Progress, Stop
from kshell.testing import failpoint

_TICK_S = 0.1
_MOST_COMMITS = 1000                          # rows of kshell.commits, per sink
_CROWDED = 0.5
_SAY_AT = 5                                   # the attempt of a commit after which it is said that it fails: about a second
_FOLLOW_S = 0.01
_RETRY_S = 30.0                               # longest pause between looks at a broker or catalog that does not answer
Notice = Callable[[str, str], None]           # "note", "warning" or "commit", text
Work = Callable[[Control, Callable[[Committed | None], None]], None]


@dataclass(frozen=True, slots=True)
class FlushStatus:
    """What SHOW SINKS says of the thread."""

    state: str                                # running, flushing, compacting, retrying, resolving, paused, failed, stopped, or a Stop's
    pending_rows: int
    pending_bytes: int
    committed_rows: int                       # by this process
    last_commit_at: float | None              # seconds since the epoch; None: not yet
    snapshot_id: int | None                   # the snapshot that the views read
    last_error: str | None
    cure: str | None                          # the statement that resolves a Stop


@dataclass(slots=True)
class Totals:
    """Attempts to commit, since the thread began."""

    landed: int = 0
    failed: int = 0
    seconds: float = 0.0                      # of those that landed


@dataclass(slots=True)
class Request:
    """A FLUSH that waits. `rows` and `snapshot_id`: what was committed meanwhile."""

    done: threading.Event
    rows: int = 0
    snapshot_id: int | None = None
    error: Error | None = None


@dataclass(slots=True)
class Errand:
    """Work on the sink's tables that a statement waits for. The thread that commits does it between two flushes, so that one commit is
    in flight at a time; `leave` says that nobody waits any more. It is told what it committed, like a flush."""

    work: Work
    leave: Callable[[], bool]
    done: threading.Event = field(default_factory=threading.Event)
    error: Error | None = None


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


class Flusher:
    def __init__(self, engine: Engine, target: Target, policy: Policy, *, refresh_s: float, pause_on_failure: bool,
                 notice: Notice, paused: bool = False) -> None:
        self.target = target
        self.policy = policy
        self.refresh_s = refresh_s
        self.pause_on_failure = pause_on_failure
        self.commits: deque[Committed] = deque(maxlen=_MOST_COMMITS)
        self.totals = Totals()
        self._notice = notice
        self._engine = engine
        self._cycle = Cycle(target, engine.export_cursor())
        self._house = Housekeeping(target, engine.export_cursor(), notice)
        self._paused = paused
        self._stop_reason: Stop | None = None
        self._last_words: Stop | None = None  # it stands for this reason once what is decoded is committed
        self._failure: Error | None = None
        self._last_error: str | None = None
        self._activity: Literal["running", "flushing", "compacting", "retrying", "resolving"] = "running"
        self._requests: deque[Request] = deque()
        self._to_keep: list[Committed] = []   # since the house was kept
        self._errands: deque[Errand] = deque()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._hurry = threading.Event()       # ends a pause between attempts
        self._deadline: float | None = None
        self._pause_wanted = False
        self._committed_rows = 0
        self._last_commit_at: float | None = None
        self._last_commit = self._last_look = self._last_idle = time.monotonic()
        self._patience_s = policy.first()
        self._retry_s = 0.0
        self._next_try = 0.0
        self._thread = threading.Thread(target=self._run, name=f"kshell-flush-{target.name}", daemon=True)

    # ---- called by the session ---------------------------------------------------------------------------------------

    def start(self) -> None:
        self._thread.start()
        self._engine.settle()

    def request(self) -> Request:
        """Ask for everything decoded so far to be committed. Raises at once where that cannot happen."""
        self.require_running()
        request = Request(threading.Event())
        self._requests.append(request)
        self._at_once()
        return request

    def send(self, errand: Errand) -> None:
        """Have it done as soon as the thread is free. Raises at once where that cannot happen."""
        self.require_running()
        self._errands.append(errand)
        self._at_once()

    def take_back(self, errand: Errand) -> None:
        with suppress(ValueError):            # it was done, or is being done
            self._errands.remove(errand)

    def require_running(self) -> None:
        self.raise_if_standing()
        if self._paused:
            raise RefusedError(f"sink {self.target.name} is paused", hint=f"RESUME SINK {self.target.name}")

    def compacts(self) -> bool:
        """Whether the sink merges small files by itself."""
        return self._house.compacts()

    @property
    def failure(self) -> Error | None:
        """What ended the thread's work unexpectedly. A Stop is none: it is known, and a statement resolves it."""
        return self._failure

    def raise_if_standing(self) -> None:
        if self._stop_reason is not None:
            raise self._stop_reason
        if self._failure is not None:
            raise self._failure

    def stands(self) -> bool:
        return self._stop_reason is not None or self._failure is not None

    def pause(self) -> bool:
        was, self._paused = self._paused, True
        return not was

    def resume(self) -> bool:
        was, self._paused = self._paused, False
        self._at_once()
        return was

    def _at_once(self) -> None:
        """Whoever asks may know that what failed is cured: no pause between attempts is waited out."""
        self._next_try = 0.0
        self._hurry.set()
        self._wake.set()

    def stand(self, stop: Stop) -> None:
        """Stop writing, for a reason found outside this thread."""
        if self._stop_reason is None:
            self._stop_reason = stop
            self._last_error = stop.message
            self._notice("warning", f"sink {self.target.name}: {stop.message}; resolve with: {stop.cure}")
        self._wake.set()

    def stand_after(self, stop: Stop) -> None:
        """As `stand`, once what is decoded is committed."""
        self._last_words = self._last_words or stop
        self._last_idle = float("-inf")       # positions without rows are committed too
        self._at_once()

    def status(self) -> FlushStatus:
        rows, size = self.target.buffer.pending(self.target.name)
        return FlushStatus(self._state(), rows, size, self._committed_rows, self._last_commit_at, self.target.head.snapshot_id,
                           self._last_error, self._stop_reason.cure if self._stop_reason else None)

    def _state(self) -> str:
        if self._stop_reason is not None:
            return str(self._stop_reason.state)
        if self._failure is not None:
            return "failed"
        if not self._thread.is_alive() and self._ending.is_set():
            return "stopped"
        return "paused" if self._paused else self._activity

    def close(self, *, timeout_s: float) -> None:
        """End the thread. A commit that is on its way is left where it is: the table knows whether it landed."""
        self._deadline = time.monotonic() + timeout_s
        self._ending.set()
        self._hurry.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)
        self.target.abandon()                 # a thread that did not end in time: what it does from here on is nobody's business
        self._finish_requests(DeadlineError(f"sink {self.target.name} ended before everything was committed"))

    # ---- the thread --------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._ending.is_set():
            self._wake.wait(_TICK_S)
            self._wake.clear()
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - whatever it was, the thread confesses
                if self.target.abandoned:
                    return
                self._met(error)
            if self._stop_reason or self._failure:
                self._house.drop()
                self._finish_requests(self._stop_reason or self._failure)
        self._house.drop()

    def _met(self, error: Exception) -> None:
        match error:
            case Stop():
                self.stand(error)
            case Left():
                self._left(error)
            case Error():
                self._put_off(error)
            case _:                            # a defect: it stops committing
                self._failure = InternalError(f"sink {self.target.name}: {type(error).__name__}: {error}",
                                              hint=f"the rows stay in Kafka; RESUME SINK {self.target.name} tries again")
                self._last_error = self._failure.message
                self._notice("warning", self._failure.message)

    def _step(self) -> None:
        if self._stop_reason or self._failure or time.monotonic() < self._next_try:
            return
        if self.target.behind:
            self.target.hand_over(self.target.head)
            self._well()
        if self._errands:
            self._do(self._errands.popleft())
        if self._requests or (not self._paused and self._due()):
            self._flush()
        elif time.monotonic() - self._last_look >= self.refresh_s:
            self._look()
            self._well()
        elif self._house.busy and not self._paused:
            self._note_merged(self._house.go_on(self._compaction()))

    def _well(self) -> None:
        """What failed before does not fail any more."""
        self._activity, self._retry_s, self._last_error = "running", 0.0, None

    def _due(self) -> bool:
        rows, size = self.target.buffer.pending(self.target.name)
        return self._idle_due() or self.policy.due(pending_rows=rows, pending_bytes=size, crowded=self._crowded(size),
                                                   waited_s=time.monotonic() - self._last_commit, patience_s=self._patience_s)

    def _crowded(self, pending_bytes: int) -> bool:
        """The buffer is half full, by its own limits or the process-wide one, and not because of what other sinks have left there."""
        buffer = self.target.buffer
        return buffer.pressure() >= _CROWDED and 4 * pending_bytes >= buffer.filling_bytes

    def _idle_due(self) -> bool:
        return time.monotonic() - self._last_idle >= IDLE_PROGRESS_S

    def _flush(self) -> None:
        """Commit until nothing that was decoded at the beginning is left; the requests made before that are then answered. While the source
        reads again, what it has read is committed as it falls due, and the requests wait until it has come to where it was."""
        if self.target.buffer.reading_gap() and not self._due():
            return
        asked, words = list(self._requests), self._last_words
        idle = self._idle_due()
        self._activity = "flushing"
        self._cycle.seal()
        while (piece := self._cycle.next_piece(idle=idle)) is not None:
            if self._ending_now():
                return                         # `close` answers the requests
            self._cycle.commit(piece, self._control(), lambda committed: self._landed(committed, asked))
        self._last_commit = time.monotonic()
        self._patience_s = self.policy.next()
        self._well()
        if idle:
            self._last_idle = time.monotonic()
        if not self.target.buffer.reading_gap():
            self._answer(asked)
            if words is not None:
                self.stand(words)
        self._keep_house()

    def _answer(self, asked: list[Request]) -> None:
        for request in asked:
            with suppress(ValueError):         # close() may have answered it
                self._requests.remove(request)
            request.done.set()

    def _do(self, errand: Errand) -> None:
        """Whatever goes wrong is the statement's to tell, and a Stop is the thread's too."""
        try:
            errand.work(self._control(errand.leave), lambda committed: self._landed(committed, []))
        except Error as error:
            errand.error = error
            if isinstance(error, Stop):
                self.stand(error)
            elif isinstance(error, Left):
                self._left(error)
        except Exception as error:
            errand.error = InternalError(f"sink {self.target.name}: {type(error).__name__}: {error}")
            raise
        finally:
            self._activity = "running"
            errand.done.set()

    def _landed(self, committed: Committed | None, asked: list[Request]) -> None:
        self.target.require_ours()
        self._last_look = time.monotonic()
        if committed is None:
            return
        self.commits.append(committed)
        self._to_keep.append(committed)
        self.totals.landed += 1
        self.totals.seconds += committed.seconds
        self._committed_rows += committed.rows
        self._last_commit_at = committed.committed_at
        self._last_error = None
        self._notice("commit", f"{self.target.name}: {_counted(committed.rows, 'row')} in {_counted(committed.files, 'file')}, "
                               f"{committed.seconds:.1f} s, snapshot {committed.snapshot_id}")
        for request in asked:
            request.rows += committed.rows
            request.snapshot_id = committed.snapshot_id

    def _look(self) -> None:
        """Commits of others: the views follow the table's head."""
        from kshell.iceberg.head import load_head

        self._last_look = time.monotonic()
        head = load_head(self.target.lake, self.target.sink)
        known = self.target.head
        if (head.snapshot_id, head.schema_id) != (known.snapshot_id, known.schema_id):
            failpoint("observe.before_move")
            self.target.hand_over(head)

    # ---- between commits ---------------------------------------------------------------------------------------------

    def _keep_house(self) -> None:
        if self._ending.is_set() or not self._to_keep:
            return
        errors, self._to_keep = any(c.errors for c in self._to_keep), []
        self._note_merged(self._house.after_commit(self._compaction(), errors=errors))

    def _note_merged(self, merged: Committed | None) -> None:
        if merged is not None:
            self.commits.append(merged)
        self._activity = "compacting" if self._house.busy else "running"
        if self._house.busy:
            self._wake.set()                  # the next step at once, unless something is due

    def merge(self, leave: Callable[[], bool], done: Collection[str]) -> Compacted:
        """A portion of OPTIMIZE SINK, which is an errand. `done`: files that earlier portions wrote."""
        found, committed = self._house.optimize(self._compaction(leave), done)
        if committed is not None:
            self.commits.append(committed)
        return found

    def _compaction(self, leave: Callable[[], bool] = lambda: False) -> Control:
        def report(progress: Progress) -> None:
            self._activity = "resolving" if progress.phase is Phase.RESOLVING else "compacting"

        return Control(cancelled=lambda: self._ending.is_set() or leave(), report=report, wait=self._pause)

    def look_at_once(self) -> None:
        """REFRESH SINK."""
        self._last_look = 0.0
        self._wake.set()

    def follow(self, schema_id: int, timeout_s: float) -> None:
        """Show the table with this schema, or a later one. When a commit is on its way that may take longer; it is shown then."""
        self.look_at_once()
        ends = time.monotonic() + timeout_s
        while time.monotonic() < ends and not self._ending.is_set() and self._stop_reason is None:
            if self.target.head.schema_id >= schema_id and not self.target.behind:
                return
            self._ending.wait(_FOLLOW_S)

    # ---- outcomes ----------------------------------------------------------------------------------------------------

    def _control(self, leave: Callable[[], bool] = lambda: False) -> Control:
        return Control(cancelled=lambda: self._pause_wanted or self._ending_now() or leave(), report=self._report, wait=self._pause)

    def _pause(self, seconds: float) -> None:
        """Between two attempts. Whoever hurries ends it, and so does the end of the time that `close` gives."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0 and not self._ending_now():
            if self._hurry.wait(min(_TICK_S, left)):
                self._hurry.clear()
                break

    def _ending_now(self) -> bool:
        return self._ending.is_set() and (self._deadline is None or time.monotonic() >= self._deadline)

    def _report(self, progress: Progress) -> None:
        self._activity = {Phase.COMMITTING: "flushing", Phase.RETRYING: "retrying",
                          Phase.RESOLVING: "resolving"}[progress.phase]  # type: ignore[assignment]
        self.totals.failed += progress.phase is Phase.RETRYING
        told = progress.alarm and self._last_error != progress.error
        if told or (progress.error and progress.attempt == _SAY_AT):
            self._notice("warning", f"sink {self.target.name}: {progress.error}")
        if progress.error:
            self._last_error = progress.error
        self._pause_wanted = self.pause_on_failure and progress.phase is Phase.RETRYING

    def _left(self, left: Left) -> None:
        if self._pause_wanted:
            self._pause_wanted, self._paused = False, True
            self._notice("warning", f"sink {self.target.name} is paused: {self._last_error}; RESUME SINK {self.target.name} tries again")
            self._finish_requests(left)

    def _put_off(self, error: Error) -> None:
        """A broker or catalog that does not answer: the rows wait in the buffer, the requests go on waiting."""
        self.totals.failed += 1
        if self._last_error != error.message:
            self._notice("warning", f"sink {self.target.name}: {error.message}")
        self._last_error = error.message
        self._activity = "retrying"
        self._retry_s = min(_RETRY_S, max(0.5, self._retry_s * 2))
        self._next_try = time.monotonic() + self._retry_s
        if self.pause_on_failure:
            self._paused = True
            self._finish_requests(error)

    def _finish_requests(self, error: Error | None) -> None:
        waiting: list[deque[Request] | deque[Errand]] = [self._requests, self._errands]
        for queue in waiting:
            while queue:
                request = queue.popleft()
                request.error = error
                request.done.set()
