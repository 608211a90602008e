"""The scripts that are killed. Each is a job that a user could run, arranged so that its failpoints are passed at least three times.

A script says `{"reached": ..., "rows": ..., "distinct_rows": ...}` when it has done with a wave; the producer then makes the next one.
Where every wave is there already it waits for the end of the log instead of a number of rows: a source that resumes behind a table's
progress does not decode what the table has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import DoubleType, LongType, NestedField, StringType

from tests.crash.judge import Shape
from tests.crash.waves import CURABLE, ROWS, TYPED, UNTYPED

COLUMNS = "(id BIGINT, city VARCHAR, amount DOUBLE)"
PROGRAM = "kshell.cli:main"


@dataclass(frozen=True)
class Place:
    bootstrap: str
    topic: str
    lake: Path                                # folder of the catalog and its warehouse
    growing: bool = False                     # waves come while the script runs


@dataclass(frozen=True)
class Scenario:
    script: Callable[[Place, int], str]       # the second: how many waves it goes through
    waves: int
    tables: tuple[str, ...] = ("orders",)
    poison: tuple[bytes, ...] = TYPED
    poison_at_once: int = 1
    prepare: Callable[[Place], None] = lambda place: None
    call: str = PROGRAM
    grows: bool = False                       # each wave brings a field, which becomes a column
    clean_runs_first: bool = False            # the n-th hit is that of the n-th process
    shapes: Mapping[str, Shape] = field(default_factory=dict)     # of tables whose sink has a query


def attach(place: Place) -> str:
    return (f"ATTACH 'kafka://{place.bootstrap}' AS kafka (TYPE kafka);\n"
            f"ATTACH 'sqlite:///{place.lake}/catalog.db' AS lake (TYPE iceberg, CATALOG sql, WAREHOUSE 'file://{place.lake}/warehouse');\n")


def source(name: str, place: Place, columns: str = COLUMNS) -> str:
    return f"CREATE SOURCE {name} {columns} FROM KAFKA kafka (TOPIC '{place.topic}');\n"


def sink(name: str, source_: str, table: str, options: str = "") -> str:
    """Every sink has the id that the verifiers look for."""
    return f"CREATE SINK {name} FROM {source_} INTO ICEBERG lake.shop.{table} (ID 'orders_lake', COMMIT_INTERVAL '1h'{options});\n"


def reached(what: str, source_: str = "orders") -> str:
    return (f"SELECT '{what}' AS reached, count(*) AS rows, count(DISTINCT (_kafka_partition, _kafka_offset)) AS distinct_rows "
            f"FROM {source_};\n")


def wait(source_: str, place: Place, wave: int) -> str:
    return f"WAIT SOURCE {source_} UNTIL {f'ROWS {ROWS * wave}' if place.growing else 'CAUGHT UP'} TIMEOUT '50s';\n"


FLUSH = "FLUSH SINK orders_lake TIMEOUT '50s';\n"


def _flushed(place: Place, waves: int, options: str = "", columns: str = COLUMNS) -> str:
    text = attach(place) + source("orders", place, columns) + sink("orders_lake", "orders", "orders", options)
    for wave in range(1, waves + 1):
        text += wait("orders", place, wave) + FLUSH + reached(f"wave {wave}")
    return text + "CHECK SINK orders_lake;\n"


def _evolved(place: Place, waves: int) -> str:
    return _flushed(place, waves, columns="")


def _watched(place: Place, waves: int) -> str:
    """Two workers in one process, over one table: one commits, the other sees it at the table."""
    text = "SET kshell_refresh = '100ms';\n" + attach(place)
    for worker, of in (("orders_lake", "orders"), ("watching", "again")):
        text += source(of, place) + sink(worker, of, "orders")
    for wave in range(1, waves + 1):
        text += wait("orders", place, wave) + wait("again", place, wave) + FLUSH + "REFRESH SINK watching;\n"
        text += reached(f"wave {wave}", "again")
    return text + "FLUSH SINK watching TIMEOUT '50s';\nCHECK SINK watching;\n"


def _left(place: Place, waves: int) -> str:
    """Nothing is flushed but by leaving."""
    made = attach(place) + source("orders", place) + sink("orders_lake", "orders", "orders")
    return made + wait("orders", place, waves) + reached(f"wave {waves}")


def _three_sinks(place: Place, waves: int) -> str:
    text = attach(place)
    for table, columns in (("orders", COLUMNS), ("second", COLUMNS), ("third", "")):
        text += source(table, place, columns) + sink(f"{table}_lake", table, table)
    for table in ("orders", "second", "third"):
        text += wait(table, place, waves) + f"FLUSH SINK {table}_lake TIMEOUT '50s';\n"
        text += reached(f"table {table}", table) + f"CHECK SINK {table}_lake;\n"
    return text


def _replayed(place: Place, waves: int) -> str:
    """Nobody asks for the ids any more, so those that are no numbers do not matter."""
    text = _flushed(place, waves) + "DROP SINK orders_lake;\n"
    text += (f"CREATE OR REPLACE SOURCE orders (city VARCHAR, amount DOUBLE) FROM KAFKA kafka (TOPIC '{place.topic}', "
             "SCHEMA_EVOLUTION none);\n")
    text += sink("orders_lake", "orders", "orders")
    return text + "REPLAY ERRORS OF SINK orders_lake TIMEOUT '50s';\n" + reached("replayed") + "CHECK SINK orders_lake;\n"


def _fanned(place: Place, waves: int) -> str:
    """One source, a table of its rows and two tables of queries."""
    text = attach(place) + source("orders", place) + sink("orders_lake", "orders", "orders")
    for table, select in _QUERIES.items():
        text += sink(table, "orders", table).replace("FROM orders", f"AS {select}", 1)
    for wave in range(1, waves + 1):
        text += wait("orders", place, wave) + "FLUSH ALL TIMEOUT '50s';\n" + reached(f"wave {wave}")
    text += "".join(f"CHECK SINK {table};\n" + reached(f"table {table}", table) for table in _QUERIES)
    return text + "CHECK SINK orders_lake;\n" + reached("the end")


def _narrow_tables(place: Place) -> None:
    """Tables that lack the positions, which the sinks then add."""
    catalog = SqlCatalog("default", uri=f"sqlite:///{place.lake}/catalog.db", warehouse=f"file://{place.lake}/warehouse")
    catalog.create_namespace("shop")
    types = (("id", LongType()), ("city", StringType()), ("amount", DoubleType()))
    schema = Schema(*(NestedField(i, name, type_, required=False) for i, (name, type_) in enumerate(types, start=1)))
    for table in _THREE:
        catalog.create_table(("shop", table), schema)
    catalog.engine.dispose()


_THREE = ("orders", "second", "third")
_QUERIES = {"cheap": "SELECT id, city, amount FROM orders WHERE amount < 5", "loud": "SELECT id, upper(city) AS city, amount FROM orders"}


def _cheap(row: tuple[Any, ...]) -> tuple[Any, ...] | None:
    return row if row[2] is not None and row[2] < 5 else None


def _loud(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return row[0], row[1] and row[1].upper(), *row[2:]



FLUSHED = Scenario(_flushed, 3)
BATTERED = Scenario(_flushed, 8)
FORGETFUL = Scenario(_flushed, 2, call="tests.crash.children:forgetting_verdicts")
WATCHED = Scenario(_watched, 8)
LEFT = Scenario(_left, 3, clean_runs_first=True)
CREATED = Scenario(_three_sinks, 1, _THREE, UNTYPED)
EVOLVED = Scenario(_evolved, 4, poison=UNTYPED, grows=True)
WIDENED = Scenario(_three_sinks, 1, _THREE, UNTYPED, prepare=_narrow_tables)
EXPIRED = Scenario(lambda place, waves: _flushed(place, waves, ", KEEP_SNAPSHOTS 1"), 5)
COMPACTED = Scenario(_flushed, 5, call="tests.crash.children:compacting")
REPLAYED = Scenario(_replayed, 1, poison=(*CURABLE, UNTYPED[0]), poison_at_once=4,
                    call="tests.crash.children:replaying_one_by_one")
FANNED = Scenario(_fanned, 2, ("orders", *_QUERIES), shapes={"cheap": _cheap, "loud": _loud})
