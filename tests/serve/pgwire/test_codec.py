"""What a client sends is read back as it was meant, in whatever pieces it comes; whatever else comes is an error of the protocol."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kshell.serve.pgwire import codec
from kshell.serve.pgwire.codec import Cancel, Encryption, Frame, Inbox, ProtocolError, Startup
from tests.support import postgres

names = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]), max_size=40)
values = st.none() | st.binary(max_size=60)
formats = st.lists(st.sampled_from([0, 1]), max_size=4)
oids = st.lists(st.integers(0, 2**32 - 1), max_size=5)


def framed(data: bytes) -> Frame:
    inbox = Inbox()
    inbox.feed(data)
    frame = inbox.frame()
    assert frame is not None
    assert len(inbox) == 0
    return frame


@given(names, names, oids)
def test_parse_reads_back(name: str, text: str, types: list[int]) -> None:
    assert codec.message(framed(postgres.parse(text, name, types))) == codec.Parse(name, text, tuple(types))


@given(names, names, st.lists(values, max_size=6), formats, formats)
def test_bind_reads_back(portal: str, statement: str, given_: list[bytes | None], of: list[int], results: list[int]) -> None:
    sent = postgres.bind(given_, portal=portal, statement=statement, formats=of, results=results)
    assert codec.message(framed(sent)) == codec.Bind(portal, statement, tuple(of), tuple(given_), tuple(results))


@given(names, st.integers(0, 2**31 - 1), st.sampled_from(["S", "P"]))
def test_short_messages_read_back(name: str, limit: int, what: str) -> None:
    assert codec.message(framed(postgres.query(name))) == codec.Query(name)
    assert codec.message(framed(postgres.execute(limit, name))) == codec.Execute(name, limit)
    assert codec.message(framed(postgres.describe(what, name))) == codec.Describe(what, name)  # type: ignore[arg-type]
    assert codec.message(framed(postgres.close(what, name))) == codec.Close(what, name)  # type: ignore[arg-type]


@given(st.dictionaries(names.filter(bool), names, max_size=5), st.integers(0, 9))
def test_startup_reads_back(parameters: dict[str, str], minor: int) -> None:
    inbox = Inbox()
    inbox.feed(postgres.startup(parameters, 196608 + minor))
    body = inbox.startup()
    assert body is not None
    assert codec.first(body) == Startup(3, minor, parameters)


@given(st.lists(st.binary(max_size=30), max_size=8), st.integers(1, 7))
def test_frames_come_out_whole_however_their_bytes_arrive(bodies: list[bytes], size: int) -> None:
    sent, inbox, found = b"".join(postgres.packet(b"Q", body) for body in bodies), Inbox(), []
    for at in range(0, len(sent), size):
        inbox.feed(sent[at:at + size])
        while (frame := inbox.frame()) is not None:
            found.append(frame.body)
    assert found == bodies
    assert len(inbox) == 0


@given(st.binary(max_size=200))
def test_no_bytes_make_a_message_anything_but_a_value_or_an_error_of_the_protocol(body: bytes) -> None:
    for kind in b"QPBDECSHXdcfFpz\0":
        try:
            codec.message(Frame(bytes([kind]), body))
        except ProtocolError:
            continue


@given(st.binary(min_size=4, max_size=200))
def test_no_bytes_make_a_first_message_anything_but_a_value_or_an_error_of_the_protocol(body: bytes) -> None:
    for head in (body, struct.pack("!i", 196608) + body, struct.pack("!i", 80877102) + body):
        try:
            codec.first(head)
        except ProtocolError:
            continue


def test_requests_without_a_login_are_told_apart() -> None:
    assert codec.first(struct.pack("!i", 80877103)) == Encryption("ssl")
    assert codec.first(struct.pack("!i", 80877104)) == Encryption("gss")
    assert codec.first(struct.pack("!iiI", 80877102, 7, 99)) == Cancel(7, struct.pack("!I", 99))


@pytest.mark.parametrize("length", [0, 3, codec.MAX_FRAME_BYTES + 1, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_out_of_bounds_is_refused_before_its_bytes_come(length: int) -> None:
    inbox = Inbox()
    inbox.feed(b"Q" + struct.pack("!I", length))
    with pytest.raises(ProtocolError, match="invalid length") as refused:
        inbox.frame()
    assert refused.value.fatal


@pytest.mark.parametrize("length", [0, 7, 10_001, 0x7FFFFFFF])
def test_a_first_message_has_a_bound_of_its_own(length: int) -> None:
    inbox = Inbox()
    inbox.feed(struct.pack("!I", length))
    with pytest.raises(ProtocolError, match="startup packet"):
        inbox.startup()


@pytest.mark.parametrize("body", [
    b"\0\0" + b"\0\0" + b"\xff\xff" + b"abc",                       # 65,535 parameters in three bytes
    b"\0\0" + b"\0\0" + b"\0\1" + b"\x7f\xff\xff\xff" + b"abc",     # a value of 2 GB in three bytes
    b"\0\0" + b"\0\0" + b"\0\1" + b"\xff\xff\xff\xfe" + b"abc",     # a negative length that is not NULL's
])
def test_a_count_that_the_message_cannot_hold_is_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError, match="insufficient data left") as refused:
        codec.message(Frame(b"B", body))
    assert not refused.value.fatal


def test_text_that_is_not_utf_8_is_told_by_its_byte() -> None:
    with pytest.raises(ProtocolError, match="0xff") as refused:
        codec.message(Frame(b"Q", b"SELECT '\xff'\0"))
    assert refused.value.sqlstate == "22021"
    assert not refused.value.fatal


def test_bytes_after_a_message_s_fields_are_refused() -> None:
    with pytest.raises(ProtocolError, match="left over"):
        codec.message(Frame(b"Q", b"SELECT 1\0DROP"))
