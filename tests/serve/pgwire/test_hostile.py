"""Whatever a client sends after its login, the server answers or hangs up, and others notice nothing."""

from __future__ import annotations

import struct
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.serve import Served
from tests.serve.conftest import PASSWORD
from tests.support.postgres import SYNC, Connection, Message, bind, close, describe, execute, packet, parse, query
from tests.support.waiting import wait_until

NAMES = st.sampled_from(["", "a", "b", "\N{SNOWMAN}", "c" * 300])
TEXTS = st.sampled_from(["", "SELECT 1", "BEGIN", "COMMIT", "SELECT $1::INTEGER", "DECLARE a CURSOR FOR FROM n", "FETCH 3 FROM a",
                         "CLOSE a", "COPY n TO STDOUT", "SET TimeZone = 'UTC'", "DISCARD ALL", "SELECT", "'", "/*", "$$",
                         "SELECT 1; SELECT 2", "\x01"])
VALUES = st.lists(st.none() | st.binary(max_size=5), max_size=2)
SOUND = st.one_of(
    st.builds(query, TEXTS), st.builds(parse, TEXTS, NAMES),
    st.builds(lambda p, s, v: bind(v, portal=p, statement=s), NAMES, NAMES, VALUES),
    st.builds(describe, st.sampled_from("SP"), NAMES), st.builds(execute, st.integers(0, 3), NAMES),
    st.builds(close, st.sampled_from("SP"), NAMES), st.just(SYNC))
BROKEN = st.one_of(
    st.builds(packet, st.sampled_from([bytes([k]) for k in b"QPBDECSHdcfFp?\0"]), st.binary(max_size=40)),
    st.builds(lambda kind, length: kind + struct.pack("!I", length), st.sampled_from([b"Q", b"B"]),
              st.sampled_from([0, 3, 0x7FFFFFFF, 0xFFFFFFFF])),
    st.binary(max_size=40))


def defects(messages: list[Message]) -> None:
    """None of the answers says that the server itself is at fault."""
    assert [body for kind, body in messages if kind == b"E" and b"\0CXX000\0" in body] == []


@settings(max_examples=40)
@given(st.lists(SOUND, max_size=12), st.lists(BROKEN, max_size=2), st.lists(SOUND, max_size=4))
def test_no_messages_end_anything_but_their_own_connection(server: Served, before: list[bytes], broken: list[bytes],
                                                           after: list[bytes]) -> None:
    with Connection(server.address, PASSWORD) as client, suppress(ConnectionError):
        client.send(*before, *broken, *after, SYNC, query("SELECT 'end' AS e"), packet(b"X"))
        defects(client.rest())
    with Connection(server.address, PASSWORD) as other:
        assert other.query("SELECT 1").rows == [[b"1"]]
    wait_until(lambda: not server.host.clients)


@settings(max_examples=30)
@given(st.lists(SOUND, max_size=20))
def test_after_sound_messages_in_any_order_a_session_goes_on(server: Served, sent: list[bytes]) -> None:
    with Connection(server.address, PASSWORD) as client:
        client.send(*sent, SYNC, query("ROLLBACK"), query("SELECT 'still here' AS e"))
        while not (talk := client.ready()).rows or talk.rows[0] != [b"still here"]:
            defects(talk.messages)
