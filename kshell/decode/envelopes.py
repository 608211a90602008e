"""What is wrapped around a JSON value: a record becomes the object that a source's columns and paths are about.

connect: the `payload` of Kafka Connect's JsonConverter. debezium: a change event, inside such a wrapper or without one. cloudevents: the
attributes as `ce_<name>` and the fields of the data beside them, whether they stand in one object or the attributes in headers.

Invariant: what comes out depends on the record's value and headers alone. A null payload is a tombstone: an object without members. A
record without its envelope is a verdict, ENVELOPE_MISSING, because a row of NULLs would hide it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from kshell.decode.json_text import Members, Value, read
from kshell.decode.verdict import Verdict, text_of

Kind = Literal["connect", "debezium", "cloudevents"]
Header = tuple[str, bytes | None]
PAYLOAD, OPERATION, VERSION, DATA, BASE64 = "payload", "op", "specversion", "data", "data_base64"
ATTRIBUTE, OF_DATA = "ce_", "data_"           # a field of the data that begins as an attribute does: ce_x is data_ce_x
MARK = f"{ATTRIBUTE}{VERSION}"                # the header that makes a record a CloudEvent in binary mode


def unwrap(kind: Kind, value: Value, data: bytes | None, headers: Sequence[Header]) -> Members:
    """The row's object. `value`: the record as JSON, where `is_json`; `data`: its bytes."""
    if kind == "cloudevents":
        return _binary(value, data, headers) if is_binary(headers) else _structured(_object(value, "the record"))
    members = _object(value, "the record")
    return _payload(members) if kind == "connect" else _change(members)


def _object(value: Value, what: str) -> Members:
    if not isinstance(value, Members):
        raise Verdict("JSON_NOT_OBJECT", f"{what} is not an object")
    return value


def is_wrapped(members: Members) -> bool:
    return any(key == PAYLOAD for key, _ in members.pairs)


def _payload(members: Members) -> Members:
    if not is_wrapped(members):
        raise Verdict("ENVELOPE_MISSING", "$: no member payload, which ENVELOPE connect takes the row from")
    payload = members.get(PAYLOAD)
    return Members() if payload is None else _object(payload, "$.payload")


def _change(members: Members) -> Members:
    event = _payload(members) if is_wrapped(members) else members
    tombstone = event is not members and members.get(PAYLOAD) is None
    if not tombstone and event.get(OPERATION) is None:
        raise Verdict("ENVELOPE_MISSING", "$: no member op, which a change event has")
    return event


# ---- CloudEvents ---------------------------------------------------------------------------------------------------

def is_binary(headers: Sequence[Header]) -> bool:
    return any(key == MARK for key, _ in headers)


def is_json(headers: Sequence[Header]) -> bool:
    """Whether the value of a record in binary mode is JSON: it says so, or says nothing."""
    found = next((value for key, value in headers if key.lower() == "content-type"), None)
    kind = b"json" if found is None else found.split(b";")[0].strip().lower()
    return kind.endswith(b"json")


def _structured(members: Members) -> Members:
    if members.get(VERSION) is None:
        raise Verdict("ENVELOPE_MISSING", f"$: no member {VERSION} and no header {MARK}, which a CloudEvent has")
    row = [(f"{ATTRIBUTE}{key}", value) for key, value in members.pairs if key not in (DATA, BASE64)]
    row += _fields(members.get(DATA))
    return Members(row + [pair for pair in members.pairs if pair[0] == BASE64])


def _fields(data: Value) -> list[tuple[str, Value]]:
    if not isinstance(data, Members):
        return [] if data is None else [(DATA, data)]
    return [(f"{OF_DATA}{key}" if key.startswith(ATTRIBUTE) else key, value) for key, value in data.pairs]


def _binary(value: Value, data: bytes | None, headers: Sequence[Header]) -> Members:
    row: list[tuple[str, Value]] = [(key, _text(key, held)) for key, held in headers if key.startswith(ATTRIBUTE)]
    row += [(f"{ATTRIBUTE}datacontenttype", _text(key, held)) for key, held in headers if key.lower() == "content-type"]
    if data is None or is_json(headers):
        return Members(row + _fields(value))
    try:
        return Members([*row, (DATA, data.decode())])
    except UnicodeDecodeError:
        from base64 import b64encode

        return Members([*row, (BASE64, b64encode(data).decode())])


def _text(key: str, value: bytes | None) -> str | None:
    return None if value is None else text_of(value, f"header {key}")


# ---- where columns stand in the record ------------------------------------------------------------------------------

def place(kind: Kind, path: tuple[str, ...], *, wrapped: bool = True) -> tuple[str, ...] | None:
    """The path in the record's JSON. None: it depends on the record. `wrapped`: change events have Connect's wrapper, and CloudEvents
    stand in one object."""
    if kind != "cloudevents":
        return (PAYLOAD, *path) if wrapped else path
    head = path[0]
    if head in (DATA, BASE64) or head.startswith(f"{OF_DATA}{ATTRIBUTE}"):
        return None
    if not wrapped:
        return path
    return (head.removeprefix(ATTRIBUTE), *path[1:]) if head.startswith(ATTRIBUTE) else (DATA, *path)


def opened(kind: str, data: bytes | None, headers: Sequence[Header]) -> Members:
    """As `unwrap`, from the record's bytes."""
    known = cast(Kind, kind)
    binary = known == "cloudevents" and is_binary(headers)
    if data is None:
        return unwrap(known, None, None, headers) if binary else Members()
    return unwrap(known, read(data) if not binary or is_json(headers) else None, data, headers)
