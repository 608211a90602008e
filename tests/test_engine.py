"""The engine loads extensions that DuckDB has signed, and no others."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pexpect
import pytest

from kshell import engine
from kshell.engine import Engine
from kshell.errors import RefusedError
from tests.support.extensions import as_shipped
from tests.support.terminal import spawn as spawn_terminal


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
