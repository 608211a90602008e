"""Backend: one session as PostgreSQL has them: its transaction, its cursors, its settings, its named statements. Used on worker threads.

Invariant: one command at a time; in a transaction that has failed nothing runs until it ends; a cursor lives as long as its transaction, or
with HOLD as long as the session."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from kshell.errors import Error, ReadOnlyError
from kshell.lang.tokens import leading_words
from kshell.output._shape import OutColumn
from kshell.query.result import Result
from kshell.query.rewrite import Edits
from kshell.serve.pgwire import commands, messages
from kshell.serve.pgwire.commands import Command, Query
from kshell.serve.pgwire.compat import Canned, ClientSettings, canned, column_name, hint, missing, rewrite, search_path
from kshell.serve.pgwire.compat.settings import REPORTED
from kshell.serve.pgwire.copying import COPY_FORM
from kshell.serve.pgwire.inference import inferred
from kshell.serve.pgwire.rows import Fetched, ResultRows, Rows, pass_over
from kshell.serve.pgwire.sqlstate import StateError, plain
from kshell.serve.pgwire.types.copy import CopyForm

if TYPE_CHECKING:
    from kshell.serve.client import Client

Status = Literal["I", "T", "E"]                   # outside a transaction, inside one, inside one that has failed
MOST_CURSORS = 100
_TAGS = {"SHOW": "SHOW", "EXPLAIN": "EXPLAIN"}    # of what does not count its rows; the others are SELECT n


@dataclass(frozen=True, slots=True)
class Answer:
    """`tag` stands at the end, with the number of rows for `{}`. `rows` None: there are none."""

    tag: str
    rows: Rows | None = None
    copy: CopyForm | None = None
    empty: bool = False


class Backend:
    """`notices` are warnings for the client: fields of NoticeResponse."""

    def __init__(self, client: Client, settings: ClientSettings) -> None:
        self.settings = settings
        self.status: Status = "I"
        self.notices: list[dict[str, str]] = []
        self.streaming = False                    # a cursor outside a transaction may read from DuckDB, in one of its own
        self.deallocated: list[str | None] = []   # names of statements that DEALLOCATE has ended; None: all
        self._client = client
        self._changed: dict[str, str] = {}        # settings that the client has not been told yet
        self.cursors: dict[str, tuple[Rows, bool]] = {}       # by name: rows, and whether with HOLD

    @classmethod
    def begun(cls, client: Client, asked: Mapping[str, str]) -> Backend:
        """For a client that has just logged in. `asked`: the settings of its first message; BadValueError for what cannot be kept."""
        made = cls(client, ClientSettings(client.user, zone=client.remote.zone, pid=client.id, start=asked))
        everything = {name: made.settings.show(name) for name in REPORTED}
        made._take(everything | {"search_path": made.settings.show("search_path")})
        made._changed = everything
        return made

    @property
    def zone(self) -> str:
        return self.settings.show("TimeZone")

    def told(self) -> bytes:
        """What the client has to hear besides the answer: warnings, and settings that have changed."""
        said = b"".join([*map(messages.notice, self.notices), *(messages.parameter_status(k, v) for k, v in self._changed.items())])
        self.notices.clear()
        self._changed.clear()
        return said

    def _apply(self, known: Canned) -> None:
        before = dict.fromkeys(known.sets, "")
        for name in before:
            before[name] = self.settings.show(name)
        self.settings.apply(known.sets, known.scope)
        try:
            self._take({name: self.settings.show(name) for name in known.sets})
        except Error:
            self.settings.apply(before, known.scope)
            raise

    def _take(self, changes: Mapping[str, str]) -> None:
        """What a changed setting means for the cursor, and for what the client is told."""
        if "TimeZone" in changes:
            self._set_zone(changes["TimeZone"])
        if "search_path" in changes:
            self._client.remote.set_search_path(search_path(changes["search_path"]))
        if changes:
            self._client.remote.own(self.settings.session_sql())
        self._changed.update((name, value) for name, value in changes.items() if name in REPORTED)

    def _set_zone(self, name: str) -> None:
        try:
            self._client.remote.set_zone(name)
        except Error:
            raise StateError("22023", f'invalid value for parameter "TimeZone": "{name}"',
                             hint="FROM pg_timezone_names() lists the zones") from None

    # ---- what a command does -----------------------------------------------------------------------------------------

    def carry_out(self, command: Command, parameters: Sequence[Any] = ()) -> Answer:
        """Raises what the statement raises; in a transaction that makes it a failed one."""
        try:
            return self._carried_out(command, parameters)
        except BaseException:
            self.failed()
            raise

    def failed(self) -> None:
        if self.status == "T":
            self.status = "E"

    def _carried_out(self, command: Command, parameters: Sequence[Any]) -> Answer:
        match command:
            case commands.Empty():
                return Answer("", empty=True)
            case commands.End():
                return self._end(command)
            case commands.Savepoint(action="ROLLBACK"):
                return self._to_savepoint()
            case _ if self.status == "E":
                raise _aborted()
            case commands.Query():
                return self._query(command, parameters)
            case commands.CopyOut():
                return self._copy(command, parameters)
            case _:
                return self._own(command, parameters)

    def _own(self, command: Command, parameters: Sequence[Any]) -> Answer:
        match command:
            case commands.Begin():
                return self._begin(command)
            case commands.Savepoint():
                return self._savepoint(command)
            case commands.Declare():
                return self._declare(command, parameters)
            case commands.Fetch():
                return self._fetch(command)
            case commands.CloseCursor():
                return self._close(command)
            case commands.Deallocate():
                self.deallocated.append(command.name)
                return Answer("DEALLOCATE ALL" if command.name is None else "DEALLOCATE")
            case _:
                return Answer("UNLISTEN")

    def columns(self, command: Command, parameters: Sequence[Any]) -> Sequence[OutColumn] | None:
        """What the command would give, without running it; None: no rows."""
        try:
            match command:
                case commands.Query() if self.status == "E":
                    raise _aborted()
                case commands.Query():
                    return self._columns(command, parameters)
                case commands.Fetch(move=False):
                    return self._cursor(command.name).columns
                case _:
                    return None
        except BaseException:
            self.failed()
            raise

    # ---- queries -----------------------------------------------------------------------------------------------------

    def _query(self, query: Query, parameters: Sequence[Any], *, endless: bool = False) -> Answer:
        known = canned(query.text, self.settings)
        if known is not None:
            self._apply(known)
            if known.tag.startswith("DISCARD"):
                self._close(commands.CloseCursor(None))
            if known.deallocates is not None:
                self.deallocated.append(None if known.deallocates == "*" else known.deallocates)
            rows = ResultRows(Result.of_rows(_texts(known.columns), known.rows)) if known.columns else None
            return Answer(known.tag, rows)
        result = self._run(query, parameters, endless=endless)
        if result.kind == "done":
            return Answer(_tag(query.text))
        return Answer(_tag(query.text), ResultRows(result))

    def _run(self, query: Query, parameters: Sequence[Any], *, endless: bool) -> Result:
        edits = rewrite(query.text)
        try:
            result = self._client.run(edits.text, parameters, timeout_s=self.settings.statement_timeout_s, endless=endless)
        except Error as error:
            raise self._placed(error, edits, query.at) from None
        result.columns = _named(result.columns)
        return result

    def _copy(self, command: commands.CopyOut, parameters: Sequence[Any]) -> Answer:
        """TAIL without LIMIT has an end here: that of the client's patience."""
        answer = self._query(command.query, parameters, endless=leading_words(command.query.text, 1) == ("TAIL",))
        if answer.rows is None:
            raise StateError("42601", "COPY sends the rows of a query", hint=COPY_FORM)
        return Answer("COPY {}", answer.rows, copy=command.form)

    def _columns(self, query: Query, parameters: Sequence[Any]) -> Sequence[OutColumn] | None:
        known = canned(query.text, self.settings)
        if known is not None:
            return Result.of_rows(_texts(known.columns), ()).columns if known.columns else None
        edits = rewrite(query.text)
        try:
            return _named(self._client.columns(edits.text, parameters, timeout_s=self.settings.statement_timeout_s)) or None
        except Error as error:
            raise self._placed(error, edits, query.at) from None

    def _placed(self, error: Error, edits: Edits, at: int) -> Error:
        """The error with its place in what the client wrote, and what DuckDB has for a name that only PostgreSQL has."""
        line = missing(edits.original, error.message)
        if line is not None:
            self._client.tell("info", line)
        error.hint = hint(error.message, edits.original) or error.hint
        if isinstance(error, ReadOnlyError) and leading_words(edits.original, 1) == ("TAIL",):
            error.hint = f"{error.hint}, or COPY ({edits.original}) TO STDOUT sends rows as they come"
        if error.position is not None:
            error.position, error.length = edits.place(error.position, error.length)
            error.position += at
        return error

    def inferred(self, command: Command, numbers: Collection[int]) -> Mapping[int, int]:
        """The types of these parameters as far as the query tells them, on a cursor of its own: a failure there is none of the client's."""
        if not isinstance(command, Query) or canned(command.text, self.settings) is not None:
            return {}
        path = search_path(self.settings.show("search_path"))
        return inferred(self._client.remote.cursor, path, rewrite(command.text).text, numbers)

    # ---- transactions ------------------------------------------------------------------------------------------------

    def _begin(self, command: commands.Begin) -> Answer:
        if self.status == "T":
            self.notices.append(plain("25001", "there is already a transaction in progress", severity="WARNING"))
        else:
            self._enter()
        return Answer(command.tag)

    def _enter(self) -> None:
        self._client.begin()
        self.settings.begin()
        self.status = "T"

    def _end(self, command: commands.End) -> Answer:
        if self.status == "I":
            self.notices.append(plain("25P01", "there is no transaction in progress", severity="WARNING"))
        committed = command.commit and self.status != "E"
        self._leave(commit=committed)
        if command.chain:
            self._enter()
        return Answer("COMMIT" if committed else "ROLLBACK")

    def _leave(self, *, commit: bool) -> None:
        """End the transaction, if there is one, and the cursors and settings that live in it."""
        for name, (rows, hold) in list(self.cursors.items()):
            if not hold:
                del self.cursors[name]
                rows.close()
        self._client.end()
        self.status = "I"
        self._take(self.settings.end(commit=commit))

    def _savepoint(self, command: commands.Savepoint) -> Answer:
        if self.status == "I":
            raise StateError("25P01", f"{command.action} can only be used in transaction blocks", hint="BEGIN starts one")
        return Answer(command.action)

    def _to_savepoint(self) -> Answer:
        """A failed transaction goes on: what only reads has nothing to take back. Its moment is the one at which it goes on."""
        if self.status == "I":
            raise StateError("25P01", "ROLLBACK TO SAVEPOINT can only be used in transaction blocks", hint="BEGIN starts one")
        if self.status == "E":
            self._client.end()
            self._client.begin()
            self.status = "T"
        return Answer("ROLLBACK")

    # ---- cursors -----------------------------------------------------------------------------------------------------

    def _declare(self, command: commands.Declare, parameters: Sequence[Any]) -> Answer:
        if self.status == "I" and not command.hold:
            raise StateError("25P01", "DECLARE CURSOR can only be used in transaction blocks", hint="BEGIN first, or declare it WITH HOLD")
        if command.name in self.cursors:
            raise StateError("42P03", f'cursor "{command.name}" already exists', hint=f'CLOSE "{command.name}" ends it')
        if len(self.cursors) >= MOST_CURSORS:
            raise StateError("53400", f"{MOST_CURSORS} cursors are open already", hint="CLOSE ALL ends them")
        answer = self._query(command.query, parameters)
        if answer.rows is None:
            raise StateError("42601", "a cursor reads a query")
        self.cursors[command.name] = answer.rows, command.hold
        self.streaming = self.status == "I"
        return Answer("DECLARE CURSOR")

    def let_go(self) -> None:
        """Nobody has asked for a while: what such a cursor has left is kept, as far as it may be, and its transaction ends."""
        self._client.end()
        self.streaming = False

    def _fetch(self, command: commands.Fetch) -> Answer:
        rows = Fetched(self._cursor(command.name), command.count)
        return Answer(f"MOVE {pass_over(rows)}") if command.move else Answer("FETCH {}", rows)

    def _close(self, command: commands.CloseCursor) -> Answer:
        names = list(self.cursors) if command.name is None else [command.name]
        for name in names:
            self._cursor(name).close()
            del self.cursors[name]
        return Answer("CLOSE CURSOR ALL" if command.name is None else "CLOSE CURSOR")

    def _cursor(self, name: str) -> Rows:
        if name not in self.cursors:
            raise StateError("34000", f'cursor "{name}" does not exist')
        return self.cursors[name][0]


def _aborted() -> StateError:
    return StateError("25P02", "current transaction is aborted, commands ignored until end of transaction block", hint="ROLLBACK ends it")


def _texts(names: Sequence[str]) -> list[tuple[str, str]]:
    return [(name, "VARCHAR") for name in names]


def _tag(text: str) -> str:
    words = leading_words(text, 1)
    return _TAGS.get(words[0] if words else "", "SELECT {}")


def _named(columns: Sequence[OutColumn]) -> tuple[OutColumn, ...]:
    return tuple(replace(column, name=column_name(column.name)) for column in columns)
