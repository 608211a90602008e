"""Transactions, cursors and COPY, which only this protocol has."""

from __future__ import annotations

import pytest

from kshell.serve import Served
from kshell.serve.pgwire import dialogue
from kshell.session import Session
from tests.serve.pgwire.conftest import ROWS, Connect
from tests.support import postgres
from tests.support.postgres import SYNC, Connection, bind, describe, execute, parse
from tests.support.waiting import wait_until


def test_the_state_of_the_transaction_is_told(client: Connection) -> None:
    assert client.query("BEGIN").status == "T"
    assert client.query("SELECT 1").status == "T"
    assert client.query("SELECT nope").status == "E"
    refused = client.query("SELECT 1")
    assert (refused.error["C"], refused.status) == ("25P02", "E")
    assert client.say(parse("SELECT 1"), describe("S"), SYNC).error["C"] == "25P02"
    ended = client.query("COMMIT")
    assert (ended.tags, ended.status) == (["ROLLBACK"], "I")
    assert client.query("START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY").tags == ["START TRANSACTION"]
    assert client.query("COMMIT AND CHAIN").status == "T"
    assert client.query("ROLLBACK").tags == ["ROLLBACK"]


def test_inside_a_transaction_all_statements_see_one_moment(client: Connection, session: Session) -> None:
    session.sql("CREATE OR REPLACE TABLE growing AS SELECT 1 AS a").close()
    client.query("BEGIN")
    assert client.query("SELECT count(*) FROM growing").rows == [[b"1"]]
    session.sql("INSERT INTO growing VALUES (2)").close()
    assert client.query("SELECT count(*) FROM growing").rows == [[b"1"]]
    client.query("COMMIT")
    assert client.query("SELECT count(*) FROM growing").rows == [[b"2"]]


def test_a_savepoint_lets_a_failed_transaction_go_on(client: Connection) -> None:
    client.query("BEGIN")
    assert client.query("SAVEPOINT s").tags == ["SAVEPOINT"]
    assert client.query("SELECT nope").status == "E"
    assert client.query("ROLLBACK TO SAVEPOINT s").status == "T"
    assert client.query("SELECT 1").rows == [[b"1"]]
    assert client.query("RELEASE s").tags == ["RELEASE"]
    assert client.query("COMMIT").tags == ["COMMIT"]


def test_a_word_too_many_is_a_warning(client: Connection) -> None:
    assert client.query("COMMIT").notices[0]["C"] == "25P01"
    client.query("BEGIN")
    assert client.query("BEGIN").notices[0]["C"] == "25001"


def test_a_local_setting_ends_with_its_transaction(client: Connection) -> None:
    before = client.query("SHOW TimeZone").rows
    client.query("BEGIN")
    client.query("SET LOCAL TimeZone = 'Asia/Tokyo'")
    assert client.query("SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t").rows == [[b"2024-01-01 09:00:00+09"]]
    client.query("COMMIT")
    assert client.query("SHOW TimeZone").rows == before
    assert client.query("SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t").rows == [[b"2024-01-01 00:00:00+00"]]


def test_a_transaction_in_which_nothing_happens_is_ended(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue, "IDLE_IN_TRANSACTION_S", 0.2)
    idle, other = connect(), connect()
    idle.query("BEGIN")
    (kind, body), = idle.rest()
    assert (kind, postgres.fields(body)["C"]) == (b"E", "25P03")
    assert other.query("SELECT 1").rows == [[b"1"]], "outside a transaction nothing is hurried"


def test_a_cursor_that_holds_keeps_no_transaction_open_while_nobody_reads(connect: Connect, server: Served,
                                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialogue, "IDLE_IN_TRANSACTION_S", 0.2)
    idle = connect()
    idle.query("DECLARE c CURSOR WITH HOLD FOR SELECT i FROM n ORDER BY i")
    assert idle.query("FETCH 2 FROM c").rows == [[b"0"], [b"1"]]
    (client,) = server.host.clients.values()
    wait_until(lambda: client.remote._own is None)
    assert idle.query("FETCH 1 FROM c").rows == [[b"2"]]


# ---- cursors ---------------------------------------------------------------------------------------------------------


def test_a_cursor_is_read_in_pieces(client: Connection) -> None:
    client.query("BEGIN")
    assert client.query("DECLARE c CURSOR FOR SELECT i FROM n ORDER BY i").tags == ["DECLARE CURSOR"]
    assert client.query("FETCH 2 FROM c").rows == [[b"0"], [b"1"]]
    assert client.query("FETCH c").tags == ["FETCH 1"]
    assert client.query("MOVE FORWARD 7 IN c").tags == ["MOVE 7"]
    assert client.query("FETCH NEXT FROM c").rows == [[b"10"]]
    rest = client.query("FETCH ALL FROM c")
    assert rest.tags == [f"FETCH {ROWS - 11}"]
    assert client.query("FETCH c").tags == ["FETCH 0"]
    assert client.query("CLOSE c").tags == ["CLOSE CURSOR"]
    assert client.query("FETCH c").error["C"] == "34000"


def test_other_statements_run_beside_an_open_cursor(client: Connection) -> None:
    client.query("BEGIN")
    client.query("DECLARE c CURSOR FOR SELECT i FROM n ORDER BY i")
    client.query("FETCH 5 FROM c")
    assert client.query("SELECT count(*) FROM n").rows == [[str(ROWS).encode()]]
    assert client.query("FETCH 1 FROM c").rows == [[b"5"]]


def test_cursors_that_are_half_read_share_a_bound_and_beyond_it_reading_on_is_an_error(client: Connection, server: Served) -> None:
    for remote in [other.remote for other in server.host.clients.values()]:
        remote._runner._spool_bytes = 1_000_000
    client.query("BEGIN")
    for name in ("a", "b", "c"):                  # 400 KB each
        client.query(f"DECLARE {name} CURSOR FOR SELECT i, i, i FROM n ORDER BY i")
        assert client.query(f"FETCH 1 FROM {name}").rows == [[b"0"] * 3]
    assert client.query("FETCH 1 FROM a").rows == [[b"1"] * 3]
    assert client.query("FETCH 1 FROM c").rows == [[b"1"] * 3], "the cursor that is read from DuckDB itself"
    client.query("SELECT 1")
    lost = client.query("FETCH ALL FROM c")
    assert "closed when its session ran another statement" in lost.error["M"]
    assert lost.status == "E"


def test_a_cursor_is_a_portal_for_drivers(client: Connection) -> None:
    client.query("BEGIN")
    client.say(parse("DECLARE c CURSOR FOR SELECT i FROM n ORDER BY i LIMIT 3"), bind(), execute(), SYNC)
    assert client.say(describe("P", "c"), SYNC).columns == [("i", 20)]
    fetched = client.say(parse("FETCH FORWARD 2 FROM c"), bind(results=[1]), describe("P"), execute(), SYNC)
    assert fetched.kinds == "12TDCZ"
    assert fetched.rows == [[bytes(8)], [bytes(7) + b"\1"]]
    assert client.say(execute(9, "c"), SYNC).rows == [[b"2"]]


def test_a_cursor_ends_with_its_transaction_unless_it_holds(client: Connection) -> None:
    client.query("BEGIN; DECLARE a CURSOR FOR SELECT 1; DECLARE b CURSOR WITH HOLD FOR SELECT i FROM n ORDER BY i; COMMIT")
    assert client.query("FETCH a").error["C"] == "34000"
    assert client.query("FETCH 2 FROM b").rows == [[b"0"], [b"1"]]
    assert client.query("CLOSE ALL").tags == ["CLOSE CURSOR ALL"]


def test_a_name_is_taken_once(client: Connection) -> None:
    client.query("BEGIN; DECLARE c CURSOR FOR SELECT 1")
    assert client.query("DECLARE C CURSOR FOR SELECT 2").error["C"] == "42P03"


# ---- COPY ------------------------------------------------------------------------------------------------------------


def copied(talk: postgres.Talk) -> bytes:
    return b"".join(body for kind, body in talk.messages if kind == b"d")


@pytest.mark.parametrize(("form", "sent"), [
    ("", b"0\trow 0\n1\trow 1\n"), ("(FORMAT csv, HEADER)", b"i,name\n0,row 0\n1,row 1\n"), ("CSV DELIMITER ';'", b"0;row 0\n1;row 1\n"),
])
def test_copy_sends_text_and_csv(client: Connection, form: str, sent: bytes) -> None:
    talk = client.query(f"COPY (SELECT i, name FROM n ORDER BY i LIMIT 2) TO STDOUT {form}")
    assert copied(talk) == sent
    assert (talk.kinds[0], talk.kinds[-3:]) == ("H", "cCZ")
    assert talk.tags == ["COPY 2"]


def test_copy_of_a_table_and_of_its_columns(client: Connection) -> None:
    assert client.query("COPY n TO STDOUT").tags == [f"COPY {ROWS}"]
    assert client.query("COPY main.n (i) TO STDOUT").tags == [f"COPY {ROWS}"]


def test_a_mistake_inside_copy_has_its_place(client: Connection) -> None:
    text = "SELECT 1; COPY (SELECT nope FROM n) TO STDOUT"
    assert int(client.query(text).error["P"]) == text.index("nope") + 1
