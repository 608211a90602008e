"""Real drivers against a served session: psycopg, asyncpg, pg8000. What they send and what they read is what was meant."""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from kshell.serve import Served
from tests.serve.conftest import PASSWORD
from tests.serve.pgwire.conftest import ROWS
from tests.support.waiting import wait_until

asyncpg = pytest.importorskip("asyncpg", reason="asyncpg is not installed")
psycopg = pytest.importorskip("psycopg", reason="psycopg is not installed")
native = pytest.importorskip("pg8000.native", reason="pg8000 is not installed")

T = TypeVar("T")
INSTANT = dt.datetime(2026, 7, 1, 12, 34, 56, 123456, tzinfo=dt.UTC)
# the type in DuckDB -> what Python has for a value of it
VALUES: dict[str, Any] = {
    "BOOLEAN": True, "TINYINT": -5, "SMALLINT": -32768, "INTEGER": 2147483647, "BIGINT": -(1 << 63),
    "UTINYINT": 255, "USMALLINT": 65535,
    "UINTEGER": 4294967295, "UBIGINT": Decimal((1 << 64) - 1), "HUGEINT": Decimal(-(1 << 127) + 1), "UHUGEINT": Decimal((1 << 128) - 1),
    "REAL": 0.5, "DOUBLE": 0.1, "DECIMAL(20,5)": Decimal("-12345.67890"), "VARCHAR": "ü\"'\\\n",
    "ENUM('a', 'b')": "b", "BLOB": b"\x00\xff\\",
    "DATE": dt.date(2026, 11, 26), "TIME": dt.time(10, 20, 30, 123456), "TIMESTAMP": dt.datetime(2026, 11, 26, 10, 20, 30, 123456),
    "TIMESTAMPTZ": INSTANT, "INTERVAL": dt.timedelta(days=3, hours=-4, microseconds=1), "UUID": uuid.UUID(int=1 << 100),
    "INTEGER[]": [1, None, -3], "BIGINT[]": [1 << 40], "DOUBLE[]": [0.1, None], "DECIMAL(9,2)[]": [Decimal("1.50"), None],
    "VARCHAR[]": ["a b", None, '"\\', ""],
    "BOOLEAN[]": [True, False], "DATE[]": [dt.date(2026, 11, 26)], "TIMESTAMPTZ[]": [INSTANT],
    "UUID[]": [uuid.UUID(int=7)], "BLOB[]": [b"\x00\\"],
}
ENDLESS = "SELECT count(*) FROM range(10000000) a, range(10000000) b WHERE a.range + b.range < 0"


def literal(type_: str, value: Any) -> str:
    """The value as an expression of DuckDB, whatever a driver does with parameters."""
    if value is None:
        return "NULL"
    if isinstance(value, list):
        return f"[{', '.join(literal(type_.removesuffix('[]'), item) for item in value)}]::{type_}"
    if isinstance(value, bytes):
        return "'" + "".join(f"\\x{byte:02X}" for byte in value) + f"'::{type_}"
    if isinstance(value, dt.timedelta):
        return f"INTERVAL '{value.days} days {value.seconds} seconds {value.microseconds} microseconds'"
    return "'" + str(value).replace("'", "''") + f"'::{type_}"


@pytest.fixture
def connected(server: Served) -> Iterator[Any]:
    host, port = server.address.split(":")
    with psycopg.connect(host=host, port=port, user="kshell", password=PASSWORD, dbname="kshell", autocommit=True) as connection:
        yield connection


# ---- psycopg -------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("type_", VALUES)
def test_psycopg_reads_each_type(connected: Any, type_: str, binary: bool) -> None:
    found = connected.execute(f"SELECT {literal(type_, VALUES[type_])}, NULL::{type_}", binary=binary).fetchone()
    assert found == (VALUES[type_], None)


@pytest.mark.parametrize("placeholder", ["%t", "%b"])
@pytest.mark.parametrize("type_", [type_ for type_ in VALUES if not type_.startswith("ENUM")])
def test_psycopg_sends_each_type(connected: Any, type_: str, placeholder: str) -> None:
    text = f"SELECT {placeholder}::{type_} IS NOT DISTINCT FROM {literal(type_, VALUES[type_])}"
    assert connected.execute(text, [VALUES[type_]]).fetchone() == (True,)


def test_psycopg_reads_nested_values_as_json(connected: Any) -> None:
    found = connected.execute("SELECT {'a': [1, NULL]}, MAP {'k': 1.5}, [[1], [2, 3]], '[1]'::JSON, union_value(n := 'x')").fetchone()
    assert found == ({"a": [1, None]}, {"k": 1.5}, [[1], [2, 3]], [1], "x")


def test_psycopg_parameters_keep_their_types_in_functions(connected: Any) -> None:
    hour = connected.execute("SELECT date_trunc('hour', %s), %s - INTERVAL '1 hour'", [INSTANT, INSTANT]).fetchone()
    assert hour == (INSTANT.replace(minute=0, second=0, microsecond=0), INSTANT - dt.timedelta(hours=1))


def test_psycopg_lists_stand_in_any(connected: Any) -> None:
    assert connected.execute("SELECT count(*) FROM n WHERE name = ANY(%s) AND i = ANY(%s)", [["row 1", "row 2"], [2, 3]]).fetchone() == (1,)


def test_psycopg_prepares_a_statement_once_and_runs_it_often(connected: Any) -> None:
    found = [connected.execute("SELECT name FROM n WHERE i = %s", [i], prepare=True).fetchone() for i in range(4)]
    assert found == [(f"row {i}",) for i in range(4)]


def test_psycopg_reads_a_cursor_of_the_server_in_pieces(connected: Any) -> None:
    with connected.transaction(), connected.cursor("pieces") as cursor:
        cursor.execute("SELECT i FROM n ORDER BY i")
        assert [row[0] for row in cursor.fetchmany(3)] == [0, 1, 2]
        assert len(cursor.fetchall()) == ROWS - 3


def test_psycopg_streams(connected: Any) -> None:
    assert sum(1 for _ in connected.cursor().stream("SELECT i FROM n")) == ROWS


def test_psycopg_pipelines(connected: Any) -> None:
    with connected.pipeline():
        first, second = connected.execute("SELECT 1"), connected.execute("SELECT %s::INTEGER", [5])
        assert (first.fetchone(), second.fetchone()) == ((1,), (5,))


@pytest.mark.parametrize("form", ["TEXT", "BINARY"])
def test_psycopg_copies_rows_out(connected: Any, form: str) -> None:
    query = "SELECT i, CASE WHEN i <> 1 THEN name END, [i] FROM n WHERE i < 3 ORDER BY i"
    with connected.cursor().copy(f"COPY ({query}) TO STDOUT (FORMAT {form})") as copy:
        copy.set_types(["int8", "text", "int8[]"])
        assert list(copy.rows()) == [(0, "row 0", [0]), (1, None, [1]), (2, "row 2", [2])]
    assert connected.execute("SELECT 1").fetchone() == (1,)


def test_psycopg_copies_csv_with_a_header(connected: Any) -> None:
    with connected.cursor().copy("COPY (SELECT i, 'a, b' AS t FROM n WHERE i < 2 ORDER BY i) TO STDOUT (FORMAT csv, HEADER)") as copy:
        assert b"".join(copy) == b'i,t\n0,"a, b"\n1,"a, b"\n'


def test_psycopg_cancels_and_goes_on(server: Served, connected: Any) -> None:
    failure: list[Exception] = []

    def run() -> None:
        try:
            connected.execute(ENDLESS)
        except psycopg.Error as error:
            failure.append(error)

    running = threading.Thread(target=run)
    running.start()
    wait_until(lambda: server.host.counts.running > 0, timeout_s=10)
    connected.cancel_safe(timeout=10)
    running.join(20)
    assert [error.sqlstate for error in failure] == ["57014"]
    assert connected.execute("SELECT 1").fetchone() == (1,)


def test_psycopg_sees_the_zone_it_has_set(connected: Any) -> None:
    connected.execute("SET TimeZone = 'Asia/Kolkata'")
    (found, hour) = connected.execute("SELECT %s::TIMESTAMPTZ, hour('2026-07-01 12:00:00'::TIMESTAMPTZ)", [INSTANT]).fetchone()
    assert (found, found.utcoffset(), hour) == (INSTANT, dt.timedelta(hours=5, minutes=30), 12)


def test_psycopg_finds_types_by_name(connected: Any) -> None:
    from psycopg.types import TypeInfo

    assert TypeInfo.fetch(connected, "int4").array_oid == 1007
    assert TypeInfo.fetch(connected, "no_such_type") is None


def test_psycopg_is_told_by_its_own_classes(connected: Any) -> None:
    for text, error in (("INSERT INTO n VALUES (1, 'x')", psycopg.errors.ReadOnlySqlTransaction),
                        ("FROM nowhere", psycopg.errors.UndefinedTable),
                        ("SELECT nothing FROM n", psycopg.errors.UndefinedColumn), ("SELEC", psycopg.errors.SyntaxError)):
        with pytest.raises(error):
            connected.execute(text)
    with pytest.raises(psycopg.errors.InvalidTextRepresentation):
        connected.execute("SELECT %s::UUID", ["1234"])
    with pytest.raises(psycopg.Error) as untyped:
        connected.execute("SELECT date_trunc('hour', %s)", ["2026-11-26 10:20:30"])
    assert "write $1::TIMESTAMP" in untyped.value.diag.message_hint


# ---- asyncpg -------------------------------------------------------------------------------------------------------

def with_asyncpg(server: Served, work: Callable[[Any], Awaitable[T]]) -> T:
    async def run() -> T:
        host, port = server.address.split(":")
        connection = await asyncpg.connect(host=host, port=int(port), user="kshell", password=PASSWORD, database="kshell", ssl=False)
        try:
            return await work(connection)
        finally:
            await connection.close()

    return asyncio.run(run())


ASKED_FOR = {"DOUBLE[]", "DECIMAL(9,2)[]", "BOOLEAN[]", "DATE[]", "UUID[]", "BLOB[]"}       # a look at the catalog each, like other lists


def test_asyncpg_reads_and_sends_each_type(server: Served) -> None:
    async def work(connection: Any) -> None:
        for type_, value in VALUES.items():
            if type_ in ASKED_FOR:
                continue
            found = await connection.fetchrow(f"SELECT {literal(type_, value)} AS v, NULL::{type_} AS n")
            assert tuple(found) == (value, None), type_
            if not type_.startswith("ENUM"):
                assert await connection.fetchval(f"SELECT $1::{type_}", value) == value, type_

    with_asyncpg(server, work)


def test_asyncpg_reads_a_cursor_copies_and_resets(server: Served) -> None:
    async def work(connection: Any) -> None:
        async with connection.transaction(readonly=True):
            found = [row[0] async for row in connection.cursor("SELECT i FROM n WHERE i < $1::INTEGER ORDER BY i", 1000, prefetch=100)]
        assert found == list(range(1000))
        copied = io.BytesIO()
        assert await connection.copy_from_query("SELECT i, name FROM n WHERE i < 2 ORDER BY i", output=copied) == "COPY 2"
        assert copied.getvalue() == b"0\trow 0\n1\trow 1\n"
        statement = await connection.prepare("SELECT name FROM n WHERE i = $1::BIGINT")
        assert [await statement.fetchval(i) for i in (1, 2)] == ["row 1", "row 2"]
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await connection.execute("DELETE FROM n")
        await connection.reset()

    with_asyncpg(server, work)


def test_asyncpg_learns_the_types_of_parameters_from_what_they_stand_beside(server: Served) -> None:
    async def work(connection: Any) -> None:
        assert await connection.fetchval("SELECT count(*) FROM n WHERE i < $1 AND name <> $2", 10, "row 3") == 9
        async with connection.transaction():
            found = await connection.fetch("SELECT name FROM n WHERE i = ANY($1) ORDER BY i LIMIT $2", [7, 8, 9], 2)
            assert found == [("row 7",), ("row 8",)]
            assert await connection.fetchval("SELECT CASE WHEN i = $1 THEN $1 END FROM n WHERE i = $1", 5) == 5
        with pytest.raises(asyncpg.UndefinedColumnError):
            await connection.fetch("SELECT name FROM n WHERE nothing = $1", 1)

    with_asyncpg(server, work)


def test_asyncpg_times_out_and_goes_on(server: Served) -> None:
    async def work(connection: Any) -> None:
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetch(ENDLESS, timeout=0.3)
        assert await connection.fetchval("SELECT 1") == 1

    with_asyncpg(server, work)


# ---- pg8000 --------------------------------------------------------------------------------------------------------

@pytest.fixture
def pure(server: Served) -> Iterator[Any]:
    host, port = server.address.split(":")
    connection = native.Connection("kshell", host=host, port=int(port), password=PASSWORD, database="kshell")
    yield connection
    connection.close()


def test_pg8000_reads_each_type(pure: Any) -> None:
    for type_, value in VALUES.items():
        assert pure.run(f"SELECT {literal(type_, value)} AS v, NULL::{type_} AS n") == [[value, None]], type_


def test_pg8000_sends_parameters(pure: Any) -> None:
    for type_ in ("BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "DECIMAL(20,5)", "VARCHAR", "BLOB", "DATE", "TIME", "TIMESTAMP", "TIMESTAMPTZ",
                  "UUID", "INTEGER[]"):
        assert pure.run(f"SELECT CAST(:v AS {type_}) = {literal(type_, VALUES[type_])}", v=VALUES[type_]) == [[True]], type_
    assert pure.run("SELECT i, name FROM n WHERE i < :most ORDER BY i", most=2) == [[0, "row 0"], [1, "row 1"]]


def test_pg8000_copies_rows_out(pure: Any) -> None:
    out = io.BytesIO()
    pure.run("COPY (SELECT i, name FROM n WHERE i < 2 ORDER BY i) TO STDOUT (FORMAT csv)", stream=out)
    assert out.getvalue() == b"0,row 0\n1,row 1\n"
