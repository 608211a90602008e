"""What the records of a topic are, by looking at some of them: JSON, text, bytes, or the frames that registry serializers write.

Invariant: a format is proposed only if every record of the sample has it, but JSON if most have: the others are what a source
quarantines. Tombstones and absent keys decide nothing. A frame is a format only where a registry has its schema, and no registry
gives a schema the number 0."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa

    from kshell.decode.discovery import Registry

_MAGIC, _FRAME = 0, 5                         # a frame: this byte, then the schema's number in four bytes, big-endian
_VARINT_BYTES = 10
_MIXED = "json, but "


@dataclass(frozen=True, slots=True)
class Recognised:
    """`format` is one that a source can take; `name` is what it is, for people. `framed`: only a registry's schemas can read it."""

    format: str
    name: str
    framed: bool = False


def recognised(batch: pa.RecordBatch, registry: Registry | None) -> tuple[Recognised, Recognised]:
    """What values and keys of a sample are. A registry that does not answer is said in the names, and decides nothing."""
    held = batch["value"].to_pylist()
    values, keys = value_format(held), key_format(batch["_kafka_key"].to_pylist())
    if values.name.startswith(_MIXED):
        first = next(row for row, value in enumerate(held) if value is not None and not _is_object(value))
        values = replace(values, name=f"{values.name}; the first is partition {batch['_kafka_partition'][first]}, "
                                      f"offset {batch['_kafka_offset'][first]}")
    if registry is None:
        return values, keys
    return _by_schema(batch, registry, "value", values), _by_schema(batch, registry, "key", keys)


def _by_schema(batch: pa.RecordBatch, registry: Registry, part: Literal["value", "key"], otherwise: Recognised) -> Recognised:
    from kshell.decode.discovery import WITH_SCHEMA, schemas_named
    from kshell.schemas.values import SchemaTooLarge, SchemaUnavailable
    try:
        found = schemas_named(registry, batch, part)
    except (SchemaUnavailable, SchemaTooLarge) as failed:
        return Recognised(otherwise.format, f"{otherwise.name}; {failed}")
    kinds = {schema.kind for schema in found}
    if len(kinds) != 1 or (part == "key" and not kinds <= WITH_SCHEMA):
        return otherwise
    kind = next(iter(kinds))
    shown = ", ".join(str(schema.id if schema.id is not None else schema.guid) for schema in found[:5]) + (", ..." if found[5:] else "")
    return Recognised(kind, f"{'json schema' if kind == 'json' else kind} by the schema registry (schema {shown})")


def value_format(values: Iterable[bytes | None]) -> Recognised:
    held = [v for v in values if v is not None]
    if not held:
        return Recognised("json", "unknown: no record with a value")
    if all(map(_is_object, held)):
        return Recognised("json", "json")
    if all(map(_is_frame, held)):
        return Recognised("raw", _framed(held), framed=True)
    others = len(held) - sum(map(_is_object, held))
    if others * 2 < len(held):
        return Recognised("json", f"{_MIXED}{others} of {len(held)} records {'is' if others == 1 else 'are'} not")
    if all(map(_is_text, held)):
        return Recognised("string", "string")
    return Recognised("raw", "raw: bytes that are not text")


def key_format(keys: Iterable[bytes | None]) -> Recognised:
    held = [k for k in keys if k is not None]
    if not held:
        return Recognised("raw", "raw: no record has a key")
    if all(map(_is_object, held)):
        return Recognised("json", "json")
    if _are_numbers(held):
        return Recognised("raw", f"raw: {len(held[0])} bytes, perhaps numbers: ('0x' || hex(_kafka_key))::BIGINT reads them")
    if all(map(_is_frame, held)):
        return Recognised("raw", _framed(held), framed=True)
    return Recognised("string", "string") if all(map(_is_text, held)) else Recognised("raw", "raw: bytes that are not text")


def _is_object(data: bytes) -> bool:
    from kshell.decode.json_text import Members, read
    from kshell.decode.verdict import Verdict
    try:
        return isinstance(read(data), Members)
    except Verdict:
        return False


def _is_text(data: bytes) -> bool:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return False
    return all(c >= " " or c in "\t\n\r" for c in text)


def _is_frame(data: bytes) -> bool:
    return len(data) > _FRAME and data[0] == _MAGIC and any(data[1:_FRAME])


def _are_numbers(keys: Sequence[bytes]) -> bool:
    """What serializers of long and integer write: big-endian, of one length, the first byte 0 for any number of a usual size. Frames are
    told from them by the number of the schema, which is the same in many keys."""
    if {len(key) for key in keys} not in ({4}, {8}) or any(key[0] != _MAGIC for key in keys):
        return False
    return len(keys[0]) < _FRAME or not all(map(_is_frame, keys)) or len({key[:_FRAME] for key in keys}) > max(1, len(keys) // 2)


def _framed(frames: Sequence[bytes]) -> str:
    ids = sorted({int.from_bytes(f[1:_FRAME], "big") for f in frames})
    kind = next((name for name, fits in _KINDS if all(fits(f[_FRAME:]) for f in frames)), "avro")
    shown = ", ".join(map(str, ids[:5])) + (", ..." if len(ids) > 5 else "")
    return f"{kind}, framed by a schema registry (schema {shown})"


def _is_message(data: bytes) -> bool:
    """Indexes of the message type (one byte 0 for the first), then fields of the wire format up to the last byte."""
    count, at = _varint(data, 0)
    for _ in range(count >> 1 if count is not None else 0):
        _, at = _varint(data, at)
    return count is not None and at <= len(data) and _fields(data, at)


def _fields(data: bytes, at: int) -> bool:
    while at < len(data):
        tag, at = _varint(data, at)
        if tag is None or tag >> 3 == 0:
            return False
        size: int | None = {1: 8, 5: 4}.get(tag & 7)
        if tag & 7 == 0:
            size, at = 0, _varint(data, at)[1]
        elif tag & 7 == 2:
            size, at = _varint(data, at)
        if size is None:
            return False
        at += size
    return at == len(data)


def _varint(data: bytes, at: int) -> tuple[int | None, int]:
    value = 0
    for shift in range(_VARINT_BYTES):
        if at + shift >= len(data):
            return None, len(data) + 1
        value |= (data[at + shift] & 0x7F) << (7 * shift)
        if data[at + shift] < 0x80:
            return value, at + shift + 1
    return None, len(data) + 1


_KINDS: tuple[tuple[str, Callable[[bytes], Any]], ...] = (("json schema", _is_object), ("protobuf", _is_message))

__all__ = ["Recognised", "key_format", "recognised", "value_format"]
