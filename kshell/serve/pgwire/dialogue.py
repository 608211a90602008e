"""Dialogue: the messages of a client that is logged in, answered one after another.

Invariant: after an error in the extended protocol everything up to Sync is passed over; only Sync, a simple query and a function call end
in ReadyForQuery; a transaction in which nothing happens for IDLE_IN_TRANSACTION_S ends, because it holds memory."""

from __future__ import annotations

import asyncio

from kshell.errors import Error, InternalError
from kshell.serve.pgwire import codec, messages, simple
from kshell.serve.pgwire.backend import Backend
from kshell.serve.pgwire.channel import Channel, Gone
from kshell.serve.pgwire.codec import Frame, ProtocolError
from kshell.serve.pgwire.extended import Extended
from kshell.serve.pgwire.sqlstate import FEATURE_NOT_SUPPORTED, IDLE_IN_TRANSACTION, StateError, fields_of

IDLE_IN_TRANSACTION_S = 60.0
_SYNC, _TERMINATE = b"S", b"X"
_READY_AFTER = (b"Q", b"F")                       # these end in ReadyForQuery whatever happens in them


class Dialogue:
    """`stop` may be called at any time, in the loop."""

    def __init__(self, channel: Channel, backend: Backend) -> None:
        self._channel, self._backend = channel, backend
        self._extended = Extended(channel, backend)
        self._skipping = False

    async def run(self) -> None:
        """Until the client says goodbye. Raises Gone, ProtocolError, or StateError for what ends the connection."""
        await self._ready()
        while (frame := await self._next()) is not None and frame.kind != _TERMINATE:
            if not self._skipping or frame.kind == _SYNC:
                await self._answer(frame)

    async def _next(self) -> Frame | None:
        self._channel.check_ending()
        try:
            frame = await self._frame()
        except TimeoutError:
            if self._backend.status != "I":
                raise StateError(IDLE_IN_TRANSACTION, "terminating connection due to idle-in-transaction timeout",
                                 hint=f"a transaction in which nothing happens ends after {IDLE_IN_TRANSACTION_S:.0f} s") from None
            await self._channel.work(self._backend.let_go)
            frame = await self._frame()
        self._channel.check_ending()
        return frame

    async def _frame(self) -> Frame | None:
        holds = self._backend.status != "I" or self._backend.streaming
        async with asyncio.timeout(IDLE_IN_TRANSACTION_S if holds else None):
            return await self._channel.wire.frame()

    def cancel(self) -> None:
        self._channel.interrupt()

    def stop(self) -> None:
        """The server ends: so does what is running, and then the connection, with a word about it."""
        self._channel.interrupt()
        self._channel.wire.stop_reading()

    # ---- one message -------------------------------------------------------------------------------------------------

    async def _answer(self, frame: Frame) -> None:
        try:
            message = codec.message(frame)
            await self._extended.settle(message)
            await self._carry_out(message)
        except ProtocolError as broken:
            if broken.fatal:
                raise
            await self._failed(frame, StateError(broken.sqlstate, broken.message))
        except Error as error:
            await self._failed(frame, error)
        except (Gone, ConnectionError):
            raise
        except Exception as defect:  # noqa: BLE001  a defect of ours ends one statement, and neither the connection nor the server
            await self._failed(frame, InternalError(f"{type(defect).__name__}: {defect}", hint="a defect of kshell: please report it"))
        self._extended.forget(self._backend.deallocated)
        if frame.kind in _READY_AFTER:
            await self._ready()

    async def _carry_out(self, message: codec.Message) -> None:
        match message:
            case codec.Query(text):
                await self._extended.close_unnamed()
                await simple.run(self._channel, self._backend, text)
            case codec.Parse():
                await self._extended.parse(message)
            case codec.Bind():
                await self._extended.bind(message)
            case codec.Describe():
                await self._extended.describe(message)
            case codec.Execute():
                await self._extended.execute(message)
            case codec.Close():
                await self._extended.close(message)
            case codec.Sync():
                self._skipping = False
                await self._ready()
            case codec.Flush():
                await self._channel.flush()
            case codec.FunctionCall():
                raise StateError(FEATURE_NOT_SUPPORTED, "function calls are not supported", hint="SELECT function(...)")

    async def _failed(self, frame: Frame, error: Error) -> None:
        self._channel.check_ending()
        self._backend.failed()
        self._skipping = frame.kind not in _READY_AFTER and frame.kind != _SYNC
        await self._channel.put(self._backend.told() + messages.error(fields_of(error)))
        await self._channel.flush()

    async def _ready(self) -> None:
        """Outside a transaction no portal lives on."""
        if self._backend.status == "I":
            await self._extended.close_portals()
        await self._channel.put(messages.ready(self._backend.status))
        await self._channel.flush()
