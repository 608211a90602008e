"""Short queries over a million rows in the buffer while the topic is read at half speed: through live.<name>, and through the union at
1, 200 and 1,000 commits in its table; and what a commit takes at those sizes.

A valve in front of the reader lets the records of one topic through in portions, so every commit takes real records off a broker."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from typing import Any

from tests.bench import child, figures, product
from tests.bench.figures import Row, milliseconds, percentile, spread
from tests.bench.scene import COLUMNS, Scene

DECLARED = "(order_id BIGINT, customer_id BIGINT, amount DOUBLE, status VARCHAR, url VARCHAR)"
LIVE_ROWS = 1_000_000
WINDOW_S = 2.0
UNION_S = 0.3                                 # five of them at each size of the table
MARKS = (10, 200, 1000)                       # commits in the table when one is timed
LOOKED_AT = (1, 200, 1000)                    # and when queries are
COMMIT_ROWS = 500
AROUND = 5                                    # commits timed on either side of a mark
BY_HAND = "(COMMIT_INTERVAL '1h', COMMIT_ROWS NULL, COMMIT_BYTES NULL)"
QUERIES = {
    "count": "SELECT count(*) FROM {view} WHERE _kafka_timestamp >= make_timestamptz({first})",
    "look-up": f"SELECT {COLUMNS} FROM {{view}} WHERE order_id = {{id}} AND _kafka_timestamp >= make_timestamptz({{first}})",
    "last minute": "SELECT count(*), sum(amount) FROM {view} WHERE _kafka_timestamp >= make_timestamptz({minute})",
}
LIVE_QUERIES = {**QUERIES, "count": "SELECT count(*) FROM {view}", "look-up": f"SELECT {COLUMNS} FROM {{view}} WHERE order_id = {{id}}"}
Times = dict[str, list[float]]


def measure(scene: Scene) -> list[Row]:
    live_rows = min(LIVE_ROWS, scene.events // 5)
    commits = max(MARKS) if scene.events >= 2 * LIVE_ROWS else 200
    arguments = {"bootstrap": scene.bootstrap, "topic": scene.topic, "live_rows": live_rows, "rate": scene.half_rate}
    rounds = []
    for number in range(scene.rounds):
        with scene.watched():
            rounds.append(child.run("hot:live", folder=str(scene.folder / f"hot{number}"), **arguments))
        scene.say(f"live queries, round {number + 1}: "
                  + ", ".join(f"{q} {milliseconds(statistics.median(t))}" for q, t in rounds[-1].items()))
    spare = scene.events - commits * COMMIT_ROWS - len(LOOKED_AT) * live_rows
    arguments["rate"] = min(scene.half_rate, spare / (len(LOOKED_AT) * 5 * UNION_S * 1.5))      # the topic has to last
    with scene.watched():
        history = child.run("hot:history", folder=str(scene.folder / "history"), commits=commits, **arguments)
    scene.say(f"{commits} commits done")
    title = f"{live_rows:,} rows, ingest at {figures.rate(scene.half_rate)}"
    return [*(_line(f"live.<name>: {q} ({title})", [r[q] for r in rounds], "p50 < 1 ms") for q in QUERIES),
            *(_line(f"union: {q} at {mark} commits (ingest at {figures.rate(arguments['rate'])})", rounds_of, "p50 < 8 ms")
              for q in QUERIES for mark, found in history["queries"].items() if (rounds_of := [times[q] for times in found])),
            *(Row(f"  processor time of one at {mark} commits, nothing else running", milliseconds(used), "flat")
              for mark, used in history["query_cpu"].items()),
            *_commits(history)]


def _line(what: str, rounds: list[list[float]], goal: str) -> Row:
    everything = [t for times in rounds for t in times]
    medians = spread((statistics.median(t) for t in rounds), milliseconds)
    return Row(what, f"p50 {medians}, p99 {milliseconds(percentile(everything, 0.99))}", goal)


def _commits(history: dict[str, Any]) -> list[Row]:
    rows = []
    for key, what in (("commits", f"one commit of {COMMIT_ROWS} rows"), ("commit_cpu", "  processor time of one")):
        medians = []
        for mark in (m for m in MARKS if len(history[key]) >= m):
            around = history[key][mark - AROUND - 1: mark + AROUND]
            medians.append(statistics.median(around))
            rows.append(Row(f"{what} at {mark} commits", spread(around, milliseconds)))
        rows.append(Row("  slowest / fastest of these medians", figures.ratio(max(medians) / min(medians)), "<= 1.5"))
    return [*rows, Row("  steps of the last five", history["last"])]


# ---- in a child ---------------------------------------------------------------------------------------------------

def live(bootstrap: str, topic: str, live_rows: int, rate: float, folder: str) -> Times:
    valve = product.Valve()
    with product.session(bootstrap, folder) as session:
        session.sql(f"CREATE SOURCE ev {DECLARED} FROM KAFKA (TOPIC '{topic}')")
        valve.let(live_rows)
        product.wait_rows(session, live_rows)
        valve.flow(rate)
        return _asked(session, LIVE_QUERIES, "live.ev", WINDOW_S, first_row=0)


def history(bootstrap: str, topic: str, live_rows: int, rate: float, folder: str, commits: int) -> dict[str, Any]:
    valve = product.Valve()
    taken: list[float] = []
    used: list[float] = []
    found: dict[int, list[Times]] = {}
    query_cpu: dict[int, float] = {}
    with product.session(bootstrap, folder) as session:
        session.sql(f"CREATE SOURCE ev {DECLARED} FROM KAFKA (TOPIC '{topic}'); CREATE SINK s FROM ev INTO ICEBERG ice.bench.ev {BY_HAND}")
        for number in range(1, commits + AROUND + 1):
            _let(valve, session, COMMIT_ROWS)
            before = time.process_time()
            taken.append(_timed(lambda: session.sql("FLUSH SINK s TIMEOUT '60s'")))
            used.append(time.process_time() - before)
            if number in LOOKED_AT:
                first = _let(valve, session, live_rows)
                valve.flow(rate)
                found[number] = [_asked(session, QUERIES, "ev", UNION_S, first_row=first) for _ in range(5)]
                valve.flow(0)
                session.sql("FLUSH SINK s TIMEOUT '60s'")
                query_cpu[number] = _cpu_of_one(session)
        steps = ", ".join(f"{c.seconds * 1000:.0f}" for c in list(next(iter(session._sinks)).flusher.commits)[-5:])
    return {"commits": taken, "commit_cpu": used, "queries": found, "query_cpu": query_cpu,
            "last": f"without the statement around them: {steps} ms"}


def _cpu_of_one(session: Any, times: int = 30) -> float:
    """Of a query whose time filter excludes the lake."""
    before = time.process_time()
    for _ in range(times):
        session.sql("SELECT count(*) FROM ev WHERE _kafka_timestamp >= TIMESTAMPTZ '2100-01-01 00:00:00+00'").fetchall()
    return (time.process_time() - before) / times


def _let(valve: product.Valve, session: Any, rows: int) -> int:
    """The number of rows before these."""
    before = product.rows_total(session)
    valve.let(rows)
    product.wait_rows(session, before + rows)
    return before


def _asked(session: Any, queries: dict[str, str], view: str, window_s: float, *, first_row: int) -> Times:
    """Each query in turn for a while. The time filter begins at the oldest row in the buffer."""
    (oldest_us, least, most), = session.sql(
        f"SELECT epoch_us(min(_kafka_timestamp)), min(order_id), max(order_id) FROM live.ev WHERE order_id >= {first_row}").fetchall()
    times: Times = {name: [] for name in queries}
    ends = time.monotonic() + window_s
    while time.monotonic() < ends:
        for name, query in queries.items():
            text = query.format(view=view, id=random.randint(least, most), first=oldest_us, minute=product.newest_us(session) - 60_000_000)
            times[name].append(_timed(lambda text=text: session.sql(text).fetchall()))  # type: ignore[misc]
    return times


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
