"""GET /healthz: 200 while the process does its work, 503 with the reason when a thread that must not end has ended."""

from __future__ import annotations

import threading

import httpx
import pytest

from kshell.errors import InternalError
from kshell.serve import Served
from kshell.serve.http import health
from kshell.session.remote import Remote
from tests.serve.http.conftest import Serve, Stage, asking
from tests.support.waiting import wait_until


def asked(served: Served) -> tuple[int, dict[str, str]]:
    answer = httpx.get(served.running.address + "/healthz", timeout=30)
    return answer.status_code, answer.json()


def test_a_thread_that_has_died_is_told_with_its_reason(serve: Serve, stage: Stage) -> None:
    served = serve()
    name = stage.source()
    assert asked(served) == (200, {"status": "ok"})
    source = next(s for s in stage.session._sources if s.name == name)
    source.ingest._shared.fail(InternalError("the decoder ran away"), "decoding")
    status, body = asked(served)
    assert (status, body) == (503, {"status": "failed", "reason": "the decoder ran away"})
    with asking(served) as client:
        assert client.get("/metrics").status_code == 200, "what still works goes on"
        assert client.post("/query", content="SELECT 1").status_code == 200
    stage.session.sql(f"DROP SOURCE {name}")
    assert asked(served)[0] == 200


def test_a_broker_that_is_away_is_no_failure(serve: Serve, stage: Stage) -> None:
    served = serve()
    name = stage.source()
    stage.broker.set_down()
    try:
        wait_until(lambda: stage.session.sql(f"SELECT state FROM kshell.sources WHERE name = '{name}'").fetchall() == [("reconnecting",)])
        assert asked(served)[0] == 200
    finally:
        stage.broker.set_up()


def test_an_engine_that_does_not_answer_is_told(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "PATIENCE_S", 0.2)
    release = threading.Event()
    monkeypatch.setattr(Remote, "run", lambda *_, **__: release.wait(20))
    served = serve()
    try:
        status, body = asked(served)
        assert (status, body["reason"]) == (503, "the engine gives no answer within 0.2 s")
    finally:
        release.set()


def test_however_many_ask_the_engine_is_asked_once_a_second(serve: Serve, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "FRESH_S", 60.0)
    served, made = serve(), []
    remote = stage.session.remote
    monkeypatch.setattr(stage.session, "remote", lambda: made.append(1) or remote())
    for _ in range(10):
        assert asked(served)[0] == 200
    assert len(made) == 1


def test_health_answers_while_every_session_is_taken(serve: Serve, stage: Stage) -> None:
    from kshell.serve.host import Limits

    served = serve(Limits(max_sessions=1))
    name = stage.source()
    with asking(served) as client, client.stream("GET", f"/tail/{name}") as stream:
        assert stream.status_code == 200
        assert client.post("/query", content="SELECT 1").status_code == 429
        assert asked(served) == (200, {"status": "ok"})
