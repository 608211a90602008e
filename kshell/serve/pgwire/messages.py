"""What the server sends, as bytes. No I/O. DataRow is made by the row encoder, a whole batch at a time.

Invariant: a text that would end a C string early, or that is not UTF-8, is made printable; every message is well-formed."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

_HEAD = struct.Struct("!cI")
_COLUMN = struct.Struct("!IhIhih")

AUTHENTICATION_OK = b"R\0\0\0\x08\0\0\0\0"
CLEARTEXT_PASSWORD = b"R\0\0\0\x08\0\0\0\x03"
PARSE_COMPLETE = b"1\0\0\0\x04"
BIND_COMPLETE = b"2\0\0\0\x04"
CLOSE_COMPLETE = b"3\0\0\0\x04"
NO_DATA = b"n\0\0\0\x04"
PORTAL_SUSPENDED = b"s\0\0\0\x04"
EMPTY_QUERY = b"I\0\0\0\x04"
COPY_DONE = b"c\0\0\0\x04"


def message(kind: bytes, body: bytes = b"") -> bytes:
    return _HEAD.pack(kind, len(body) + 4) + body


def c_string(text: str) -> bytes:
    return text.replace("\0", "\\0").encode("utf-8", "backslashreplace") + b"\0"


def sasl_mechanisms(names: Iterable[str]) -> bytes:
    return message(b"R", struct.pack("!i", 10) + b"".join(c_string(name) for name in names) + b"\0")


def sasl_continue(data: str) -> bytes:
    return message(b"R", struct.pack("!i", 11) + data.encode())


def sasl_final(data: str) -> bytes:
    return message(b"R", struct.pack("!i", 12) + data.encode())


def parameter_status(name: str, value: str) -> bytes:
    return message(b"S", c_string(name) + c_string(value))


def backend_key(process: int, key: int) -> bytes:
    return message(b"K", struct.pack("!II", process, key))


def ready(status: str) -> bytes:
    """`status`: I outside a transaction, T inside, E inside one that failed."""
    return message(b"Z", status.encode())


def negotiate_version(minor: int, options: Sequence[str]) -> bytes:
    """The newest minor version of protocol 3 that is spoken here, and the options of the startup message that are not known."""
    return message(b"v", struct.pack("!ii", minor, len(options)) + b"".join(c_string(option) for option in options))


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    oid: int
    size: int
    modifier: int
    format: int


def row_description(columns: Sequence[Column]) -> bytes:
    body = [struct.pack("!H", len(columns))]
    body += [c_string(c.name) + _COLUMN.pack(0, 0, c.oid, c.size, c.modifier, c.format) for c in columns]
    return message(b"T", b"".join(body))


def parameter_description(oids: Sequence[int]) -> bytes:
    return message(b"t", struct.pack(f"!H{len(oids)}I", len(oids), *oids))


def command_complete(tag: str) -> bytes:
    return message(b"C", c_string(tag))


def copy_out(columns: int, *, binary: bool) -> bytes:
    """CopyOutResponse: all in one format."""
    return message(b"H", struct.pack(f"!bH{columns}H", binary, columns, *[binary] * columns))


def error(fields: Mapping[str, str]) -> bytes:
    """ErrorResponse. Fields by their letter: S V severity, C SQLSTATE, M message, D detail, H hint, P position."""
    return message(b"E", _fields(fields))


def notice(fields: Mapping[str, str]) -> bytes:
    return message(b"N", _fields(fields))


def _fields(fields: Mapping[str, str]) -> bytes:
    return b"".join(letter.encode() + c_string(value) for letter, value in fields.items() if value) + b"\0"
