"""POST /query: rows in four forms, errors by status, limits, and clients that go away."""

from __future__ import annotations

import io
import json
import socket
import threading
from typing import Any

import httpx
import pyarrow as pa
import pytest

from kshell.serve import Served, Servers
from kshell.serve.host import Limits
from kshell.serve.http import working
from tests.serve.http.conftest import TOKEN, Ask, Serve, Stage, asking
from tests.support.waiting import wait_until

LONG = "SELECT count(*) FROM range(100000) a, range(100000) b, range(100000) c WHERE a.range + b.range = c.range"


@pytest.fixture
def limited(serve: Serve) -> Served:
    return serve(Limits(max_sessions=3, max_running=1, statement_timeout_s=20.0, max_rows=50_000))


def lines(response: httpx.Response) -> list[Any]:
    return [json.loads(line) for line in response.text.splitlines()]


# ---- forms -----------------------------------------------------------------------------------------------------------

def test_rows_are_one_json_object_a_line_unless_another_form_is_asked_for(ask: Ask) -> None:
    sql = "SELECT i AS n, 'a' AS t FROM range(2) r(i)"
    for accept in ("*/*", "application/x-ndjson", "text/html;q=0.9, application/*;q=0.1"):
        answer = ask(sql, accept)
        assert answer.headers["content-type"] == "application/x-ndjson", accept
        assert lines(answer) == [{"n": 0, "t": "a"}, {"n": 1, "t": "a"}]
    assert ask(sql, "application/json").json() == [{"n": 0, "t": "a"}, {"n": 1, "t": "a"}]
    assert ask(sql, "text/csv").text == "n,t\n0,a\n1,a\n"
    assert ask(sql, "application/json;q=0.2, text/csv").headers["content-type"] == "text/csv"


def test_arrow_keeps_the_types(ask: Ask) -> None:
    zone = lines(ask("SELECT current_setting('TimeZone') AS zone"))[0]["zone"]
    answer = ask("SELECT 1::DECIMAL(9,2) AS d, [1, 2] AS l, now() AS at", "application/vnd.apache.arrow.stream")
    with pa.ipc.open_stream(io.BytesIO(answer.content)) as reader:
        table = reader.read_all()
    assert (table.schema.field("d").type, table.schema.field("at").type) == (pa.decimal128(9, 2), pa.timestamp("us", tz=zone))
    assert table["l"].to_pylist() == [[1, 2]]


def test_a_result_without_rows_has_its_form_all_the_same(ask: Ask) -> None:
    sql = "SELECT 1 AS n WHERE false"
    assert (ask(sql).text, ask(sql, "application/json").text, ask(sql, "text/csv").text) == ("", "[]\n", "n\n")
    with pa.ipc.open_stream(io.BytesIO(ask(sql, "application/vnd.apache.arrow.stream").content)) as reader:
        assert reader.read_all().schema.names == ["n"]


def test_numbers_keep_their_digits_and_become_strings_on_request(ask: Ask) -> None:
    sql = "SELECT 9007199254740993 AS big, 7 AS small, 1234567890.1234567 AS dec, {'a': [9007199254740993]} AS deep, 1.5 AS x"
    assert ask(sql).text == '{"big":9007199254740993,"small":7,"dec":1234567890.1234567,"deep":{"a":[9007199254740993]},"x":1.5}\n'
    assert lines(ask(sql, numbers="string")) == [
        {"big": "9007199254740993", "small": 7, "dec": "1234567890.1234567", "deep": {"a": ["9007199254740993"]}, "x": 1.5}]
    assert ask(sql, numbers="words").json()["code"] == "bad_value"


def test_statements_of_kshell_answer_too(ask: Ask, stage: Stage) -> None:
    name = stage.source()
    assert [row["name"] for row in lines(ask(f"SHOW SOURCES LIKE '{name}'"))] == [name]
    assert [row["column_name"] for row in lines(ask(f"DESCRIBE {name}"))][:2] == ["id", "amount"]
    stage.put(name, 1, 2, 3)
    assert [row["id"] for row in lines(ask(f"TAIL {name} FROM BEGINNING LIMIT 2"))] == [1, 2]


def test_an_answer_says_what_of_the_sources_it_read(ask: Ask, stage: Stage) -> None:
    name = stage.source()
    stage.put(name, *range(5))
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 5 TIMEOUT '30s'; "
                      f"CREATE SINK {name}_lake FROM {name} INTO ICEBERG local.web.{name} (COMMIT_INTERVAL '1h'); FLUSH SINK {name}_lake")
    stage.put(name, 7)
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 6 TIMEOUT '30s'")
    answer = ask(f"SELECT count(*) AS n FROM {name}")
    assert lines(answer) == [{"n": 6}]
    assert answer.headers["kshell-live-rows"] == "1"
    assert answer.headers["kshell-snapshot-id"] == str(stage.session.sql("SELECT last_snapshot_id FROM kshell.sinks").fetchall()[-1][0])
    assert 0 <= float(answer.headers["kshell-freshness-seconds"]) < 600
    assert "kshell-live-rows" not in ask("SELECT 1").headers


# ---- what is asked ---------------------------------------------------------------------------------------------------

def test_json_brings_values_and_limits(client: httpx.Client) -> None:
    answer = client.post("/query", json={"sql": "SELECT $1::INTEGER + 1 AS n, $2 AS t, $3 AS l, $4 IS NULL AS z",
                                         "params": [41, "it's", [1, 2], None], "timeout": "5s", "max_rows": 1000})
    assert lines(answer) == [{"n": 42, "t": "it's", "l": [1, 2], "z": True}]
    assert client.post("/query", json={"sql": "FROM range(11)", "max_rows": 10}).json()["code"] == "limit"


@pytest.mark.parametrize(("body", "said"), [
    ({"sql": 1}, "sql takes a statement"), ({"sql": " "}, "there is no statement"), ({"sql": "SELECT 1", "parms": []}, "no parms"),
    ({"sql": "SELECT 1", "params": {"a": 1}}, "a list"), ({"sql": "SELECT 1", "timeout": 5}, "takes a duration"),
    ({"sql": "SELECT 1", "max_rows": 0}, "max_rows"), ([1], "no JSON object"),
])
def test_a_body_that_is_not_understood_is_told(client: httpx.Client, body: object, said: str) -> None:
    answer = client.post("/query", json=body)
    assert answer.status_code == 400
    assert said in answer.json()["message"]


def test_half_a_character_is_told(client: httpx.Client) -> None:
    for body, said in (('{"sql": "SELECT $1", "params": ["\\ud800"]}', "no Unicode"), ('{"sql": "SELECT 1 \\ud800"}', "not UTF-8")):
        answer = client.post("/query", content=body, headers={"content-type": "application/json"})
        assert answer.status_code == 400
        assert said in answer.json()["message"]


def test_text_that_is_no_text_and_json_that_is_none_are_told(client: httpx.Client) -> None:
    for content, kind, said in ((b"\xff\xfe", "text/plain", "no UTF-8"), (b'{"sql": ', "application/json", "no JSON"),
                                (b"", "", "no statement"), (b"[" * 100_000, "application/json", "no JSON")):
        answer = client.post("/query", content=content, headers={"content-type": kind})
        assert answer.status_code == 400
        assert said in answer.json()["message"]


@pytest.mark.parametrize(("headers", "status"), [
    ({"content-type": "multipart/form-data"}, 415), ({"content-encoding": "gzip"}, 415), ({"accept": "application/pdf"}, 406),
    ({"accept": "application/x-ndjson;q=0"}, 406),
])
def test_a_form_that_there_is_none_of_is_refused(client: httpx.Client, headers: dict[str, str], status: int) -> None:
    answer = client.post("/query", content="SELECT 1", headers=headers)
    assert answer.status_code == status
    assert answer.json()["message"]


# ---- errors ----------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("sql", "status", "code"), [
    ("SELECT 1 +", 400, "syntax"), ("SELECT 'x'::INTEGER", 400, "bad_value"), ("SELECT 1; SELECT 2", 400, "syntax"),
    ("CREATE TABLE t (a INTEGER)", 403, "read_only"), ("COPY (SELECT 1) TO '/tmp/x.csv'", 403, "read_only"),
    ("FROM read_text('/etc/passwd')", 403, "read_only"), ("FROM nowhere", 404, "not_found"),
    ("SELECT nothing FROM range(1)", 404, "not_found"),
])
def test_the_status_tells_the_kind_of_an_error_and_the_body_the_rest(ask: Ask, sql: str, status: int, code: str) -> None:
    answer = ask(sql)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json().keys() >= {"code", "message", "hint", "exit"}


def test_an_error_has_its_place(ask: Ask) -> None:
    answer = ask("SELECT 1,\n  ranje FROM range(3)").json()
    assert (answer["position"], answer["length"], answer["hint"]) == (12, 5, "did you mean range?")


def test_a_statement_that_takes_too_long_ends_with_504(client: httpx.Client) -> None:
    answer = client.post("/query", json={"sql": LONG, "timeout": "100ms"})
    assert (answer.status_code, answer.json()["code"]) == (504, "timeout")
    assert "the server's statement_timeout" in answer.json()["hint"]


SECOND_BATCH_FAILS = {"sql": "FROM range(50000)", "max_rows": 20_000}


@pytest.mark.parametrize("accept", ["application/x-ndjson", "application/json", "text/csv"])
def test_an_error_after_the_first_rows_is_the_last_line(client: httpx.Client, accept: str) -> None:
    answer = client.post("/query", json=SECOND_BATCH_FAILS, headers={"accept": accept})
    assert answer.status_code == 200
    *rows, last = answer.text.splitlines()
    assert json.loads(last)["error"]["code"] == "limit"
    assert "larger than 20000 rows" in json.loads(last)["error"]["message"]
    assert len(rows) > 10_000


def test_an_error_of_duckdb_in_the_middle_is_the_last_line_too(serve: Serve) -> None:
    with asking(serve(Limits(max_rows=10_000_000))) as client:
        late = "SELECT CASE WHEN range < 1500000 THEN range ELSE error('no more') END AS n FROM range(2000000)"
        answer = client.post("/query", content=late)
    assert answer.status_code == 200
    assert "no more" in json.loads(answer.text.splitlines()[-1])["error"]["message"]


def test_arrow_that_cannot_go_on_breaks_off(client: httpx.Client) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/query", json=SECOND_BATCH_FAILS, headers={"accept": "application/vnd.apache.arrow.stream"})


def test_other_paths_and_methods_are_told_what_there_is(client: httpx.Client) -> None:
    missing, wrong = client.get("/querry"), client.get("/query")
    assert (missing.status_code, missing.json()["hint"]) == (404, "did you mean /query?")
    assert client.head("/healthz").status_code == 200
    assert client.head("/tail/orders").status_code == 405
    assert (wrong.status_code, wrong.headers["allow"], wrong.json()["hint"]) == (405, "POST", "it takes POST")


# ---- limits and clients that leave -----------------------------------------------------------------------------------

def test_a_result_above_the_limit_says_so_at_its_end(limited: Served) -> None:
    with asking(limited) as client:
        answer = client.post("/query", content="FROM range(60000)")
        assert json.loads(answer.text.splitlines()[-1])["error"]["code"] == "limit"
        assert client.post("/query", content="SELECT repeat('x', 1048576) AS t").status_code == 200


def test_who_comes_when_all_turns_are_taken_may_try_again(limited: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    running = limited.host.running
    monkeypatch.setattr(limited.host, "running", lambda wait_s=0.05: running(wait_s))
    with asking(limited) as client, socket.create_connection(("127.0.0.1", limited.access.port)) as busy:
        begin(busy, LONG)
        wait_until(lambda: limited.host.counts.running == 1)
        answer = client.post("/query", content="SELECT 1")
        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (429, "limit", "1")
    wait_until(lambda: limited.host.counts.running == 0)


def begin(connection: socket.socket, sql: str) -> None:
    head = f"POST /query HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\nContent-Length: {len(sql)}\r\n\r\n"
    connection.sendall((head + sql).encode())


def test_a_client_that_goes_away_ends_its_statement_and_frees_its_place(limited: Served) -> None:
    with socket.create_connection(("127.0.0.1", limited.access.port)) as gone:
        begin(gone, LONG)
        wait_until(lambda: limited.host.counts.running == 1)
    wait_until(lambda: limited.host.counts.running == 0 and not limited.host.clients, 10.0)
    with asking(limited) as client:
        assert lines(client.post("/query", content="SELECT 42 AS n")) == [{"n": 42}]


def test_a_client_that_reads_slowly_holds_no_turn_and_gets_every_row(serve: Serve) -> None:
    limited = serve(Limits(max_running=1))
    many = "SELECT range AS n, repeat('x', 300) AS t FROM range(200000)"
    with asking(limited) as client, asking(limited) as other, client.stream("POST", "/query", content=many) as answer:
        parts = answer.iter_lines()
        first = next(parts)
        assert lines(other.post("/query", content="SELECT 1 AS n")) == [{"n": 1}]
        assert json.loads(first)["n"] == 0
        assert sum(1 for _ in parts) == 199_999


def test_a_client_that_stops_reading_is_let_go(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "STALLED_S", 0.3)
    limited = serve()
    with socket.create_connection(("127.0.0.1", limited.access.port)) as stalled:
        begin(stalled, "SELECT repeat('x', 1000) AS t FROM range(100000)")
        wait_until(lambda: limited.host.clients)
        wait_until(lambda: not limited.host.clients, 10.0)


def test_statements_run_beside_each_other(serve: Serve) -> None:
    served = serve()
    found: list[Any] = []

    def one(n: int) -> None:
        with asking(served) as client:
            found.append(lines(client.post("/query", content=f"SELECT {n} AS n, count(*) AS c FROM range(100000)")))

    threads = [threading.Thread(target=one, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(row["n"] for rows in found for row in rows) == list(range(12))
    assert served.host.counts.done == 12


def test_the_end_of_the_server_ends_what_runs_and_says_so(stage: Stage) -> None:
    servers = Servers(stage.session)
    served = stage.serve(servers)
    answers: list[httpx.Response] = []
    with asking(served) as client:
        thread = threading.Thread(target=lambda: answers.append(client.post("/query", content=LONG)))
        thread.start()
        wait_until(lambda: served.host.counts.running == 1)
        servers.stop("http")
        thread.join(20)
    assert (answers[0].status_code, answers[0].json()["code"]) == (503, "interrupted")
