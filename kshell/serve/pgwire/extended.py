"""The extended query protocol: statements that are parsed once, portals that are read in pieces.

Invariant: what is named stays until it is closed, the unnamed until the next one; a portal lives no longer than its transaction; the texts
and values that a client keeps here are bounded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kshell import lang
from kshell.errors import StatementSyntaxError
from kshell.output._shape import OutColumn
from kshell.serve.pgwire import codec, commands, messages, parser
from kshell.serve.pgwire.backend import Backend
from kshell.serve.pgwire.channel import Channel
from kshell.serve.pgwire.execution import Execution, send
from kshell.serve.pgwire.prepared import Portal, Prepared, described, formats_of, parameter_types
from kshell.serve.pgwire.sending import Sending
from kshell.serve.pgwire.sqlstate import StateError
from kshell.serve.pgwire.types import pg_type, sample

MOST_NAMED = 1000                                 # statements, and portals, of one client
MOST_HELD_BYTES = 16 * 1024 * 1024                # of texts, and of values, that one client keeps here


class Extended:
    def __init__(self, channel: Channel, backend: Backend) -> None:
        self._channel, self._backend = channel, backend
        self._statements: dict[str, Prepared] = {}
        self._portals: dict[str, Portal] = {}
        self._deferred: Portal | None = None      # described by the Execute that follows

    # ---- statements --------------------------------------------------------------------------------------------------

    async def parse(self, message: codec.Parse) -> None:
        if message.name and message.name in self._statements:
            raise StateError("42P05", f'prepared statement "{message.name}" already exists')
        _bounded(self._statements, "prepared statements", sum(s.size for s in self._statements.values()) + len(message.text))
        self._statements.pop(message.name, None)
        self._statements[message.name] = await self._channel.read(message.text, lambda text: _prepared(text, message.oids))
        await self._channel.put(messages.PARSE_COMPLETE)

    def _statement(self, name: str) -> Prepared:
        if name not in self._statements:
            raise StateError("26000", f'prepared statement "{name}" does not exist')
        return self._statements[name]

    # ---- portals -----------------------------------------------------------------------------------------------------

    async def bind(self, message: codec.Bind) -> None:
        prepared = self._statement(message.statement)
        if message.portal and message.portal in self._portals:
            raise StateError("42P03", f'portal "{message.portal}" already exists')
        if len(message.values) != len(prepared.oids):
            raise StateError("08P01", f"bind message supplies {len(message.values)} parameters, the statement needs {len(prepared.oids)}")
        await self._close_portal(message.portal)
        size = sum(len(v) for v in message.values if v is not None)
        _bounded(self._portals, "portals", sum(p.size for p in self._portals.values()) + size)
        formats = formats_of(message.formats, len(message.values), "parameter")
        given = zip(message.values, formats, strict=True)
        values = tuple(prepared.value(number, *one, self._backend.zone) for number, one in enumerate(given, 1))
        self._portals[message.portal] = Portal(prepared, values, message.result_formats, size)
        await self._channel.put(messages.BIND_COMPLETE)

    def _portal(self, name: str) -> Portal:
        """A cursor is a portal too: drivers declare one in SQL and describe it here."""
        if name in self._backend.cursors:
            return Portal(Prepared(commands.Fetch(name, None), (), 0, 0), (), (), 0)
        if name not in self._portals:
            raise StateError("34000", f'portal "{name}" does not exist')
        return self._portals[name]

    # ---- Describe ----------------------------------------------------------------------------------------------------

    async def describe(self, message: codec.Describe) -> None:
        if message.what == "S":
            return await self._describe_statement(self._statement(message.name))
        portal = self._portal(message.name)
        if portal.answer is None and self._channel.wire.peek() == b"E":
            self._deferred = portal               # the run tells the columns: no need to ask for them first
            return None
        return await self._describe_portal(portal)

    async def _describe_statement(self, prepared: Prepared) -> None:
        with self._channel.statement():
            columns = await self._channel.work(self._described, prepared)
        prepared.told = None if columns is None else tuple(pg_type(c.type).oid for c in columns)
        await self._channel.put(messages.parameter_description(prepared.oids) + _row_description(columns, ()))

    def _described(self, prepared: Prepared) -> Sequence[OutColumn] | None:
        """A client that asks wants to know what to send: types that nothing says are looked for, once the statement is known to be one."""
        known = tuple(None if number in prepared.guesses else sample(oid) for number, oid in enumerate(prepared.oids, 1))
        columns = self._columns(prepared, known)
        found = self._backend.inferred(prepared.command, prepared.guesses) if prepared.guesses else {}
        if not found:
            return columns
        prepared.learn(found)
        return self._columns(prepared, tuple(map(sample, prepared.oids)))

    def _columns(self, prepared: Prepared, parameters: Sequence[Any]) -> Sequence[OutColumn] | None:
        with prepared.placed():
            return self._backend.columns(prepared.command, parameters)

    async def _describe_portal(self, portal: Portal) -> None:
        columns = portal.columns
        if portal.answer is None:
            with self._channel.statement():
                columns = await self._channel.work(self._columns, portal.prepared, portal.parameters)
        portal.described = True
        await self._channel.put(_row_description(columns, portal.formats))

    async def settle(self, message: codec.Message) -> None:
        """A Describe that waits for its Execute is answered before any other message."""
        deferred, self._deferred = self._deferred, None
        if deferred is None:
            return
        if isinstance(message, codec.Execute) and self._portals.get(message.portal) is deferred:
            self._deferred = deferred
        else:
            await self._describe_portal(deferred)

    # ---- Execute -----------------------------------------------------------------------------------------------------

    async def execute(self, message: codec.Execute) -> None:
        portal, limit = self._portal(message.portal), message.limit or None
        describe, self._deferred = self._deferred is portal, None
        with self._channel.statement():
            execution = await self._channel.work(self._started, portal, limit, describe)
            await send(self._channel, self._backend, execution)
        if isinstance(portal.prepared.command, commands.End):
            await self.close_portals()

    def _started(self, portal: Portal, limit: int | None, describe: bool) -> Execution:
        if portal.answer is None:
            with portal.prepared.placed():
                portal.answer = self._backend.carry_out(portal.prepared.command, portal.parameters)
            if not (describe or portal.described):
                portal.prepared.check(portal.answer)
        elif portal.answer.rows is None:
            raise StateError("55000", "the portal has been run already")
        sending = Sending(portal.answer, portal.formats, self._backend.zone, limit=limit, describe=describe, no_data=describe)
        return Execution(self._backend, portal.answer, sending)

    # ---- ends --------------------------------------------------------------------------------------------------------

    async def close(self, message: codec.Close) -> None:
        """What is not there is closed already."""
        if message.what == "S":
            self._statements.pop(message.name, None)
        else:
            await self._close_portal(message.name)
        await self._channel.put(messages.CLOSE_COMPLETE)

    def forget(self, names: list[str | None]) -> None:
        """DEALLOCATE: these statements end; None: all."""
        for name in names:
            for one in list(self._statements) if name is None else [name]:
                self._statements.pop(one, None)
        names.clear()

    async def close_unnamed(self) -> None:
        self._statements.pop("", None)
        await self._close_portal("")

    async def close_portals(self) -> None:
        self._deferred = None
        for name in list(self._portals):
            await self._close_portal(name)

    async def _close_portal(self, name: str) -> None:
        portal = self._portals.pop(name, None)
        if portal is not None and portal.answer is not None and portal.answer.rows is not None:
            await self._channel.work(portal.answer.rows.close)


def _prepared(text: str, oids: Sequence[int]) -> Prepared:
    pieces = lang.split(text)
    if len(pieces) > 1:
        raise StatementSyntaxError("cannot insert multiple commands into a prepared statement", hint="send one at a time",
                                   position=pieces[1].start)
    if pieces and pieces[0].kind == "dot":
        raise StatementSyntaxError(f"{pieces[0].text.split()[0]} is a command of the shell, not a statement", position=pieces[0].start)
    statement = pieces[0].text if pieces else ""
    types, guesses = parameter_types(statement, oids)
    return Prepared(parser.command(statement), types, pieces[0].start if pieces else 0, len(text), guesses)


def _row_description(columns: Sequence[OutColumn] | None, formats: Sequence[int]) -> bytes:
    return messages.NO_DATA if columns is None else messages.row_description(described(columns, formats))


def _bounded(held: dict[str, Any], what: str, size: int) -> None:
    if len(held) >= MOST_NAMED or size > MOST_HELD_BYTES:
        raise StateError("53400", f"too many {what} are open", hint="close those that are not used any more")
