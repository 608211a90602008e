"""The simple query protocol: a text of several statements, one result each.

Invariant: statements run in order; an error skips the rest; a place in an error counts from the start of the whole text."""

from __future__ import annotations

from kshell import lang
from kshell.errors import Error, StatementSyntaxError
from kshell.lang import Piece
from kshell.serve.pgwire import messages, parser
from kshell.serve.pgwire.backend import Backend
from kshell.serve.pgwire.channel import Channel
from kshell.serve.pgwire.execution import Execution, send
from kshell.serve.pgwire.sending import Sending


async def run(channel: Channel, backend: Backend, text: str) -> None:
    pieces = await channel.read(text, lang.split)
    if not pieces:
        await channel.put(messages.EMPTY_QUERY)
    for piece in pieces:
        with channel.statement():
            try:
                await send(channel, backend, await channel.work(_started, backend, piece))
            except Error as error:
                if error.position is not None:
                    error.position += piece.start
                raise


def _started(backend: Backend, piece: Piece) -> Execution:
    if piece.kind == "dot":
        raise StatementSyntaxError(f"{piece.text.split()[0]} is a command of the shell, not a statement", position=0)
    answer = backend.carry_out(parser.command(piece.text))
    return Execution(backend, answer, Sending(answer, (), backend.zone))
