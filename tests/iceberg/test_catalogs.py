"""What holds for every kind of catalog."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from kshell import registry
from kshell.errors import BadValueError, NotFoundError, ReadOnlyError, RefusedError, UnreachableError
from kshell.iceberg import catalogs, configured
from kshell.iceberg.catalogs import Lake, open_catalog
from kshell.iceberg.values import Result
from tests.iceberg.conftest import HASTE, Pipe


def test_rows_and_positions_are_committed_together(lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(lake)
    done = pipe.commit(0, 0, 5)
    assert done.result is Result.APPLIED
    assert done.state is not None
    assert done.state.next("orders", 0) == 5
    assert pipe.rows() == [(0, o) for o in range(5)]


def test_another_machine_finds_the_same_progress(lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(lake)
    pipe.commit(1, 0, 3)
    again = pipe.again()
    assert again.resumed
    assert again.head.cut() == {("orders", 0): 0, ("orders", 1): 3}


def test_a_stale_writer_is_overtaken_and_repeats_nothing(lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(lake)
    pipe.commit(0, 0, 5)
    assert pipe.commit(0, 0, 5).result is Result.OVERTAKEN
    assert len(pipe.rows()) == 5


def test_tables_are_listed_with_their_namespace(lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    pipe = make_pipe(lake)
    assert {pipe.spec.table, pipe.spec.errors_table} <= set(lake.tables())


def test_a_table_that_is_not_there_is_not_found(lake: Lake) -> None:
    with pytest.raises(NotFoundError):
        lake.load(("nowhere", "nothing"))
    assert lake.find(("nowhere", "nothing")) is None


def test_the_line_opens_the_same_tables_in_any_pyiceberg(lake: Lake, make_pipe: Callable[..., Pipe]) -> None:
    from pyiceberg.catalog import load_catalog

    pipe = make_pipe(lake)
    other = eval(lake.line(), {"load_catalog": load_catalog})  # the text is what a user pastes
    try:
        assert other.load_table(pipe.spec.table).metadata.table_uuid is not None
    finally:
        other.close()


def test_every_kind_is_a_file() -> None:
    assert set(registry.names(catalogs)) == {*catalogs.KINDS, "local"}


@pytest.mark.parametrize(("kind", "uri"), [("rest", "http://127.0.0.1:9"), ("sql", "sqlite:////nowhere/at/all/cat.db")])
def test_an_unreachable_catalog_is_a_connection_error(kind: str, uri: str, tmp_path: Path) -> None:
    with pytest.raises(UnreachableError):
        open_catalog(kind, "c", uri, f"file://{tmp_path}")


def test_an_unknown_kind_is_refused_with_the_nearest() -> None:
    with pytest.raises(RefusedError, match="glue") as caught:
        open_catalog("glue", "c", "x")
    assert "rest" in str(caught.value)


def test_a_read_only_database_says_so(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "cat.db").close()
    uri = f"sqlite:///file:{tmp_path}/cat.db?mode=ro&uri=true"
    with pytest.raises(ReadOnlyError, match=r"cannot|readonly"):
        open_catalog("sql", "c", uri, f"file://{tmp_path}/wh")


# ---- NAME --------------------------------------------------------------------------------------------------------

@pytest.mark.fault("F77")
def test_the_alias_is_never_the_name_in_the_database(tmp_path: Path, make_pipe: Callable[..., Pipe]) -> None:
    uri, warehouse = f"sqlite:///{tmp_path}/cat.db", f"file://{tmp_path}/wh"
    first = open_catalog("sql", "one", uri, warehouse)
    pipe = make_pipe(first)
    second = open_catalog("sql", "two", uri, warehouse)
    assert first.files_tables_as == second.files_tables_as == "default"
    assert second.find(pipe.spec.table) is not None
    first.close()
    second.close()


def test_the_name_found_in_the_database_is_taken(tmp_path: Path) -> None:
    uri, warehouse = f"sqlite:///{tmp_path}/cat.db", f"file://{tmp_path}/wh"
    made = open_catalog("sql", "a", uri, warehouse, catalog_name="theirs")
    made.catalog.create_namespace("shop")
    made.close()
    found = open_catalog("sql", "b", uri, warehouse)
    assert found.files_tables_as == "theirs"
    found.close()


def test_several_names_in_one_database_are_named(tmp_path: Path) -> None:
    uri, warehouse = f"sqlite:///{tmp_path}/cat.db", f"file://{tmp_path}/wh"
    for name in ("red", "blue"):
        made = open_catalog("sql", "a", uri, warehouse, catalog_name=name)
        made.catalog.create_namespace("shop")
        made.close()
    with pytest.raises(BadValueError, match="blue, red") as caught:
        open_catalog("sql", "a", uri, warehouse)
    assert caught.value.hint == "choose one: NAME 'blue'"


def test_the_embedded_catalog_survives_power_loss_by_its_settings(tmp_path: Path) -> None:
    lake = open_catalog("local", "local", data_dir=tmp_path)
    with lake.catalog.engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    assert lake.files_tables_as == "local"
    lake.close()


def test_a_users_database_keeps_its_journal_mode(tmp_path: Path) -> None:
    lake = open_catalog("sql", "ice", f"sqlite:///{tmp_path}/cat.db", f"file://{tmp_path}/wh")
    with lake.catalog.engine.connect() as connection:  # type: ignore[attr-defined]
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "delete"
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 5000
    lake.close()


def test_pyicebergs_own_configuration_names_catalogs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYICEBERG_CATALOG__MINE__TYPE", "sql")
    monkeypatch.setenv("PYICEBERG_CATALOG__MINE__URI", f"sqlite:///{tmp_path}/cat.db")
    monkeypatch.setenv("PYICEBERG_CATALOG__MINE__WAREHOUSE", f"file://{tmp_path}/wh")
    assert "mine" in configured.names()
    lake = configured.open_configured("mine")
    assert lake.files_tables_as == "mine"
    lake.close()
    with pytest.raises(NotFoundError, match="min"):
        configured.open_configured("min")


# ---- what a table or a server may not do -------------------------------------------------------------------------

@pytest.mark.fault("F99")
def test_no_class_is_imported_because_a_table_names_it(pipe: Pipe) -> None:
    with pipe.table.transaction() as change:
        change.set_properties({"py-io-impl": "nowhere.at.All"})
    assert type(pipe.table.io).__name__ == "DurableFileIO"
    assert pipe.commit(0, 0, 2, HASTE).result is Result.APPLIED


@pytest.mark.fault("F99")
def test_a_table_that_names_a_location_class_is_refused(pipe: Pipe) -> None:
    # Written past PyIceberg, which would import the class to write the change.
    path = Path(pipe.table.metadata_location.removeprefix("file://"))
    path.write_text(path.read_text().replace('"properties":{', '"properties":{"write.py-location-provider.impl":"a.B",', 1))
    with pytest.raises(RefusedError, match="Python class"):
        pipe.lake.load(pipe.spec.table)
