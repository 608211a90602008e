"""A small PostgreSQL client that says whatever a test wants said, in whatever order: the frontend's messages as bytes, the server's as they
come. Login by SCRAM is scramp's; nothing here is the product's own code."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import scramp

Message = tuple[bytes, bytes]
WAIT_S = 30.0


def packet(kind: bytes, body: bytes = b"") -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value: str) -> bytes:
    return value.encode() + b"\0"


def startup(parameters: dict[str, str], version: int = 196608) -> bytes:
    body = struct.pack("!i", version) + b"".join(text(k) + text(v) for k, v in parameters.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def query(sql: str) -> bytes:
    return packet(b"Q", text(sql))


def parse(sql: str, name: str = "", oids: Sequence[int] = ()) -> bytes:
    return packet(b"P", text(name) + text(sql) + struct.pack(f"!h{len(oids)}I", len(oids), *oids))


def bind(values: Sequence[bytes | None] = (), *, portal: str = "", statement: str = "", formats: Sequence[int] = (),
         results: Sequence[int] = ()) -> bytes:
    shown = b"".join(struct.pack("!i", -1) if v is None else struct.pack("!i", len(v)) + v for v in values)
    return packet(b"B", text(portal) + text(statement) + _shorts(formats) + struct.pack("!h", len(values)) + shown + _shorts(results))


def _shorts(values: Sequence[int]) -> bytes:
    return struct.pack(f"!h{len(values)}h", len(values), *values)


def describe(what: str, name: str = "") -> bytes:
    return packet(b"D", what.encode() + text(name))


def execute(limit: int = 0, portal: str = "") -> bytes:
    return packet(b"E", text(portal) + struct.pack("!i", limit))


def close(what: str, name: str = "") -> bytes:
    return packet(b"C", what.encode() + text(name))


SYNC, FLUSH, TERMINATE = packet(b"S"), packet(b"H"), packet(b"X")


def fields(body: bytes) -> dict[str, str]:
    """Of an error or a notice."""
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def row(body: bytes) -> list[bytes | None]:
    found: list[bytes | None] = []
    at = 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        (length,) = struct.unpack("!i", body[at:at + 4])
        found.append(None if length < 0 else body[at + 4:at + 4 + length])
        at += 4 + max(0, length)
    return found


def columns(body: bytes) -> list[tuple[str, int]]:
    """Name and type of each column of a RowDescription."""
    found, at = [], 2
    for _ in range(struct.unpack("!h", body[:2])[0]):
        end = body.index(b"\0", at)
        found.append((body[at:end].decode(), struct.unpack("!I", body[end + 7:end + 11])[0]))
        at = end + 19
    return found


@dataclass
class Talk:
    """What came up to ReadyForQuery."""

    messages: list[Message] = field(default_factory=list)

    @property
    def kinds(self) -> str:
        """The kinds in order; rows in a row are one D."""
        shown = ""
        for kind, _ in self.messages:
            if kind != b"D" or not shown.endswith("D"):
                shown += kind.decode()
        return shown

    def _bodies(self, kind: bytes) -> list[bytes]:
        return [body for found, body in self.messages if found == kind]

    @property
    def rows(self) -> list[list[bytes | None]]:
        return [row(body) for body in self._bodies(b"D")]

    @property
    def tags(self) -> list[str]:
        return [body[:-1].decode() for body in self._bodies(b"C")]

    @property
    def columns(self) -> list[tuple[str, int]]:
        return columns(self._bodies(b"T")[-1])

    @property
    def error(self) -> dict[str, str]:
        return fields(self._bodies(b"E")[0])

    @property
    def notices(self) -> list[dict[str, str]]:
        return [fields(body) for body in self._bodies(b"N")]

    @property
    def status(self) -> str:
        return self.messages[-1][1].decode()


class Raw:
    """A connection before, or without, a login."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self.socket: socket.socket = socket.create_connection((host, int(port)), WAIT_S)
        self._file = self.socket.makefile("rb")

    def send(self, *data: bytes) -> None:
        self.socket.sendall(b"".join(data))

    def byte(self) -> bytes:
        return self._file.read(1)

    def secure(self) -> None:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self._file.close()
        self.socket = context.wrap_socket(self.socket)
        self._file = self.socket.makefile("rb")

    def message(self) -> Message | None:
        """None: the server has closed the connection."""
        head = self._file.read(5)
        if len(head) < 5:
            return None
        return head[:1], self._file.read(struct.unpack("!i", head[1:])[0] - 4)

    def rest(self) -> list[Message]:
        """Everything up to the end of the connection."""
        found = []
        while (message := self.message()) is not None:
            found.append(message)
        return found

    def close(self) -> None:
        self._file.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Connection(Raw):
    """Logged in. `parameters` are those that the server has told."""

    def __init__(self, address: str, password: str, user: str = "kshell", *, tls: bool = False, **asked: str) -> None:
        super().__init__(address)
        if tls:
            self.send(struct.pack("!ii", 8, 80877103))
            assert self.byte() == b"S"
            self.secure()
        self.send(startup({"user": user, **asked}))
        self.parameters: dict[str, str] = {}
        self.key = b""
        try:
            self._login(password)
        except BaseException:
            self.close()
            raise

    def _login(self, password: str) -> None:
        client = scramp.ScramClient(["SCRAM-SHA-256"], "ignored", password)
        while True:
            message = self.message()
            assert message is not None, "the server has closed the connection"
            kind, body = message
            if kind == b"R":
                self._proof(client, body)
            elif kind == b"S":
                name, value = body.split(b"\0")[:2]
                self.parameters[name.decode()] = value.decode()
            elif kind == b"K":
                self.key = body
            elif kind == b"E":
                raise Refused(fields(body))
            elif kind == b"Z":
                return

    def _proof(self, client: scramp.ScramClient, body: bytes) -> None:
        match struct.unpack("!i", body[:4])[0]:
            case 10:
                first = client.get_client_first().encode()
                self.send(packet(b"p", text("SCRAM-SHA-256") + struct.pack("!i", len(first)) + first))
            case 11:
                client.set_server_first(body[4:].decode())
                self.send(packet(b"p", client.get_client_final().encode()))
            case 12:
                client.set_server_final(body[4:].decode())

    def say(self, *data: bytes) -> Talk:
        """Send these, and read up to the next ReadyForQuery."""
        self.send(*data)
        return self.ready()

    def ready(self) -> Talk:
        talk = Talk()
        while True:
            message = self.message()
            assert message is not None, f"the server has closed the connection after {talk.kinds}"
            talk.messages.append(message)
            if message[0] == b"Z":
                return talk

    def query(self, sql: str) -> Talk:
        return self.say(query(sql))

    def cancel(self) -> None:
        with socket.create_connection(self.socket.getpeername(), WAIT_S) as other:
            other.sendall(struct.pack("!ii", 8 + len(self.key), 80877102) + self.key)
            other.recv(1)                         # the server closes it when it is done


class Refused(Exception):
    def __init__(self, said: dict[str, str]) -> None:
        super().__init__(said.get("M"))
        self.said = said
