"""Which schema a key or value names, and where its own bytes begin: Confluent's wire format.

Two places, the first that reads as one holds:

    header __value_schema_id or __key_schema_id      0 + id (4 bytes), or 1 + GUID (16 bytes); for Protobuf the message indexes follow
    the first five bytes of the value                0 + id (4 bytes)

Invariant: bytes without a frame are no error here. What that means is for the format to say."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Literal, NamedTuple
from uuid import UUID

from kshell.schemas.values import Schema, SchemaUnknown

PREFIX_BYTES = 5
_HEADERS = {"value": "__value_schema_id", "key": "__key_schema_id"}
_GUID_END = 17


class Frame(NamedTuple):
    """`id` and `guid` None: no frame. `indexes`: Protobuf's message indexes where the header holds them; None: they begin the body."""

    id: int | None
    guid: str | None
    body_at: int
    indexes: bytes | None = None


_NONE = Frame(None, None, 0)


def framed(value: bytes, headers: Sequence[tuple[str, bytes | None]] | None, part: Literal["value", "key"]) -> Frame:
    """The frame of a value or key; `headers` are the record's, in their order."""
    if headers:
        wanted = _HEADERS[part]
        for name, held in headers:
            if name == wanted:
                frame = _in_header(held or b"")
                if frame is not None:
                    return frame
                break                         # clients look at the first header of this name only
    if len(value) >= PREFIX_BYTES and value[0] == 0:
        return Frame(struct.unpack_from(">I", value, 1)[0], None, PREFIX_BYTES)
    return _NONE


def _in_header(held: bytes) -> Frame | None:
    if len(held) >= PREFIX_BYTES and held[0] == 0:
        return Frame(struct.unpack_from(">I", held, 1)[0], None, 0, held[PREFIX_BYTES:] or None)
    if len(held) >= _GUID_END and held[0] == 1:
        return Frame(None, str(UUID(bytes=held[1:_GUID_END])), 0, held[_GUID_END:] or None)
    return None


class FramesOnly:
    """Values may have a frame, and what it names is not looked at: JSON with declared or inferred columns."""

    frames, unframed = True, None

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        raise SchemaUnknown(f"schema {id} is not looked at")

    def by_guid(self, guid: str) -> Schema:
        raise SchemaUnknown(f"schema {guid} is not looked at")

    def latest(self, subject: str) -> Schema:
        raise SchemaUnknown(f"subject {subject} is not looked at")
