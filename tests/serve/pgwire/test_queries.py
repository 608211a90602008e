"""Simple and extended queries over the wire: order, errors and recovery, portals in pieces, types of parameters and columns."""

from __future__ import annotations

import struct
import threading

import pytest

from kshell.session import Session
from tests.serve.pgwire.conftest import ROWS, Connect
from tests.support.postgres import (
    FLUSH,
    SYNC,
    Connection,
    bind,
    close,
    describe,
    execute,
    packet,
    parse,
    query,
)

INT4, INT8, TEXT, BOOL, NUMERIC = 23, 20, 25, 16, 1700


# ---- simple ----------------------------------------------------------------------------------------------------------


def test_a_query_gives_columns_rows_and_a_tag(client: Connection) -> None:
    talk = client.query("SELECT i, name, NULL AS nothing, i > 1 AS more FROM n ORDER BY i LIMIT 3")
    assert talk.kinds == "TDCZ"
    assert talk.columns == [("i", INT8), ("name", TEXT), ("nothing", INT4), ("more", BOOL)]
    assert talk.rows == [[str(i).encode(), f"row {i}".encode(), None, b"ft"[i > 1:][:1]] for i in range(3)]
    assert talk.tags == ["SELECT 3"]
    assert talk.status == "I"


def test_statements_of_one_text_give_one_result_each(client: Connection) -> None:
    talk = client.query("SELECT 1 AS a; ; SELECT ';' AS b; -- end\n")
    assert talk.kinds == "TDCTDCZ"
    assert talk.rows == [[b"1"], [b";"]]


def test_an_error_skips_the_rest_of_the_text(client: Connection) -> None:
    talk = client.query("SELECT 1; SELECT nope; SELECT 2")
    assert talk.kinds == "TDCEZ"
    assert talk.error["C"] == "42703"
    assert client.query("SELECT 3").rows == [[b"3"]]


def test_a_place_counts_characters_of_the_whole_text(client: Connection) -> None:
    text = "SELECT 'ümläut 🙂'; SELECT name, nope FROM n"
    assert int(client.query(text).error["P"]) == text.index("nope") + 1


def test_nothing_is_an_empty_query(client: Connection) -> None:
    assert client.query("").kinds == "IZ"
    assert client.query(" -- just this\n;").kinds == "IZ"


def test_a_large_result_comes_whole_and_in_order(client: Connection) -> None:
    talk = client.query("SELECT i FROM n ORDER BY i")
    assert [int(value or b"-1") for (value,) in talk.rows] == list(range(ROWS))
    assert talk.tags == [f"SELECT {ROWS}"]


@pytest.mark.parametrize(("text", "state"), [
    ("INSERT INTO n VALUES (1, 'x')", "25006"), ("CREATE TABLE t (a INT)", "25006"), ("COPY n FROM STDIN", "25006"),
    ("SELECT * FROM read_text('/etc/hostname')", "25006"), ("SELEC 1", "42601"), ("SELECT * FROM missing", "42P01"),
    ("SELECT no_such_function(1)", "42883"), ("SELECT 'x'::INTEGER", "22P02"), ("LISTEN c", "0A000"), (".tables", "42601"),
    ("PREPARE TRANSACTION 'a'", "0A000"), ("FETCH 1 FROM nobody", "34000"), ("SAVEPOINT a", "25P01"),
    ("DECLARE c CURSOR FOR SELECT 1", "25P01"),
])
def test_what_is_refused_has_its_state_and_the_session_goes_on(client: Connection, text: str, state: str) -> None:
    assert client.query(text).error["C"] == state
    assert client.query("SELECT 1").rows == [[b"1"]]


def test_statements_of_kshell_are_answered(client: Connection, session: Session) -> None:
    talk = client.query("SHOW SOURCES")
    assert talk.tags == ["SHOW"]
    assert talk.columns[0] == ("name", TEXT)


def test_a_tail_without_an_end_is_told_the_way_to_have_one(client: Connection) -> None:
    error = client.query("TAIL n").error
    assert error["C"] == "25006"
    assert error["H"] == "TAIL n LIMIT 100, or COPY (TAIL n) TO STDOUT sends rows as they come"


def test_a_text_over_the_limit_is_refused_and_the_session_goes_on(client: Connection) -> None:
    assert client.query("SELECT '" + "x" * (1 << 20) + "'").error["C"] == "53200"
    assert client.query("SELECT length('" + "x" * 1_000_000 + "')").rows == [[b"1000000"]]


def test_bytes_that_are_not_utf_8_are_refused_and_the_session_goes_on(client: Connection) -> None:
    assert client.say(packet(b"Q", b"SELECT '\xff'\0")).error["C"] == "22021"
    assert client.query("SELECT 1").rows == [[b"1"]]


def test_a_message_that_is_none_ends_the_connection(client: Connection) -> None:
    client.send(packet(b"?", b""))
    (kind, body), = client.rest()
    assert kind == b"E"
    assert b"C08P01\0" in body


def test_a_function_call_is_refused_and_answered_with_ready(client: Connection) -> None:
    assert client.say(packet(b"F", b"")).error["C"] == "0A000"


# ---- extended --------------------------------------------------------------------------------------------------------


def test_the_usual_round_of_a_driver(client: Connection) -> None:
    talk = client.say(parse("SELECT i, $1::INTEGER + 1 AS m FROM n WHERE i = $2 ORDER BY i", oids=[0, INT8]), describe("S"),
                      bind([b"41", b"7"]), describe("P"), execute(), SYNC)
    assert talk.kinds == "1tT2TDCZ"
    assert talk.messages[1][1] == struct.pack("!hII", 2, INT4, INT8)
    assert talk.rows == [[b"7", b"42"]]
    assert talk.columns == [("i", INT8), ("m", INT4)]


def test_binary_parameters_and_results(client: Connection) -> None:
    talk = client.say(parse("SELECT $1 + 1 AS a, $2 AS b", oids=[INT8, TEXT]),
                      bind([struct.pack("!q", 41), b"x"], formats=[1, 0], results=[1]), execute(), SYNC)
    assert talk.rows == [[struct.pack("!q", 42), b"x"]]


def test_null_is_a_parameter_too(client: Connection) -> None:
    assert client.say(parse("SELECT $1::INTEGER + 1"), bind([None]), execute(), SYNC).rows == [[None]]


def test_what_cannot_be_a_value_of_its_type_is_refused(client: Connection) -> None:
    assert client.say(parse("SELECT $1", oids=[INT4]), bind([b"many"]), execute(), SYNC).error["C"] == "22P02"


def test_a_describe_alone_runs_nothing(client: Connection) -> None:
    talk = client.say(parse("SELECT error('ran') AS a, i FROM n"), describe("S"), bind(), describe("P"), SYNC)
    assert talk.kinds == "1tT2TZ"
    assert [name for name, _ in talk.columns] == ["a", "i"]


def test_describe_of_what_has_no_rows_is_no_data(client: Connection) -> None:
    assert client.say(parse("BEGIN"), describe("S"), bind(), describe("P"), execute(), SYNC).kinds == "1tn2nCZ"
    assert client.say(parse("ROLLBACK"), bind(), describe("P"), execute(), SYNC).kinds == "12nCZ"
    assert client.say(parse(""), describe("S"), bind(), describe("P"), execute(), SYNC).kinds == "1tn2nIZ"


def test_after_an_error_all_is_passed_over_up_to_sync(client: Connection) -> None:
    talk = client.say(parse("SELECT nope FROM n"), bind(), execute(), parse("SELECT 1"), bind(), execute(), query("SELECT 2"), SYNC)
    assert talk.kinds == "12EZ"
    assert client.say(parse("SELECT 1"), bind(), execute(), SYNC).rows == [[b"1"]]


def test_ready_comes_with_sync_only(client: Connection) -> None:
    client.send(parse("SELECT 1 AS a"), bind(), execute(), FLUSH)
    assert [kind for kind, _ in (client.message() or (b"", b"") for _ in range(4))] == [b"1", b"2", b"D", b"C"]
    client.send(parse("SELECT 2 AS a"), bind(), execute(), SYNC)
    assert client.ready().kinds == "12DCZ"


def test_a_portal_gives_its_rows_in_pieces_inside_a_transaction(client: Connection) -> None:
    client.query("BEGIN")
    first = client.say(parse("SELECT i FROM n ORDER BY i LIMIT 5"), bind(portal="p"), describe("P", "p"), execute(2, "p"), SYNC)
    assert first.kinds == "12TDsZ"
    second = client.say(execute(2, "p"), SYNC)
    assert second.kinds == "DsZ"
    assert first.rows + second.rows == [[b"0"], [b"1"], [b"2"], [b"3"]]
    last = client.say(execute(2, "p"), SYNC)
    assert last.kinds == "DCZ"
    assert last.rows == [[b"4"]]
    client.query("COMMIT")
    assert client.say(execute(2, "p"), SYNC).error["C"] == "34000"


def test_a_portal_outside_a_transaction_ends_with_sync(client: Connection) -> None:
    assert client.say(parse("FROM n"), bind(), execute(1), SYNC).kinds == "12DsZ"
    assert client.say(execute(1), SYNC).error["C"] == "34000"


def test_two_portals_are_read_in_turn(client: Connection) -> None:
    client.query("BEGIN")
    client.say(parse("SELECT i FROM n ORDER BY i LIMIT 4", "up"), parse("SELECT -i FROM n ORDER BY i LIMIT 4", "down"), SYNC)
    client.say(bind(portal="a", statement="up"), bind(portal="b", statement="down"), SYNC)
    seen = [client.say(execute(2, name), SYNC).rows for name in ("a", "b", "a", "b")]
    assert seen == [[[b"0"], [b"1"]], [[b"0"], [b"-1"]], [[b"2"], [b"3"]], [[b"-2"], [b"-3"]]]


def test_a_named_statement_stays_until_it_is_closed(client: Connection) -> None:
    client.say(parse("SELECT $1::INTEGER * 2 AS d", "twice"), SYNC)
    assert client.say(parse("SELECT 1", "twice"), SYNC).error["C"] == "42P05"
    for value in (b"4", b"5"):
        assert client.say(bind([value], statement="twice"), execute(), SYNC).rows == [[str(int(value) * 2).encode()]]
    assert client.say(close("S", "twice"), close("S", "nobody"), SYNC).kinds == "33Z"
    assert client.say(bind([b"1"], statement="twice"), SYNC).error["C"] == "26000"


def test_deallocate_ends_named_statements(client: Connection) -> None:
    client.say(parse("SELECT 1", "a"), parse("SELECT 2", "B"), parse("SELECT 3", "c"), SYNC)
    assert client.query('DEALLOCATE "B"').tags == ["DEALLOCATE"]
    assert client.say(bind(statement="B"), SYNC).error["C"] == "26000"
    assert client.say(bind(statement="a"), execute(), SYNC).rows == [[b"1"]]
    assert client.query("DEALLOCATE ALL").tags == ["DEALLOCATE ALL"]
    assert client.say(bind(statement="c"), SYNC).error["C"] == "26000"


def test_columns_that_changed_since_they_were_told_are_an_error_and_not_a_surprise(client: Connection, session: Session) -> None:
    session.sql("CREATE OR REPLACE TABLE changing AS SELECT 1::INTEGER AS a").close()
    client.say(parse("FROM changing", "f"), describe("S", "f"), SYNC)
    session.sql("CREATE OR REPLACE TABLE changing AS SELECT 'x' AS a").close()
    assert client.say(bind(statement="f"), execute(), SYNC).error["M"] == "cached plan must not change result type"


def test_two_statements_cannot_be_prepared_as_one(client: Connection) -> None:
    talk = client.say(parse("SELECT 1; SELECT 2"), SYNC)
    assert talk.error["C"] == "42601"
    assert talk.error["P"] == "11"


def test_a_wrong_number_of_parameters_is_refused(client: Connection) -> None:
    assert client.say(parse("SELECT $1, $2"), bind([b"1"]), SYNC).error["C"] == "08P01"


@pytest.mark.parametrize("messages", [(describe("S"),), (bind(), describe("P")), (bind(), execute()), (bind(), describe("P"), execute())])
def test_a_place_in_a_prepared_statement_counts_from_the_start_of_what_was_sent(client: Connection, messages: tuple[bytes, ...]) -> None:
    sent = "/* \N{GRINNING FACE} */ SELECT 'ü', nope"
    assert client.say(parse(sent), *messages, SYNC).error["P"] == str(sent.index("nope") + 1)


@pytest.mark.parametrize("form", ["{}", "COPY ({}) TO STDOUT"])
def test_more_columns_than_the_protocol_counts_are_an_error_of_the_query(client: Connection, form: str) -> None:
    wide = f"SELECT {', '.join(['1'] * 32_768)}"
    assert client.query(form.format(wide)).error["C"] == "54011"
    assert client.query("SELECT 1").rows == [[b"1"]]


def test_what_a_client_keeps_here_is_bounded(client: Connection) -> None:
    talk = client.say(*[parse("SELECT 1", f"s{i}") for i in range(1001)], SYNC)
    assert talk.kinds == "1" * 1000 + "EZ"
    assert talk.error["C"] == "53400"


def test_one_client_sees_nothing_of_another_s_session(connect: Connect) -> None:
    one, other = connect(), connect()
    one.query("SET TimeZone = 'Asia/Tokyo'")
    one.say(parse("SELECT 1", "mine"), SYNC)
    assert other.query("SHOW TimeZone").rows != [[b"Asia/Tokyo"]]
    assert other.say(bind(statement="mine"), SYNC).error["C"] == "26000"


# ---- settings --------------------------------------------------------------------------------------------------------


def test_a_setting_that_clients_watch_is_told_when_it_changes(client: Connection) -> None:
    talk = client.query("SET TimeZone = 'Asia/Tokyo'")
    assert talk.messages[0] == (b"S", b"TimeZone\0Asia/Tokyo\0")
    assert talk.tags == ["SET"]
    assert client.query("SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t").rows == [[b"2024-01-01 09:00:00+09"]]


def test_a_setting_that_cannot_be_leaves_the_old_one(client: Connection) -> None:
    assert "E" in client.query("SET TimeZone = 'Nowhere/None'").kinds
    assert client.query("SELECT TIMESTAMPTZ '2024-01-01 00:00:00+00' AS t").rows == [[b"2024-01-01 00:00:00+00"]]


def test_a_client_lowers_its_statement_timeout(client: Connection) -> None:
    client.query("SET statement_timeout = '200ms'")
    assert client.query("SELECT count(*) FROM n a, n b, n c WHERE a.i + b.i = c.i").error["C"] == "57014"


def test_messages_may_be_sent_far_ahead_of_their_answers(client: Connection) -> None:
    padding, ahead = "x" * 3000, 400
    sent = b"".join(parse(f"SELECT {i} AS i, '{padding}' AS p") + bind() + execute() + SYNC for i in range(ahead))
    sending = threading.Thread(target=client.send, args=(sent,), daemon=True)
    sending.start()
    assert [client.ready().rows[0][0] for _ in range(ahead)] == [str(i).encode() for i in range(ahead)]
    sending.join(30.0)


def test_a_value_of_megabytes_goes_both_ways(client: Connection) -> None:
    value = b"y" * 3_000_000
    assert client.say(parse("SELECT $1 AS v", oids=[TEXT]), bind([value]), execute(), SYNC).rows == [[value]]
