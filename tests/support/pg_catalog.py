"""A process with some relations, looked at as a client of pgwire looks at it, without the protocol: rewritten, through the gate, run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

from kshell.engine import Engine
from kshell.gate import permitted
from kshell.serve.pgwire import compat

RELATIONS = """
CREATE TABLE t (id BIGINT PRIMARY KEY, amount DECIMAL(10,2) NOT NULL DEFAULT 1, ts TIMESTAMPTZ, name VARCHAR, tags VARCHAR[],
                geo STRUCT(lat DOUBLE));
COMMENT ON TABLE t IS 'hi';
COMMENT ON COLUMN t.id IS 'the id';
CREATE VIEW orders AS SELECT id, amount, ts, name, tags, geo, name::BLOB AS _kafka_key, 1 AS _kafka_partition FROM t;
CREATE VIEW live.orders AS SELECT * FROM main.orders;
CREATE TABLE child (id INTEGER PRIMARY KEY, t BIGINT REFERENCES t(id));
CREATE SEQUENCE sq;
CREATE MACRO m(a, b) AS a + b;
CREATE TABLE kshell_buffer.segment (x INTEGER);
CREATE TABLE kshell.secrets (x INTEGER);
CREATE TEMPORARY TABLE passing (x INTEGER);
"""


class Client:
    """One cursor, as a pgwire connection sets it up."""

    def __init__(self, engine: Engine, user: str = "kshell", **start: str) -> None:
        self.settings = compat.ClientSettings(user, pid=42, start=start)
        self.cursor = engine.cursor()
        self.cursor.execute(f"SET search_path = '{compat.SEARCH_PATH}'")
        self.cursor.execute(self.settings.session_sql())

    def result(self, text: str, parameters: list[Any] | None = None) -> duckdb.DuckDBPyConnection:
        ran = compat.rewrite(text).text
        permitted(self.cursor, ran, remote=True)
        return self.cursor.execute(ran, parameters) if parameters else self.cursor.execute(ran)

    def rows(self, text: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
        return self.result(text, parameters).fetchall()

    def one(self, text: str, parameters: list[Any] | None = None) -> Any:
        (row,) = self.rows(text, parameters)
        return row[0]


@contextmanager
def process() -> Iterator[Engine]:
    engine = Engine()
    try:
        with engine.cursor() as cursor:
            cursor.execute(RELATIONS)
        compat.install(engine)
        yield engine
    finally:
        engine.close()
