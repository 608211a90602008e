"""Storage and catalogs that refuse: one clear line, a state to be seen, nothing lost, and it goes on when the cause is cured."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from tests.chaos.child import Child, Refused
from tests.chaos.flow import Flow
from tests.chaos.test_memory import text
from tests.parts.kafka import Broker
from tests.parts.rest import RestCatalog
from tests.support import unique, wait_until

FIRST, MORE = 300, 3000
FULL_BYTES = 20_000                           # no file of the child may grow beyond: a write fails as on a full disk
STANDING = ("retrying", "resolving")


@pytest.fixture
def flow(kafka: Broker, flows: Callable[..., Flow]) -> Flow:
    return flows(kafka, padding=text(100))


def started(child: Child, flow: Flow, table: str, attach: str = "") -> None:
    """A sink whose first rows have landed."""
    flow.send(FIRST)
    child.sql(f"{attach} CREATE SOURCE s (seq BIGINT, who VARCHAR, pad VARCHAR) FROM KAFKA kafka (TOPIC '{flow.topic}');"
              f"CREATE SINK s_lake FROM s INTO ICEBERG {table} (COMMIT_INTERVAL '1h'); WAIT SOURCE s; FLUSH SINK s_lake")


def refused_flush(child: Child) -> Refused:
    with pytest.raises(Refused) as late:
        child.sql("FLUSH SINK s_lake TIMEOUT '4s'")
    return late.value


def stands_still(child: Child, flow: Flow, saying: str) -> None:
    """FLUSH ends at its timeout and names the cause, SHOW SINKS shows it, SELECT works, it is said at most twice, in one line each."""
    sent = flow.send(MORE)
    child.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")
    late = refused_flush(child)
    while child.sink()["last_error"] is None:     # a busy machine: the first attempt at the commit is still under way
        late = refused_flush(child)
    assert late.exit == 4
    assert saying in late.message
    sink = child.sink()
    assert sink["state"] in STANDING
    assert saying in sink["last_error"]
    assert "\n" not in sink["last_error"]
    assert sink["pending_rows"] == MORE
    assert child.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM s") == [[sent, sent]]
    assert 1 <= len(child.warnings()) <= 2
    assert saying in child.warnings()[0]


def goes_on(child: Child, flow: Flow) -> None:
    child.sql("FLUSH SINK s_lake TIMEOUT '60s'")
    assert child.sql("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM lake.s") == [[flow.total, flow.total]]
    assert child.sink() == {"state": "running", "pending_rows": 0, "last_error": None}
    assert {row[-1] for row in child.sql("CHECK SINK s_lake")} == {"ok"}


@pytest.mark.fault("F70")
def test_a_full_disk(kafka: Broker, children: Callable[..., Child], flow: Flow) -> None:
    child = children("one", kafka)
    started(child, flow, "local.web.s")
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (FULL_BYTES, resource.RLIM_INFINITY))
    stands_still(child, flow, "File too large")
    resource.prlimit(child.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    goes_on(child, flow)


@pytest.mark.fault("F59")
def test_a_catalog_whose_database_may_not_be_written(kafka: Broker, children: Callable[..., Child], flow: Flow) -> None:
    child = children("one", kafka)
    started(child, flow, "local.web.s")
    database = next((child.log.parent / "data").rglob("*.db"))
    with closing(sqlite3.connect(database)) as owner:
        owner.execute("CREATE TRIGGER closed BEFORE UPDATE ON iceberg_tables BEGIN SELECT RAISE(ABORT, 'this catalog is read-only'); END")
        owner.commit()
        stands_still(child, flow, "this catalog is read-only")
        owner.execute("DROP TRIGGER closed")
        owner.commit()
    goes_on(child, flow)


@pytest.mark.fault("F59")
def test_a_catalog_database_that_somebody_locks(kafka: Broker, children: Callable[..., Child], flow: Flow) -> None:
    child = children("one", kafka)
    started(child, flow, "local.web.s")
    database = next((child.log.parent / "data").rglob("*.db"))
    with closing(sqlite3.connect(database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        flow.send(MORE)
        child.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'")
        with pytest.raises(Refused) as late:
            child.sql("FLUSH SINK s_lake TIMEOUT '3s'")
        assert late.value.exit == 4
        wait_until(lambda: child.sink()["state"] in STANDING)
        assert "locked" in child.sink()["last_error"]
        other.execute("ROLLBACK")
    goes_on(child, flow)


@pytest.mark.fault("F55")
def test_a_table_that_this_user_may_not_write(kafka: Broker, rest_catalog: RestCatalog, children: Callable[..., Child], flow: Flow) -> None:
    child = children("one", kafka)
    started(child, flow, f"c.{unique('web')}.s", f"ATTACH '{rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest);")
    rest_catalog.fault("tables/", when="before", status=403, times=10_000)
    stands_still(child, flow, "injected")
    rest_catalog.clear_faults()
    goes_on(child, flow)


@pytest.mark.fault("F55")
def test_a_catalog_that_works_and_answers_with_an_error(kafka: Broker, rest_catalog: RestCatalog, children: Callable[..., Child],
                                                        flow: Flow) -> None:
    """Three commits land and are answered 500: none lands twice, none is lost."""
    child = children("one", kafka)
    started(child, flow, f"c.{unique('web')}.s", f"ATTACH '{rest_catalog.uri}' AS c (TYPE iceberg, CATALOG rest);")
    for _ in range(3):
        rest_catalog.fault("tables/", when="after", status=500, times=1)
        flow.send(MORE)
        child.sql("WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '30s'; FLUSH SINK s_lake TIMEOUT '30s'")
    goes_on(child, flow)
