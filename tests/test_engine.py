"""The engine loads extensions that DuckDB has signed, and no others."""

from __future__ import annotations

import os
import shutil
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pexpect
import pyarrow as pa
import pytest

from kshell import engine
from kshell.engine import Engine
from kshell.errors import RefusedError
from tests.support.extensions import as_shipped
from tests.support.terminal import spawn as spawn_terminal
from tests.support.waiting import wait_until


@pytest.fixture
def shipped() -> Iterator[Engine]:
    with as_shipped():
        made = Engine(threads=1)
    yield made
    made.close()


def test_the_extensions_of_the_wheels_are_signed(shipped: Engine) -> None:
    shipped.need("avro")
    assert shipped.cursor().execute("SELECT loaded FROM duckdb_extensions() WHERE extension_name = 'avro'").fetchone() == (True,)


def test_an_extension_without_a_wheel_is_named_with_both_remedies() -> None:
    with pytest.raises(RefusedError, match="the nowhere extension is not available for this platform") as refused:
        engine._binary("nowhere")
    assert refused.value.hint == (f"pip install duckdb-extension-nowhere=={engine.DUCKDB_VERSION}, "
                                  f"or INSTALL nowhere in DuckDB {engine.DUCKDB_VERSION}")


def test_an_extension_that_was_changed_is_refused(shipped: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "avro.duckdb_extension"
    shutil.copy(engine._binary("avro"), changed)
    with changed.open("r+b") as file:
        file.seek(4096)
        file.write(b"another")
    monkeypatch.setattr(engine, "_binary", lambda name: changed)
    with pytest.raises(duckdb.Error, match="signature"):
        shipped.need("avro")


def test_allocators_keep_freed_memory_in_proportion_to_the_buffers(shipped: Engine) -> None:
    def kept() -> set[str]:
        return {value for value, in shipped.cursor().execute(
            "SELECT value FROM duckdb_settings() WHERE name IN ('allocator_flush_threshold', 'allocator_bulk_deallocation_flush_threshold')"
        ).fetchall()}

    small = kept()
    shipped.buffers_may_hold(64_000_000)
    assert kept() == small == {"1.0 MiB"}, "a small budget is kept to the megabyte"
    shipped.buffers_may_hold(512_000_000)
    assert kept() == {"7.6 MiB"}
    shipped.buffers_may_hold(100_000_000_000)
    assert kept() == {"14.9 MiB"}, "and a large one is no licence"
    shipped.buffers_may_hold(0)
    assert kept() == small


def test_a_long_query_prints_no_bar_where_python_was_given_a_text() -> None:
    """On a terminal; a script of its own file never has one."""
    code = """from kshell.engine import Engine
engine = Engine(threads=1)
for cursor in (engine.cursor(), engine.export_cursor()):
    cursor.execute("SET progress_bar_time = 1")
    print(cursor.execute("SELECT count(*) FROM range(3000) a, range(3000) b WHERE (a.range * b.range) % 7 = 3").fetchone())
engine.close()"""
    screen = spawn_terminal(sys.executable, ["-c", code], env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}, timeout=60)
    screen.expect(pexpect.EOF)
    screen.close()
    assert screen.exitstatus == 0
    assert "%" not in str(screen.before)


def _as_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))


# What sets each of the settings that a locked engine leaves open.
SETS = {
    "TimeZone": lambda made: made.export_cursor(), "arrow_lossless_conversion": lambda made: made.export_cursor(),
    "arrow_large_buffer_size": lambda made: made.export_cursor(), "errors_as_json": lambda made: made.cursor(),
    "enable_progress_bar_print": lambda made: made.cursor(),
    "allocator_flush_threshold": lambda made: made.buffers_may_hold(512_000_000),
    "allocator_bulk_deallocation_flush_threshold": lambda made: made.buffers_may_hold(512_000_000),
}


def test_a_locked_engine_does_all_of_its_own_work(shipped: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    _as_notebook(monkeypatch)
    shipped.lock([])
    for work in SETS.values():
        work(shipped)
    shipped.cursor().execute("SET search_path = 'live'; USE memory.main; SET VARIABLE x = 1; SET TimeZone = 'Asia/Tokyo'; RESET TimeZone")
    shipped.need("iceberg", "httpfs")
    shipped.need_quack()


@pytest.mark.parametrize("setting", SETS)
def test_no_setting_is_left_open_that_nothing_sets(shipped: Engine, monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    _as_notebook(monkeypatch)
    assert set(SETS) == set(engine._STAY_OPEN)
    monkeypatch.setattr(engine, "_STAY_OPEN", tuple(name for name in engine._STAY_OPEN if name != setting))
    shipped.lock([])
    with pytest.raises(duckdb.InvalidInputException, match=f'"{setting}".*locked'.replace('"', r'\W+')):
        SETS[setting](shipped)


def test_a_lock_is_for_good_and_its_list_does_not_grow(shipped: Engine, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    assert shipped.may_use(str(tmp_path / "out")), "until it is locked"
    shipped.lock([f"file://{tmp_path}/in"])
    shipped.lock([str(tmp_path)])
    assert [place for place in ("in", "in/x", "in2", "out", "in/../out") if shipped.may_use(f"{tmp_path}/{place}")] == ["in", "in/x"]
    shipped.cursor().execute(f"COPY (SELECT 1) TO '{tmp_path}/in/x.csv'")
    with pytest.raises(duckdb.PermissionException):
        shipped.cursor().execute(f"COPY (SELECT 1) TO '{tmp_path}/out/x.csv'")


@pytest.mark.fault("F87")
def test_a_locked_engine_still_spills_what_memory_does_not_hold() -> None:
    made = Engine(threads=1, memory_limit="60MB")
    made.lock([])
    with made.cursor() as cursor:
        cursor.execute("CREATE TABLE large AS SELECT i, repeat('x', 200) || i AS text FROM range(500000) t(i)")
        assert cursor.execute("SELECT count(*) FROM duckdb_temporary_files()").fetchone() != (0,)
        assert cursor.execute("SELECT count(*) FROM large").fetchone() == (500_000,)
    made.close()


@pytest.mark.fault("F92")
def test_variables_of_python_are_no_tables(shipped: Engine) -> None:
    some_python_variable = pa.table({"secret": ["hush"]})  # noqa: F841  what a replacement scan would find
    for _ in range(2):
        with pytest.raises(duckdb.CatalogException, match="some_python_variable"):
            shipped.cursor().execute("FROM some_python_variable")
        shipped.lock([])


def test_code_is_given_back_soon_after_a_start_and_once_more_and_not_after_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr("kshell.engine.give_back_code", lambda: given.append(1))
    monkeypatch.setattr("kshell.engine._SETTLED_S", (0.01, 0.02))
    engine = Engine()
    engine.settle()
    wait_until(lambda: len(given) == 2)
    monkeypatch.setattr("kshell.engine._SETTLED_S", (30.0,))
    engine.settle()
    engine.close()
    wait_until(lambda: not any(t.name == "kshell-settle" for t in threading.enumerate()))
    assert len(given) == 2
