"""What a PostgreSQL client sends (protocol 3.0), as bytes into values. No I/O.

Invariant: no length that a client names is believed beyond its bound, and whatever bytes come, the answer is a value, None for "not yet",
or a ProtocolError; nothing else is raised and nothing is kept beyond MAX_FRAME_BYTES and the piece that was fed last."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal, NamedTuple

MAX_STARTUP_BYTES = 10_000                        # as PostgreSQL
MAX_LOGIN_BYTES = 65_536                          # any message before the login is done
MAX_FRAME_BYTES = 4 * 1024 * 1024                 # any later message: a statement of 1 MiB and its parameters

CANCEL, SSL, GSSENC = 80877102, 80877103, 80877104
_HEAD = struct.Struct("!cI")
_I16, _I32 = struct.Struct("!h"), struct.Struct("!i")


class ProtocolError(Exception):
    """The client broke the protocol. `fatal`: where the next message begins is not known, so the connection ends."""

    def __init__(self, message: str, *, sqlstate: str = "08P01", fatal: bool = True) -> None:
        super().__init__(message)
        self.message, self.sqlstate, self.fatal = message, sqlstate, fatal


# ---- frames ----------------------------------------------------------------------------------------------------------


class Frame(NamedTuple):
    kind: bytes                                   # one byte
    body: bytes


class Inbox:
    """Bytes as they come; frames as they are complete."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> None:
        self._held += data

    def __len__(self) -> int:
        return len(self._held)

    def startup(self) -> bytes | None:
        """The body of the first message, which has no kind: it begins with a protocol number."""
        if len(self._held) < 4:
            return None
        length = int.from_bytes(self._held[:4], "big")
        if not 8 <= length <= MAX_STARTUP_BYTES:
            raise ProtocolError("invalid length of startup packet")
        return self._taken(4, length)

    def frame(self, most: int = MAX_FRAME_BYTES) -> Frame | None:
        if len(self._held) < 5:
            return None
        kind, length = _HEAD.unpack_from(self._held)
        if length < 4 or length > most:
            raise ProtocolError(f"invalid length {length} of message {_shown(kind)}; the most is {most}")
        body = self._taken(5, length + 1)
        return None if body is None else Frame(kind, body)

    def next_kind(self) -> bytes | None:
        """The kind of the message that comes next, if its first byte is here."""
        return bytes(self._held[:1]) or None

    def _taken(self, start: int, end: int) -> bytes | None:
        if len(self._held) < end:
            return None
        body = bytes(self._held[start:end])
        del self._held[:end]
        return body


def _shown(kind: bytes) -> str:
    return repr(kind.decode("latin-1"))


# ---- the first message -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Startup:
    major: int
    minor: int
    parameters: dict[str, str]


@dataclass(frozen=True, slots=True)
class Encryption:
    """SSLRequest or GSSENCRequest: one byte answers, and a first message comes again."""

    kind: Literal["ssl", "gss"]


@dataclass(frozen=True, slots=True)
class Cancel:
    process: int
    key: bytes


def first(body: bytes) -> Startup | Encryption | Cancel:
    code = int.from_bytes(body[:4], "big")
    match code:
        case x if x == SSL:
            return Encryption("ssl")
        case x if x == GSSENC:
            return Encryption("gss")
        case x if x == CANCEL:
            reader = _Fields(body[4:], "CancelRequest")
            return Cancel(reader.int32(), reader.rest())
        case _:
            return Startup(code >> 16, code & 0xFFFF, _parameters(body[4:]))


def _parameters(body: bytes) -> dict[str, str]:
    """Pairs of texts up to an empty name."""
    fields, found = _Fields(body, "StartupMessage"), {}
    while name := fields.text():
        found[name] = fields.text()
    fields.end()
    return found


# ---- messages after the login ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    text: str


@dataclass(frozen=True, slots=True)
class Parse:
    name: str
    text: str
    oids: tuple[int, ...]                         # 0: not said


@dataclass(frozen=True, slots=True)
class Bind:
    portal: str
    statement: str
    formats: tuple[int, ...]                      # of the parameters; none: all text; one: for all
    values: tuple[bytes | None, ...]
    result_formats: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Describe:
    what: Literal["S", "P"]
    name: str


@dataclass(frozen=True, slots=True)
class Execute:
    portal: str
    limit: int                                    # rows; 0: all


@dataclass(frozen=True, slots=True)
class Close:
    what: Literal["S", "P"]
    name: str


@dataclass(frozen=True, slots=True)
class Sync:
    pass


@dataclass(frozen=True, slots=True)
class Flush:
    pass


@dataclass(frozen=True, slots=True)
class Terminate:
    pass


@dataclass(frozen=True, slots=True)
class CopyPart:
    """CopyData, CopyDone, CopyFail: of a COPY FROM that was refused. Passed over, as the protocol says."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    pass


Message = Query | Parse | Bind | Describe | Execute | Close | Sync | Flush | Terminate | CopyPart | FunctionCall


def message(frame: Frame) -> Message:
    fields = _Fields(frame.body, f"message {_shown(frame.kind)}")
    match frame.kind:
        case b"Q":
            read: Message = Query(fields.text())
        case b"P":
            read = Parse(fields.text(), fields.text(), tuple(fields.uint32() for _ in range(fields.count(4))))
        case b"B":
            read = _bind(fields)
        case b"D":
            read = Describe(fields.what(), fields.text())
        case b"C":
            read = Close(fields.what(), fields.text())
        case b"E":
            read = Execute(fields.text(), max(0, fields.int32()))
        case b"S":
            read = Sync()
        case b"H":
            read = Flush()
        case b"X":
            read = Terminate()
        case b"d" | b"c" | b"f":
            return CopyPart()
        case b"F":
            return FunctionCall()
        case _:
            raise ProtocolError(f"invalid frontend message type {_shown(frame.kind)}")
    fields.end()
    return read


def _bind(fields: _Fields) -> Bind:
    portal, statement = fields.text(), fields.text()
    formats = tuple(fields.int16() for _ in range(fields.count(2)))
    values = tuple(fields.value() for _ in range(fields.count(4)))
    return Bind(portal, statement, formats, values, tuple(fields.int16() for _ in range(fields.count(2))))


def sasl_initial(body: bytes) -> tuple[str, bytes]:
    """Mechanism and first data of a SASLInitialResponse."""
    fields = _Fields(body, "SASLInitialResponse")
    mechanism, data = fields.text(), fields.value()
    fields.end()
    return mechanism, data or b""


def password(body: bytes) -> str:
    fields = _Fields(body, "PasswordMessage")
    found = fields.text()
    fields.end()
    return found


class _Fields:
    """A message read from left to right; running out of bytes, or bytes left over, is an error of this message only."""

    def __init__(self, body: bytes, what: str) -> None:
        self._body, self._at, self._what = body, 0, what

    def _malformed(self, said: str) -> ProtocolError:
        return ProtocolError(f"{said} in {self._what}", fatal=False)

    def take(self, length: int) -> bytes:
        end = self._at + length
        if length < 0 or end > len(self._body):
            raise self._malformed("insufficient data left")
        found, self._at = self._body[self._at:end], end
        return found

    def rest(self) -> bytes:
        return self.take(len(self._body) - self._at)

    def int16(self) -> int:
        return int(_I16.unpack(self.take(2))[0])

    def int32(self) -> int:
        return int(_I32.unpack(self.take(4))[0])

    def uint32(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def count(self, each: int) -> int:
        """How many fields of at least `each` bytes follow; more than the message can hold is refused before anything is made."""
        number = int.from_bytes(self.take(2), "big")
        if number * each > len(self._body) - self._at:
            raise self._malformed("insufficient data left")
        return number

    def value(self) -> bytes | None:
        length = self.int32()
        return None if length == -1 else self.take(length)

    def text(self) -> str:
        end = self._body.find(b"\0", self._at)
        if end < 0:
            raise self._malformed("a string without its end")
        data, self._at = self._body[self._at:end], end + 1
        try:
            return data.decode()
        except UnicodeDecodeError as bad:
            raise ProtocolError(f'invalid byte sequence for encoding "UTF8": 0x{data[bad.start]:02x}', sqlstate="22021",
                                fatal=False) from None

    def what(self) -> Literal["S", "P"]:
        match self.take(1):
            case b"S":
                return "S"
            case b"P":
                return "P"
            case other:
                raise self._malformed(f"{_shown(other)} is neither statement nor portal")

    def end(self) -> None:
        if self._at != len(self._body):
            raise self._malformed("bytes left over")
