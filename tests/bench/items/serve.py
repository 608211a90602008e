"""What a client of a server waits for: short queries over pgwire and HTTP beside the same ones at the prompt, and large results.

The client is a process of its own; nothing else happens meanwhile."""

from __future__ import annotations

import http.client
import io
import json
import time
from collections.abc import Callable
from typing import Any

from tests.bench import child
from tests.bench.figures import Row, milliseconds, percentile, rate, ratio, spread
from tests.bench.scene import PARTITIONS, Scene, produce
from tests.support.topics import admin, create_topic, unique

RECORDS = 200_000
ASKED = 300                                       # times each query
TOKEN = "bench-token"                             # of a server on loopback that lives for a round
QUERIES = {"SELECT 1": "SELECT 1", "a look-up in live": "SELECT order_id, amount, status FROM live.ev WHERE order_id = 4711"}
LARGE = "SELECT order_id, customer_id, amount, status, url FROM live.ev"


def measure(scene: Scene) -> list[Row]:
    topic = create_topic(admin(scene.bootstrap), unique("served"), PARTITIONS)
    produce(scene.bootstrap, topic, 0, RECORDS)
    rounds = []
    for number in range(scene.rounds):
        with scene.watched():
            rounds.append(child.run("serve:serve", bootstrap=scene.bootstrap, topic=topic, folder=str(scene.folder / f"serve{number}")))
        shown = ", ".join(f"{name} {milliseconds(value)}" for name, value in rounds[-1]["short"].items())
        scene.say(f"serve, round {number + 1}: {shown}")
    return [*(row for name in QUERIES for row in _short_rows(name, rounds)), *_large_rows(rounds)]


def _short_rows(name: str, rounds: list[dict[str, Any]]) -> list[Row]:
    def p50(way: str) -> list[float]:
        return [r["short"][f"{way}: {name}"] for r in rounds]

    prompt = p50("prompt")
    made = [Row(f"{name}: in the process, p50", spread(prompt, milliseconds))]
    for way in ("pgwire", "pgwire, prepared", "HTTP"):
        times = spread((theirs / ours for theirs, ours in zip(p50(way), prompt, strict=True)), ratio)
        goal = "about 1 ms" if (way, name) == ("pgwire", "SELECT 1") else ""
        made.append(Row(f"  over {way}, p50", f"{spread(p50(way), milliseconds)}; {times} times", goal))
    return made


def _large_rows(rounds: list[dict[str, Any]]) -> list[Row]:
    def rows(way: str) -> str:
        return spread((RECORDS / r["large"][way] for r in rounds), rate)

    return [Row(f"{RECORDS:,} rows of five columns: in the process, to Arrow", rows("prompt")),
            Row("  over pgwire, binary, to Python", rows("pgwire")), Row("  over pgwire, COPY ... TO STDOUT", rows("COPY")),
            Row("  over HTTP, Arrow", rows("HTTP"))]


# ---- in children ----------------------------------------------------------------------------------------------------

def serve(bootstrap: str, topic: str, folder: str) -> dict[str, dict[str, float]]:
    from kshell.serve.offered import offer
    from tests.bench import product

    with product.session(bootstrap, folder) as session:
        offer(session)
        session.sql(f"CREATE SOURCE ev FROM KAFKA (TOPIC '{topic}'); WAIT SOURCE ev UNTIL CAUGHT UP")
        short = {f"prompt: {name}": _p50(lambda text=text: session.sql(text).fetchall()) for name, text in QUERIES.items()}  # type: ignore[misc]
        large = {"prompt": _seconds(lambda: session.sql(LARGE).arrow())}
        ports = {}
        for kind, secret in (("pgwire", "password"), ("http", "token")):
            address = session.sql(f"CALL kshell_serve('{kind}', port := 0, {secret} := '{TOKEN}')").fetchall()[0][1]
            ports[kind] = int(str(address).rpartition(":")[2])
        theirs = child.run("serve:ask", **ports)
    return {"short": short | theirs["short"], "large": large | theirs["large"]}


def ask(pgwire: int, http: int) -> dict[str, dict[str, float]]:
    short, large = _over_pgwire(pgwire)
    shorter, larger = _over_http(http)
    return {"short": short | shorter, "large": large | larger}


def _over_pgwire(port: int) -> tuple[dict[str, float], dict[str, float]]:
    import psycopg

    with psycopg.connect(host="127.0.0.1", port=port, user="kshell", password=TOKEN, dbname="memory", autocommit=True) as connection:
        def copied() -> int:
            with connection.cursor().copy(f"COPY ({LARGE}) TO STDOUT") as copy:
                return sum(len(block) for block in copy)

        connection.prepare_threshold = None
        short = {f"pgwire: {name}": _p50(lambda text=text: connection.execute(text).fetchall()) for name, text in QUERIES.items()}  # type: ignore[misc]
        for name, text in QUERIES.items():
            short[f"pgwire, prepared: {name}"] = _p50(lambda text=text: connection.execute(text, prepare=True).fetchall())  # type: ignore[misc]
        with connection.cursor(binary=True) as binary:
            large = {"pgwire": _seconds(lambda: binary.execute(LARGE).fetchall()), "COPY": _seconds(copied)}
    return short, large


def _over_http(port: int) -> tuple[dict[str, float], dict[str, float]]:
    import pyarrow as pa

    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)

    def post(text: str, accept: str) -> bytes:
        connection.request("POST", "/query", text, {"Authorization": f"Bearer {TOKEN}", "Accept": accept, "Content-Type": "text/plain"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(body.decode())
        return body

    short = {f"HTTP: {name}": _p50(lambda text=text: json.loads(post(text, "application/json"))) for name, text in QUERIES.items()}  # type: ignore[misc]
    stream = "application/vnd.apache.arrow.stream"
    large = {"HTTP": _seconds(lambda: pa.ipc.open_stream(io.BytesIO(post(LARGE, stream))).read_all())}
    connection.close()
    return short, large


def _p50(ask: Callable[[], object]) -> float:
    for _ in range(ASKED // 10):
        ask()
    return percentile([_seconds(ask) for _ in range(ASKED)], 0.5)


def _seconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began
