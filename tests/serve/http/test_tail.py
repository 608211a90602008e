"""GET /tail: rows as they arrive, with ids to go on at. Over all connections of a client nothing is lost and nothing comes twice."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import httpx
import pytest

from kshell.query import pace, tail_source
from kshell.serve import Servers, addresses
from kshell.serve.http import tail
from tests.serve.http.conftest import Serve, Stage, asking
from tests.support.waiting import wait_until


@dataclass(frozen=True)
class Event:
    name: str                                 # empty: a row
    id: str
    data: Any


class Following:
    """One connection. Signs of life are counted."""

    def __init__(self, answer: httpx.Response) -> None:
        self.answer, self.alive = answer, 0
        self.last_id = ""
        self._lines = answer.iter_lines()

    def __iter__(self) -> Iterator[Event]:
        name, data, seen = "", "", self.last_id
        for line in self._lines:
            field, _, value = line.partition(": ")
            if line.startswith(":"):
                self.alive += 1
            elif field == "event":
                name = value
            elif field == "data":
                data = value
            elif field == "id":
                seen = value
            elif not line:                    # the event is whole: until then a browser has seen nothing of it
                self.last_id = seen
                if data:
                    yield Event(name, seen, json.loads(data))
                name = data = ""

    def take(self, count: int) -> list[Event]:
        found = iter(self)
        return [next(found) for _ in range(count)]


@contextmanager
def follow(client: httpx.Client, source: str, last_id: str | None = None, **params: Any) -> Iterator[Following]:
    """Connected, and past the first id: whatever is produced from here on comes."""
    headers = {} if last_id is None else {"last-event-id": last_id}
    with client.stream("GET", f"/tail/{source}", params=params, headers=headers) as answer:
        assert answer.status_code == 200, answer.read()
        yield Following(answer)


def refused(client: httpx.Client, source: str, last_id: str | None = None, **params: Any) -> httpx.Response:
    headers = {} if last_id is None else {"last-event-id": last_id}
    with client.stream("GET", f"/tail/{source}", params=params, headers=headers) as answer:
        assert answer.status_code >= 400
        answer.read()
        return answer


def ids(found: list[Event]) -> list[int]:
    return [event.data["id"] for event in found]


# ---- rows ------------------------------------------------------------------------------------------------------------

def test_a_row_is_one_event_with_the_next_offset_of_each_partition(client: httpx.Client, stage: Stage) -> None:
    name = stage.source()
    stage.put(name, 1, 2)
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 2 TIMEOUT '30s'")
    with follow(client, name) as stream:
        assert stream.answer.headers["content-type"].startswith("text/event-stream")
        stage.put(name, 3)
        first, = stream.take(1)
        stage.put(name, 4, partition=1)
        second, = stream.take(1)
    assert (first.id, second.id) == ("0:3,1:0", "0:3,1:1")
    assert first.data | {"_kafka_timestamp": None} == {
        "id": 3, "amount": 1.5, "_kafka_partition": 0, "_kafka_offset": 2, "_kafka_timestamp": None, "_kafka_key": None, "_tier": "live"}


@pytest.mark.parametrize(("params", "expected"), [
    ({"last": 2}, [4, 5]), ({"since": "1h"}, [0, 1, 2, 3, 4, 5]), ({"last": 0}, []), ({"since": "0s"}, []), ({}, []),
])
def test_a_stream_begins_where_the_address_says(client: httpx.Client, stage: Stage, params: dict[str, Any], expected: list[int]) -> None:
    name = stage.source()
    stage.put(name, *range(6))
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 6 TIMEOUT '30s'")
    with follow(client, name, limit=len(expected) + 1, **params) as stream:
        stage.put(name, 99)
        *rows, end = list(stream)
    assert ids(rows) == [*expected, 99]
    assert (end.name, end.data) == ("end", {"rows": len(expected) + 1})


def test_the_live_rows_alone_are_followed_under_their_name(client: httpx.Client, stage: Stage) -> None:
    name = stage.source()
    stage.put(name, *range(6))
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 6 TIMEOUT '30s'")
    with follow(client, f"live.{name}", last=1, limit=2) as stream:
        stage.put(name, 6)
        *rows, _ = list(stream)
    assert ids(rows) == [5, 6]
    assert "_tier" not in rows[0].data


def test_where_and_columns_choose_and_numbers_become_strings(client: httpx.Client, stage: Stage) -> None:
    name = stage.source(columns='(id BIGINT, "a,b" VARCHAR)')
    with follow(client, name, where="id % 2 = 0 -- even", columns='"a,b", id', numbers="string", limit=2) as stream:
        stage.put(name, 1, 2, 3, 2**53 + 2, **{"a,b": "x"})
        found = list(stream)
    assert [event.data for event in found[:2]] == [{"a,b": "x", "id": 2}, {"a,b": "x", "id": str(2**53 + 2)}]
    assert [event.id for event in found[:2]] == ["0:2,1:0", "0:4,1:0"]


def test_what_arrives_is_told_at_once_and_silence_by_signs_of_life(serve: Serve, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "ALIVE_S", 0.1)
    name = stage.source()
    with asking(serve()) as client, follow(client, name, where="id > 2") as stream:
        stage.put(name, 1)                    # not wanted
        found = iter(stream)
        assert wait_for_life(stream) >= 2
        stage.put(name, 3)
        assert next(found).data["id"] == 3


def wait_for_life(stream: Following) -> int:
    """Reads lines until two signs of life have come."""
    for line in stream._lines:
        stream.alive += line.startswith(":")
        if stream.alive >= 2:
            break
    return stream.alive


# ---- again -----------------------------------------------------------------------------------------------------------

def test_who_comes_again_with_the_last_id_loses_nothing_and_sees_nothing_twice(serve: Serve, stage: Stage) -> None:
    """In between rows arrive and are committed, and the server is another one."""
    name = stage.source()
    stage.session.sql(f"CREATE SINK {name}_lake FROM {name} INTO ICEBERG local.web.{name} (COMMIT_INTERVAL '1h')")
    seen: list[int] = []
    last_id = None
    produced = 0
    for turn in range(5):
        servers = Servers(stage.session)
        with closing(servers), asking(stage.serve(servers)) as client, follow(client, name, last_id) as stream:
            for partition in (0, 1):
                stage.put(name, *range(produced, produced + 10), partition=partition)
                produced += 10
            found = stream.take(7 + turn)     # in the middle of what has arrived
            last_id = found[-1].id
            seen += ids(found)
        stage.put(name, produced)
        produced += 1
        stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS {produced} TIMEOUT '30s'; FLUSH SINK {name}_lake")
    with asking(serve()) as client, follow(client, name, last_id, limit=produced - len(seen)) as stream:
        seen += ids(list(stream)[:-1])
    assert sorted(seen) == list(range(produced))


def test_who_saw_no_row_before_the_connection_broke_loses_none(client: httpx.Client, stage: Stage) -> None:
    name = stage.source()
    stage.put(name, 1, 2)
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 2 TIMEOUT '30s'")
    with follow(client, name) as stream:
        lines = [next(stream._lines) for _ in range(3)]
    assert lines == ["retry: 1000", "id: 0:2,1:0", ""]
    stage.put(name, 3)
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 3 TIMEOUT '30s'")
    with follow(client, name, "0:2,1:0", last=100, limit=1) as stream:
        assert ids(stream.take(1)) == [3]


def test_an_id_of_several_topics_names_them(client: httpx.Client, stage: Stage) -> None:
    first, second = stage.source(1), stage.source(1)
    stage.session.sql(f"CREATE SOURCE both_{first} (id BIGINT) FROM KAFKA kafka (TOPICS ['{first}', '{second}'], INCLUDE [topic])")
    with follow(client, f"both_{first}", limit=2) as stream:
        stage.put(first, 1)
        stage.put(second, 2)
        found = list(stream)
    assert set(found[1].id.split(",")) == {f"{first}/0:1", f"{second}/0:1"}
    with follow(client, f"both_{first}", found[0].id, limit=1) as stream:
        assert [event.data for event in stream.take(1)] == [found[1].data]


# ---- limits ----------------------------------------------------------------------------------------------------------

def test_a_client_that_falls_behind_is_told_how_many_rows_were_left_out(serve: Serve, stage: Stage,
                                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST_BEHIND_ROWS", 50)
    monkeypatch.setattr(tail_source, "KEPT_ROWS", 20)
    small_buffers(monkeypatch)
    name = stage.source(1, "(id BIGINT, pad VARCHAR)")
    little = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)])
    produced = shown = skipped = 0
    with asking(serve(), transport=little) as client, follow(client, name, columns="id,pad") as stream:
        found = iter(stream)
        while not skipped:                    # each time more arrives than is read
            stage.put(name, *range(produced, produced + 300), pad="x" * 2000)
            produced += 300
            stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS {produced} TIMEOUT '30s'")
            for event in islice(found, 100):
                if event.name == "skipped":
                    skipped += event.data["rows"]
                else:
                    shown += 1
                    assert event.data["id"] == shown + skipped - 1, "what is left out is said before the row that follows"
        assert 0 < skipped <= produced - shown


def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of connections to servers from here on, so that little is on its way."""
    listening = addresses.listening

    def small(host: str, port: int) -> socket.socket:
        made = listening(host, port)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
        return made

    monkeypatch.setattr(addresses, "listening", small)


def test_so_many_clients_may_follow_and_a_place_comes_back(serve: Serve, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_TAILS", 1)
    name = stage.source()
    with asking(serve()) as client:
        with follow(client, name):
            assert (answer := refused(client, name)).status_code == 429
            assert answer.json()["message"] == "1 clients are following already"
        wait_until(lambda: accepted(client, name))


def accepted(client: httpx.Client, source: str) -> bool:
    with client.stream("GET", f"/tail/{source}") as answer:
        return answer.status_code == 200


def test_a_client_that_goes_away_leaves_nothing_behind(serve: Serve, stage: Stage) -> None:
    name = stage.source()
    served = serve()
    with asking(served) as client, follow(client, name) as stream:
        stage.put(name, 1)
        stream.take(1)
        assert len(served.host.clients) == 1
    wait_until(lambda: not served.host.clients, 10.0)
    assert served.host.counts.running == 0


def test_the_end_of_the_server_ends_the_stream(stage: Stage) -> None:
    name = stage.source()
    servers = Servers(stage.session)
    with asking(stage.serve(servers)) as client, follow(client, name) as stream:
        stage.put(name, 1)
        stream.take(1)
        servers.close()
        assert list(stream) == []


def test_a_source_that_goes_ends_the_stream_with_what_happened(client: httpx.Client, stage: Stage) -> None:
    name = stage.source()
    with follow(client, name) as stream:
        stage.put(name, 1)
        stream.take(1)
        stage.session.sql(f"DROP SOURCE {name}")
        assert [event.name for event in stream] in (["end"], ["failed"])


# ---- what is refused -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize(("where", "code"), [
    ("count(*) > 1", "bad_value"), ("sum(id) OVER () > 1", "refused"), ("id IN (SELECT 1)", "refused"), ("nothing = 1", "not_found"),
    ("id >", "syntax"), ("", "bad_value"), ("  -- nothing", "bad_value"), ("(id > 1", "syntax"), ("id > 1)", "syntax"),
    ("'open", "syntax"),
    ("true) UNION ALL SELECT (1", "syntax"), ("true); DROP TABLE x; SELECT (1", "syntax"), ("id = 1; SELECT 1", "syntax"),
    ("true)) SINCE INTERVAL '1 day' LIMIT 5 --", "syntax"), ("true /*", "syntax"), ("read_text('/etc/passwd') IS NULL", "bad_value"),
    ("setseed(0.5) IS NULL", "read_only"), ("id = [1}", "syntax"), ("id > 1 ORDER BY id", "syntax"), ("id > 1 LIMIT 5", "syntax"),
])
def test_where_is_one_expression_over_one_row(client: httpx.Client, stage: Stage, where: str, code: str) -> None:
    answer = refused(client, _standing(stage), where=where).json()
    assert answer["code"] == code, answer
    assert answer.get("position", 0) <= len(where)


def _standing(stage: Stage) -> str:
    """One source for all that look at nothing but errors."""
    if not hasattr(stage, "standing"):
        stage.standing = stage.source()       # type: ignore[attr-defined]
    return str(stage.standing)                # type: ignore[attr-defined]


def test_an_error_in_where_has_its_place_in_it(client: httpx.Client, stage: Stage) -> None:
    answer = refused(client, _standing(stage), where="id > 1 AND amont > 2").json()
    assert (answer["position"], answer["length"], answer["hint"]) == (11, 5, "did you mean amount?")


@pytest.mark.parametrize(("params", "said"), [
    ({"since": "5"}, "takes a duration"), ({"last": "-1"}, "takes a number of rows"), ({"limit": "0"}, "from 1 on"),
    ({"limit": "x"}, "number"),
    ({"since": "5m", "last": "1"}, "exclude each other"), ({"columns": ""}, "takes names"), ({"columns": "id,,x"}, "takes names"),
    ({"columns": "nope"}, "nope"), ({"wher": "true"}, "no wher"), ({"numbers": "text"}, "number or string"),
])
def test_an_address_that_is_not_understood_is_told(client: httpx.Client, stage: Stage, params: dict[str, str], said: str) -> None:
    answer = refused(client, _standing(stage), **params)
    assert answer.status_code in (400, 404)
    assert said in answer.json()["message"]


@pytest.mark.parametrize("source", ["nowhere", "kshell.sources", "lake.orders", "range(5)", "' OR 1", "a\"; DROP TABLE b; --",
                                    "/etc/passwd", "x.csv"])
def test_only_sources_are_followed(client: httpx.Client, source: str) -> None:
    answer = refused(client, httpx.URL(path=source).raw_path.decode().replace("/", "%2F"))
    assert answer.status_code in (400, 403, 404), answer.text
    assert answer.json()["code"] in ("not_found", "refused", "read_only")


@pytest.mark.parametrize("last_id", ["x", "0", "0:", "0:-1", "0:1;1:2", "0:1,,1:2", "99999999999:1", "a b/0:1", "0:1}",
                                     "0:99999999999999999999"])
def test_an_id_that_is_none_of_ours_is_told(client: httpx.Client, stage: Stage, last_id: str) -> None:
    assert refused(client, _standing(stage), last_id).json()["code"] == "bad_value"
