"""Reading the frame of a record: the id in the value, the id or GUID in a header, and neither."""

from __future__ import annotations

from uuid import UUID

import pytest

from kshell.schemas import Frame, framed

_GUID = UUID("0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b")


@pytest.mark.parametrize(("value", "frame"), [
    (b"\x00\x00\x00\x04\x05abc", Frame(1029, None, 5)),
    (b"\x00\xff\xff\xff\xff", Frame(2**32 - 1, None, 5)),
    (b"\x00\x00\x00\x01", Frame(None, None, 0)),
    (b"\x01\x00\x00\x00\x01abc", Frame(None, None, 0)),
    (b'{"id":1}', Frame(None, None, 0)),
    (b"", Frame(None, None, 0)),
])
def test_the_id_is_in_the_first_five_bytes_or_there_is_no_frame(value: bytes, frame: Frame) -> None:
    assert framed(value, None, "value") == frame
    assert framed(value, [], "key") == frame


@pytest.mark.parametrize(("held", "frame"), [
    (b"\x01" + _GUID.bytes, Frame(None, str(_GUID), 0)),
    (b"\x01" + _GUID.bytes + b"\x04\x02\x00", Frame(None, str(_GUID), 0, b"\x04\x02\x00")),
    (b"\x00\x00\x00\x00\x09", Frame(9, None, 0)),
    (b"\x00\x00\x00\x00\x09\x00", Frame(9, None, 0, b"\x00")),
])
def test_a_header_names_the_schema_and_the_whole_value_is_the_body(held: bytes, frame: Frame) -> None:
    value = b"\x00\x00\x00\x00\x01body"
    assert framed(value, [("a", None), ("__value_schema_id", held)], "value") == frame
    assert framed(value, [("__key_schema_id", held)], "key") == frame
    assert framed(value, [("__key_schema_id", held)], "value") == Frame(1, None, 5)


@pytest.mark.parametrize("held", [None, b"", b"\x01short", b"\x02" + _GUID.bytes, b"\x00\x00"])
def test_a_header_that_is_no_frame_leaves_the_value_to_say(held: bytes | None) -> None:
    assert framed(b"\x00\x00\x00\x00\x07x", [("__value_schema_id", held)], "value") == Frame(7, None, 5)


def test_the_first_header_of_the_name_counts() -> None:
    headers = [("__value_schema_id", b"\x00\x00\x00\x00\x01"), ("__value_schema_id", b"\x00\x00\x00\x00\x02")]
    assert framed(b"x", headers, "value").id == 1
