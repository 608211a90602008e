"""Fields that change their kind, records deeper and wider than any table, and a topic of nothing but poison, while the program is killed
in its commits: each record is in the table once or in its error table once, with the verdict that its bytes deserve, and a column keeps
its type."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.chaos.child import Child, Memory
from tests.crash import reader
from tests.crash.judge import judge_chain
from tests.parts.kafka import Broker
from tests.protocol.verify import SINK
from tests.support import create_topic, unique, wait_until
from tests.support.producing import Recorder
from tests.support.topics import admin

PARTITIONS = 2
DEATHS = ("errors.after_commit=kill@1", "commit.after_catalog=kill@1", "commit.before_catalog=kill@1")
COLUMNS = "n BIGINT, s VARCHAR, o STRUCT(x BIGINT), deep JSON"
TYPES = [["n", "BIGINT"], ["s", "VARCHAR"], ["o", "STRUCT(x BIGINT)"], ["deep", "VARCHAR"]]
# a record of number {n}, its verdict
DRIFT: tuple[tuple[str, str | None], ...] = (
    ('{{"n":{n},"s":"a","o":{{"x":{n}}}}}', None), ('{{"n":"n","s":"a"}}', "TYPE_MISFIT"), ('{{"n":{{"x":{n}}}}}', "TYPE_MISFIT"),
    ('{{"n":{n},"o":"x"}}', "TYPE_MISFIT"), ('{{"n":{n},"o":[{n}]}}', "TYPE_MISFIT"), ('{{"n":{n},"s":{n},"new{n}":{n}}}', None),
    ('{{"n":{n}.5}}', "TYPE_MISFIT"),
    ('{{"n":{n},"deep":' + "[" * 33 + "]" * 33 + "}}", None), ('{{"n":{n},"deep":' + "[" * 1_001 + "]" * 1_001 + "}}", "JSON_DEPTH"),
    ('{{"n":{n},' + ",".join(f'"k{i}":0' for i in range(2_001)) + "}}", "TOO_MANY_KEYS"))
POISON = ("no json {n} " + "x" * 1_000, "JSON_SYNTAX")
MOST_GROWTH = 250_000_000                     # bytes of memory


class Sent:
    """`verdicts`: of each acknowledged record, None for a row; `numbers`: what column n holds of the rows."""

    def __init__(self, bootstrap: str) -> None:
        self.topic = create_topic(admin(bootstrap), unique("poison"), PARTITIONS)
        self.verdicts: dict[tuple[int, int], str | None] = {}
        self.numbers: dict[tuple[int, int], int] = {}
        self._producer = Recorder(bootstrap)
        self._next = 0

    def send(self, forms: tuple[tuple[str, str | None], ...], count: int) -> None:
        for partition in range(PARTITIONS):
            numbers = range(self._next, self._next + count)
            self._next += count
            texts = [forms[n % len(forms)][0].format(n=n) for n in numbers]
            for n, done in zip(numbers, self._producer.produce(self.topic, texts, partition=partition), strict=True):
                place = (done.partition, done.offset)
                self.verdicts[place] = forms[n % len(forms)][1]
                self.numbers[place] = n

    def script(self) -> str:
        return (f"CREATE SOURCE s ({COLUMNS}) FROM KAFKA kafka (TOPIC '{self.topic}');"
                f"CREATE SINK k FROM s INTO ICEBERG local.shop.s (ID '{SINK}', COMMIT_INTERVAL '1h');")


def killed(child: Child, sent: Sent, forms: tuple[tuple[str, str | None], ...]) -> None:
    """Flushes until it dies; what dies answers nothing."""
    with contextlib.suppress(AssertionError, BrokenPipeError):
        child.sql(sent.script())
        for _ in range(10):
            sent.send(forms, 50)
            child.sql("WAIT ALL TIMEOUT '30s'; FLUSH ALL TIMEOUT '30s'")
    wait_until(lambda: child._process.poll() is not None, 10)


@pytest.mark.fault("F31")
@pytest.mark.fault("F32")
@pytest.mark.fault("F33")
@pytest.mark.fault("F42")
@pytest.mark.timeout(180)
def test_each_record_is_a_row_once_or_an_error_once_and_no_column_changes_its_type(
        kafka: Broker, children: Callable[..., Child], tmp_path: Path) -> None:
    sent = Sent(kafka.bootstrap)
    sent.send(DRIFT, 100)
    for death in DEATHS:
        killed(children("kshell", kafka, failpoints=death), sent, DRIFT)
    child = children("kshell", kafka)
    child.sql(f"{sent.script()} WAIT ALL TIMEOUT '60s'; FLUSH ALL TIMEOUT '60s'")
    with Memory(child) as memory:
        sent.send((POISON,), 3_000)
        child.sql("WAIT ALL TIMEOUT '60s'; FLUSH ALL TIMEOUT '60s'")
    assert memory.most - memory.samples[0] < MOST_GROWTH
    sent.send(DRIFT, 100)                     # and rows again, half of them live
    child.sql("WAIT ALL TIMEOUT '60s'")
    rows = sum(verdict is None for verdict in sent.verdicts.values())
    assert child.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s") == [[rows, rows]]
    child.sql("FLUSH ALL TIMEOUT '60s'")
    for tier in ("live", "lake"):
        assert [row[:2] for row in child.sql(f"DESCRIBE {tier}.s")][:len(TYPES)] == TYPES
    check(tmp_path / "kshell" / "data" / "iceberg", sent)
    assert all("ok" in row for row in child.sql("CHECK SINK k AGAINST KAFKA"))


def check(lake: Path, sent: Sent) -> None:
    stored, errors = reader.load(lake, "s"), reader.load(lake, "s__errors")
    assert stored is not None
    assert errors is not None
    good = Counter((*place, sent.numbers[place]) for place, verdict in sent.verdicts.items() if verdict is None)
    bad = Counter((*place, verdict) for place, verdict in sent.verdicts.items() if verdict is not None)
    assert Counter(stored.rows(("_kafka_partition", "_kafka_offset", "n"))) == good
    assert Counter(errors.rows(("_kafka_partition", "_kafka_offset", "code"))) == bad
    assert judge_chain("s", stored) + judge_chain("s__errors", errors) == []
