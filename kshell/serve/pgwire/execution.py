"""Execution: one run of a statement, its pieces made on a worker while the loop sends the one before.

Invariant: what is left when an execution ends early is closed on a worker; a portal that is suspended keeps its rows."""

from __future__ import annotations

from kshell.serve.pgwire.backend import Answer, Backend
from kshell.serve.pgwire.channel import Channel
from kshell.serve.pgwire.sending import Sending


class Execution:
    """Made on a worker, with its first piece: a short answer needs no second turn on one."""

    def __init__(self, backend: Backend, answer: Answer, sending: Sending) -> None:
        self._backend, self._answer, self._sending = backend, answer, sending
        self.advance()

    def advance(self) -> None:
        try:
            self.piece = self._sending.piece()
        except BaseException:
            self._backend.failed()
            self.close()
            raise

    def close(self) -> None:
        if self._answer.rows is not None:
            self._answer.rows.close()


async def send(channel: Channel, backend: Backend, execution: Execution) -> None:
    """All pieces, as fast as the client takes them."""
    await channel.put(backend.told())
    try:
        while not execution.piece.over:
            await channel.put(execution.piece.data)
            await channel.flush()
            await channel.work(execution.advance)
        await channel.put(execution.piece.data)
    except BaseException:
        await channel.work(execution.close)
        raise
