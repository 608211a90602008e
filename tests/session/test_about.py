"""What is told beside a query: live rows, lake rows, snapshot and freshness of what it reads, and of nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kshell.kafka.embedded import EmbeddedBroker
from kshell.session import Session
from tests.session.conftest import Notes
from tests.support import Recorder

MADE = """
CREATE SOURCE orders FROM KAFKA kafka (FORMAT json);
CREATE SOURCE words FROM KAFKA kafka (FORMAT json);
CREATE SINK orders_lake FROM orders INTO ICEBERG local.shop.orders;
CREATE SINK big AS SELECT n FROM words WHERE n > 1 INTO ICEBERG local.shop.big;
WAIT ALL; FLUSH ALL;
CREATE VIEW enriched AS SELECT o.n FROM orders o WHERE n >= 0;
CREATE VIEW twice AS SELECT * FROM enriched;
CREATE MACRO since(x) AS TABLE SELECT * FROM words WHERE n > x;
"""


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    broker = EmbeddedBroker()
    for topic, rows in (("orders", 3), ("words", 5)):
        Recorder(broker.bootstrap).produce(topic, [f'{{"n": {n}}}' for n in range(rows)])
    with Session(brokers=broker.bootstrap, data_dir=tmp_path_factory.mktemp("data")) as made:
        made.sql(MADE).close()
        yield made
    broker.close()


@pytest.mark.parametrize(("text", "sources", "sinks", "lake"), [
    ("FROM orders", ["orders"], ["orders_lake"], 3), ("FROM enriched", ["orders"], ["orders_lake"], 3),
    ("SELECT count(*) FROM twice", ["orders"], ["orders_lake"], 3), ("FROM since(1)", ["words"], [], None),
    ("FROM big", ["words"], ["big"], 3), ("EXPLAIN FROM twice", ["orders"], ["orders_lake"], 3),
    ("SELECT 'orders' AS words", [], [], None), ("FROM duckdb_settings()", [], [], None)])
def test_a_query_is_about_the_sources_it_reads_also_behind_views_and_macros(session: Session, text: str, sources: list[str],
                                                                           sinks: list[str], lake: int | None) -> None:
    read = session.about(text)
    assert [s.name for s in read.sources] == sources
    assert [s.name for s in read.sinks] == sinks
    assert read.lake_rows == lake


def test_a_plan_has_the_freshness_of_what_stands_behind_its_view_and_no_other_plan_has_one(
        session: Session, notes: Notes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session._context, "_notes", notes)
    session.sql("EXPLAIN FROM twice").close()
    assert next(line for line in notes.lines if "live" in line).startswith("note: live 0 rows, lake 3 rows (orders_lake at snapshot ")
    notes.lines.clear()
    session.sql("EXPLAIN SELECT 1").close()
    assert notes.lines == []
