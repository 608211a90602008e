"""A server that speaks no protocol: whoever connects is told a line. It takes the place of a kind in tests of what is around servers."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType

import pytest

from kshell.serve.host import Host

GREETING = b"hello\n"


class Running:
    def __init__(self, server: asyncio.Server, address: str) -> None:
        self._server, self.address = server, address

    async def stop(self, timeout_s: float) -> None:
        self._server.close()


async def start(host: Host) -> Running:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        context = writer.get_extra_info("ssl_object")
        writer.write(GREETING if context is None else GREETING.upper())
        writer.close()

    (listening,) = host.access.listen()
    return Running(await asyncio.start_server(greet, sock=listening, ssl=host.access.tls), host.access.address)


def take_the_place_of(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType(f"kshell.serve.{kind}")
    module.start = start  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, f"kshell.serve.{kind}", module)


def main() -> int:
    """`python -m tests.serve.stand_in serve ...`: the program, in which pgwire and http are this."""
    from kshell.cli import main as program

    with pytest.MonkeyPatch.context() as patched:
        for kind in ("pgwire", "http"):
            take_the_place_of(kind, patched)
        return program(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
