"""What is written in the documentation, with curl: queries, rows as they arrive, a UNIX socket, TLS, and a body of a gigabyte."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kshell.serve import Served
from kshell.serve.tls import Certificate
from tests.serve.http.conftest import TOKEN, Serve, Stage
from tests.serve.test_access import certificate
from tests.support.waiting import wait_until

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not on this machine")
BEARER = ("-H", f"Authorization: Bearer {TOKEN}")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def curl(*arguments: str, **options: Any) -> str:
    done = subprocess.run(["curl", "-sS", "--max-time", "60", *BEARER, *arguments], capture_output=True, text=True, check=True, **options)
    return done.stdout


def address(served: Served, path: str) -> str:
    return f"http://localhost:{served.access.port}{path}"


def test_a_query_is_one_line(served: Served, stage: Stage) -> None:
    name = stage.source()
    stage.put(name, *range(1203))
    stage.session.sql(f"WAIT SOURCE {name} UNTIL ROWS 1203 TIMEOUT '30s'")
    assert curl("--data", f"SELECT count(*) AS n FROM {name}", address(served, "/query")) == '{"n":1203}\n'
    body = json.dumps({"sql": f"SELECT count(*) AS n FROM {name} WHERE id < $1", "params": [100], "timeout": "5s"})
    assert curl("--json", body, address(served, "/query")) == '[{"n":100}]\n', "curl --json asks for JSON"
    assert curl("-H", "Accept: text/csv", "--data", "SELECT 1 AS a", address(served, "/query")) == "a\n1\n"


def test_rows_come_as_they_arrive_and_none_twice_after_a_reconnect_with_the_last_id(served: Served, stage: Stage) -> None:
    name = stage.source()
    seen: list[int] = []
    last_id: tuple[str, ...] = ()
    for turn in range(3):
        tail = ["curl", "-sSN", *BEARER, *last_id, "-G", "--data-urlencode", "where=amount >= 0", address(served, f"/tail/{name}")]
        with subprocess.Popen(tail, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            assert [following.stdout.readline()[:4] for _ in range(3)] == ["retr", "id: ", "\n"]
            stage.put(name, *range(turn * 10, turn * 10 + 10), partition=turn % 2)
            for _ in range(10 if turn else 7):            # the first ends before it has seen everything
                event_id, data, _ = (following.stdout.readline() for _ in range(3))
                last_id = ("-H", f"Last-Event-ID: {event_id[4:].strip()}")
                seen.append(json.loads(data[6:])["id"])
            following.kill()
    assert len(set(seen)) == 27
    assert set(seen[:7]) == set(range(7))


@pytest.mark.fault("F100")
def test_a_body_of_a_gigabyte_costs_no_memory(served: Served) -> None:
    sessions, before = served.host.counts.connected, resident_bytes()
    zeros = subprocess.Popen(["head", "-c", "1000000000", "/dev/zero"], stdout=subprocess.PIPE)
    with zeros:
        done = subprocess.run(["curl", "-sS", "--max-time", "60", *BEARER, "-X", "POST", "-T", "-", "-o", "-", "-w", "\n%{http_code}",
                               address(served, "/query")], stdin=zeros.stdout, capture_output=True, text=True, check=False)
        zeros.kill()
    assert done.stdout.endswith("\n413"), done
    assert json.loads(done.stdout.splitlines()[0])["code"] == "limit"
    assert resident_bytes() - before < 50_000_000
    assert served.host.counts.connected == sessions


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


def test_a_unix_socket_is_the_owners_alone_and_asks_for_the_token_too(serve: Serve, tmp_path: Path) -> None:
    path = tmp_path / "kshell.sock"
    served = serve(host="", port=0, socket=path)
    assert served.running.address == str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert curl("--unix-socket", str(path), "--data", "SELECT 1 AS n", "http://kshell/query") == '{"n":1}\n'
    refused = subprocess.run(["curl", "-s", "--unix-socket", str(path), "--data", "SELECT 1", "http://kshell/query"], capture_output=True,
                             text=True, check=True)
    assert json.loads(refused.stdout)["message"] == "a token is needed"


def test_tls_serves_those_who_trust_the_certificate(serve: Serve, tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "localhost")
    made = Certificate(Path(cert), Path(key))
    made.read()
    served = serve(certificate=made)
    assert served.running.address.startswith("https://127.0.0.1:")
    url = f"https://localhost:{served.access.port}/query"
    assert curl("--cacert", cert, "--data", "SELECT 1 AS n", url) == '{"n":1}\n'
    untrusted = subprocess.run(["curl", "-s", "--data", "SELECT 1", url], capture_output=True, text=True, check=False)
    assert untrusted.returncode == 60
    plain = subprocess.run(["curl", "-s", url.replace("https:", "http:")], capture_output=True, text=True, check=False)
    assert plain.returncode != 0
    wait_until(lambda: not served.host.clients)
