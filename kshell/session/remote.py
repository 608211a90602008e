"""Remote: what another client of this process reads through.

1. the gate judges the text  2. SHOW, DESCRIBE and TAIL go to whom they belong  3. a query runs in a transaction that cannot write
4. the transaction ends with the result

Invariant: one cursor and one cancel each, so that no client sees or ends what another does; nothing that changes anything runs; outside
BEGIN one statement sees one moment, inside it all of them see the same one."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal

import duckdb
import pyarrow as pa

from kshell.columns import literal
from kshell.engine import BUFFER_SCHEMA
from kshell.errors import CancelledError, Error, RefusedError
from kshell.gate import permitted
from kshell.iceberg.patience import patient
from kshell.lang.statements import Describe, DuckStatement, Show, ShowCreate, Statement, Tail
from kshell.lang.tokens import leading_words
from kshell.output._shape import OutColumn
from kshell.query.result import Result
from kshell.query.runner import DUCKDB_ERRORS, Runner
from kshell.session.connections import Connections
from kshell.session.context import Context
from kshell.session.lakes import LakeViews
from kshell.session.placed import told
from kshell.session.secrets import Secrets
from kshell.session.show import Shower
from kshell.session.sinks import Sinks
from kshell.session.sources import Sources
from kshell.session.tails import Tails

_DESCRIBED = frozenset({"SELECT", "FROM", "WITH", "VALUES", "TABLE", "PIVOT", "UNPIVOT", "("})     # described without being run
_DESCRIBE = "DESCRIBE "
_NO_SCHEMA = re.compile(r'Table with name "(?:[^".]+\.)?(?P<name>[^"]+)" does not exist because schema "(?P<schema>[^"]+)"')
REPEAT_S = 0.05
CLOSE_S = 5.0
BATCH_ROWS = 2048                                 # of a result: what a client has not taken yet is memory of the process
SPOOL_BYTES = 64_000_000                          # of all results that a client has half read while it runs another statement
MOST_LATE_INTERRUPTS = 100
READ_ONLY = "BEGIN TRANSACTION READ ONLY"
_MORE_TIME = "the server's statement_timeout allows no more; let the statement read less"


class Remote:
    """One statement at a time, on any thread; `interrupt` at any time. `refresh` brings the `kshell.*` tables up to date."""

    def __init__(self, context: Context, connections: Connections, sources: Sources, sinks: Sinks, secrets: Secrets, lakes: LakeViews,
                 refresh: Callable[[], None]) -> None:
        self._runner = Runner(context.engine, topics=connections.topics_for_hints, progress=False, batch_rows=BATCH_ROWS,
                              spool_bytes=SPOOL_BYTES, more_time=_MORE_TIME)
        self.cursor = self._runner.cursor
        self._context = context.for_client(self.cursor)
        self._judge = context.engine.cursor()     # asks about a text while a result of `cursor` is still being read
        self._lakes, self._refresh, self._connections = lakes, refresh, connections
        shower = Shower(connections, sources, sinks, self._runner.run, self._context.cancel.check, secrets, self._context.note)
        self._tails = Tails(self._context, connections, sources, sinks, topics=False)
        self._handlers: dict[type[Statement], Callable[[Any], Result]] = {
            Show: shower.show, ShowCreate: shower.show_create, Describe: shower.describe, Tail: self._tails.tail}
        self.transaction: Literal["none", "open", "failed"] = "none"
        self._own: object | None = None           # the transaction around one statement, as long as its result is being read
        self._working = threading.RLock()         # held while the cursor works: it must not be closed under a statement
        self._closed = False

    # ---- statements --------------------------------------------------------------------------------------------------

    def run(self, text: str, parameters: Sequence[Any] = (), *, timeout_s: float | None = None, endless: bool = False) -> Result:
        """One statement that reads. Rows are read later, from the Result. `endless`: TAIL without a LIMIT may be asked for."""
        self._context.cancel.begin()
        try:
            with self._at_work(), patient(self._context.cancel.check, self._context.settings.timeout):
                return self._run(text, parameters, timeout_s, endless)
        except duckdb.InterruptException:         # in a question of ours about the statement
            self._failed()
            raise CancelledError("interrupted") from None
        except Error as error:
            self._failed()
            raise told(error, text) from None

    def _run(self, text: str, parameters: Sequence[Any], timeout_s: float | None, endless: bool) -> Result:
        self._refuse_failed()
        statement = permitted(self._judge, text, remote=True, endless=endless)
        if isinstance(statement, DuckStatement):
            return self._query(statement.text, parameters, timeout_s)
        self._free()
        self._context.settings = replace(self._context.settings, statement_timeout=None if endless else timeout_s)
        self._refresh()
        return self._handlers[type(statement)](statement)

    def allowed(self, text: str) -> Statement:
        """The statement of a text that only reads, with what it names made ready: for a server that runs it by itself."""
        with patient(self._context.cancel.check, self._context.settings.timeout):
            statement = permitted(self._judge, text, remote=True)
            if isinstance(statement, DuckStatement):
                self._make_ready(statement.text)
        return statement

    def _make_ready(self, text: str) -> None:
        if "kshell." in text.lower():
            self._refresh()
        self._lakes.prepare(text)

    def _query(self, text: str, parameters: Sequence[Any], timeout_s: float | None) -> Result:
        self._make_ready(text)
        with self._reading() as own:
            try:
                result = self._runner.run(text, parameters, timeout_s=timeout_s, rewrite=False)
            except Error as error:
                raise self._of_topics(self._lakes.explained(error)) from None
            return Result(result.columns, self._batches(result), kind=result.kind, rowcount=result.rowcount, plan=result.plan,
                          on_close=lambda: self._end_own(own, result))

    def _of_topics(self, error: Error) -> Error:
        """`cluster.topic` is read by the process alone."""
        found = _NO_SCHEMA.search(error.message)
        if found and found["schema"] in self._connections.cluster_names():
            error.hint = (f"clients do not read topics: CREATE SOURCE {found['name']} FROM KAFKA {found['schema']}, by whoever runs the "
                          f"server, keeps it live: then FROM {found['name']} reads it")
        return error

    def _batches(self, result: Result) -> Iterator[pa.RecordBatch]:
        batches = result.batches()
        while True:
            try:
                with self._at_work():
                    batch = next(batches, None)
            except Error:
                self._failed()
                raise
            if batch is None:
                return
            yield batch

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        with self._working:
            if self._closed:
                raise CancelledError("interrupted: the connection is closed")
            yield

    def columns(self, text: str, parameters: Sequence[Any] = (), *, timeout_s: float | None = None) -> tuple[OutColumn, ...]:
        """Names and types of what a statement would give, without running a query. `parameters`: None for those not known. EXPLAIN and
        SUMMARIZE tell theirs only by running."""
        words = leading_words(text, 1)
        if words and words[0] not in _DESCRIBED and not text.lstrip().startswith("("):
            with contextlib.closing(self.run(text, parameters, timeout_s=timeout_s, endless=True)) as result:
                return result.columns
        try:
            with contextlib.closing(self.run(_DESCRIBE + text, parameters, timeout_s=timeout_s)) as described:
                rows = described.fetchall()
        except Error as error:
            if error.position is not None:
                error.position = max(0, error.position - len(_DESCRIBE))
            raise
        return Result.of_rows([(str(row[0]), str(row[1])) for row in rows], []).columns

    # ---- transactions ------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """From here on all statements see one moment, until `end`."""
        with self._at_work():
            self._free()
            if self.transaction == "none":
                self._enter()
                self.transaction = "open"

    def end(self) -> bool:
        """Whether all that ran in it went well."""
        with self._at_work():
            self._free()
            went_well = self.transaction != "failed"
            if self.transaction != "none":
                self.transaction = "none"
                self._rollback()
            return went_well

    @contextlib.contextmanager
    def _reading(self) -> Iterator[object]:
        """A transaction that cannot write, around one statement: the client's, or one that ends with the statement's result."""
        self._free()
        own = object()
        if self.transaction == "none":
            self._enter()
            self._own = own
        try:
            yield own
        except BaseException:
            self._end_own(own)
            raise

    def _end_own(self, own: object, result: Result | None = None) -> None:
        if result is not None:
            result.close()
        if self._own is own:
            self._own = None
            self._rollback()

    def _enter(self) -> None:
        """A transaction that cannot write. An interrupt that comes late, when its statement has ended, meets the words around the next
        one: what it leaves, a transaction that has failed and that nobody ends, is ended here."""
        try:
            self.cursor.execute(READ_ONLY)
        except duckdb.Error:
            self._rollback()
            try:
                self.cursor.execute(READ_ONLY)
            except duckdb.InterruptException:
                raise CancelledError("interrupted") from None

    def _rollback(self) -> None:
        for _ in range(MOST_LATE_INTERRUPTS):
            try:
                self.cursor.execute("ROLLBACK")
                return
            except duckdb.InterruptException:         # it came too late for the statement, and the transaction is still there
                continue
            except DUCKDB_ERRORS:                     # what an error has ended is over already
                return

    def _free(self) -> None:
        """The cursor is free: what is left of a result that somebody still holds is kept for him."""
        self._runner.free()
        if self._own is not None:
            self._own = None
            self._rollback()

    def _failed(self) -> None:
        if self.transaction == "open":
            self.transaction = "failed"

    def _refuse_failed(self) -> None:
        if self.transaction == "failed":
            raise RefusedError("the transaction has failed; nothing runs in it any more", hint="ROLLBACK ends it")

    # ---- settings, end -----------------------------------------------------------------------------------------------

    def set_zone(self, name: str) -> None:
        self._set("TimeZone", name)

    def set_search_path(self, path: str) -> None:
        """Schemas, separated by commas. The buffer's is not for clients, also not without its name."""
        if BUFFER_SCHEMA in path.lower():
            raise RefusedError(f"{BUFFER_SCHEMA} is kshell's own", hint="FROM live.name reads the rows that are in memory")
        self._set("search_path", path)

    def _set(self, setting: str, value: str) -> None:
        self.own(f"SET SESSION {setting} = {literal(value)}")

    def own(self, text: str) -> None:
        """A statement of kshell about this cursor alone: a setting, a variable. Never text of a client."""
        from kshell.query import translate

        try:
            with self._at_work():
                self._free()
                self.cursor.execute(text)
        except DUCKDB_ERRORS as raised:
            raise translate.error_of(translate.read(raised, text), text, hint=None) from None

    @property
    def zone(self) -> str:
        """The time zone of this cursor."""
        with self._at_work():
            self._free()
            found = self.cursor.execute("SELECT current_setting('TimeZone')").fetchone()
        return str(found[0]) if found else "UTC"

    def interrupt(self) -> None:
        """End what is running, from any thread. Repeat it until that has ended: DuckDB forgets an interrupt between two calls."""
        self._context.cancel.cancel()
        with contextlib.suppress(duckdb.ConnectionException):     # it is closed already
            self._runner.interrupt()
        self._tails.interrupt()

    def close(self) -> None:
        """End what is running, then the cursors. From any thread."""
        self._closed = True
        ends = time.monotonic() + CLOSE_S
        self._tails.close()
        self.interrupt()
        while not self._working.acquire(timeout=REPEAT_S):
            self.interrupt()
            if time.monotonic() > ends:           # it hangs in something that cannot be interrupted: left behind, with its cursors
                return
        try:
            self._rollback()
            self._runner.close()
            self._judge.close()
        finally:
            self._working.release()



__all__ = ["Remote"]
