"""Columns of a table: what may be added and promoted, in one commit that others see, whoever is first."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from pyiceberg.exceptions import CommitFailedException

from kshell.columns import Column, metadata_columns
from kshell.errors import UnreachableError
from kshell.iceberg.catalogs import Lake
from kshell.iceberg.evolve import evolve
from kshell.iceberg.values import Stop
from tests.iceberg import faults
from tests.iceberg.conftest import Pipe

HAVE = (Column("id", "INTEGER"), Column("f", "FLOAT"), Column("d", "DECIMAL(5,2)"), Column("s", "STRUCT(a INTEGER)"),
        Column("l", "STRUCT(a INTEGER)[]"), Column("m", "MAP(VARCHAR, STRUCT(a INTEGER))"), Column("v", "VARCHAR"))


def types(columns: Sequence[Column]) -> dict[str, str]:
    return {c.name: c.type for c in columns}


@pytest.fixture
def pipe(sql_lake: Lake, make_pipe: Callable[..., Pipe]) -> Pipe:
    return make_pipe(sql_lake, columns=(*HAVE, *metadata_columns()), errors_table=None)


@pytest.mark.fault("F34")
@pytest.mark.parametrize(("name", "wanted", "becomes"), [
    ("x", "BIGINT", "BIGINT"),
    ("a.b", "STRUCT(\"c.d\" VARCHAR)", "STRUCT(\"c.d\" VARCHAR)"),
    ("id", "BIGINT", "BIGINT"),
    ("f", "DOUBLE", "DOUBLE"),
    ("d", "DECIMAL(9,2)", "DECIMAL(9,2)"),
    ("s", "STRUCT(a INTEGER, b VARCHAR)", "STRUCT(a INTEGER, b VARCHAR)"),
    ("s", "STRUCT(a BIGINT)", "STRUCT(a BIGINT)"),
    ("s", "STRUCT(b STRUCT(c DATE))", "STRUCT(a INTEGER, b STRUCT(c DATE))"),
    ("l", "STRUCT(a INTEGER, b DOUBLE)[]", "STRUCT(a INTEGER, b DOUBLE)[]"),
    ("m", "MAP(VARCHAR, STRUCT(a INTEGER, b VARCHAR[]))", "MAP(VARCHAR, STRUCT(a INTEGER, b VARCHAR[]))"),
    ("id", "VARCHAR", "INTEGER"),
    ("id", "DOUBLE", "INTEGER"),
    ("d", "DECIMAL(9,3)", "DECIMAL(5,2)"),
    ("d", "DECIMAL(4,2)", "DECIMAL(5,2)"),
    ("v", "BIGINT", "VARCHAR"),
    ("s", "VARCHAR", "STRUCT(a INTEGER)"),
])
def test_a_column_is_added_grown_or_promoted_and_never_changed_otherwise(pipe: Pipe, name: str, wanted: str, becomes: str) -> None:
    schema_id, columns = evolve(pipe.lake, pipe.created.sink, lambda _: [Column(name, wanted)])
    table = pipe.lake.load(pipe.spec.table)
    assert types(columns)[name] == becomes
    assert table.metadata.current_schema_id == schema_id
    assert not any(f.required for f in table.schema().fields)
    assert {n: t for n, t in types(columns).items() if n != name}.items() >= {n: t for n, t in types(HAVE).items() if n != name}.items()


def test_what_the_table_has_already_is_no_commit(pipe: Pipe) -> None:
    before = pipe.lake.load(pipe.spec.table).metadata_location
    evolve(pipe.lake, pipe.created.sink, lambda have: have)
    assert pipe.lake.load(pipe.spec.table).metadata_location == before


@pytest.mark.fault("F34")
def test_whoever_was_first_decides_the_type(pipe: Pipe) -> None:
    evolve(pipe.lake, pipe.created.sink, lambda _: [Column("x", "VARCHAR")])
    _, columns = evolve(pipe.lake, pipe.created.sink, lambda _: [Column("x", "BIGINT")])
    assert types(columns)["x"] == "VARCHAR"


@pytest.mark.fault("F34")
def test_somebody_comes_between_the_look_and_the_commit(pipe: Pipe) -> None:
    asked: list[set[str]] = []

    def wanted(have: Sequence[Column]) -> Sequence[Column]:
        asked.append({c.name for c in have})
        if len(asked) == 1:
            evolve(pipe.lake, pipe.created.sink, lambda _: [Column("x", "VARCHAR"), Column("theirs", "DATE")])
        return [Column("x", "BIGINT"), Column("y", "BIGINT")]

    _, columns = evolve(pipe.lake, pipe.created.sink, wanted)
    assert (types(columns)["x"], types(columns)["y"], len(asked)) == ("VARCHAR", "BIGINT", 2)
    assert "theirs" in asked[1]


def test_a_lost_answer_is_unknown_and_the_next_call_finds_it(pipe: Pipe) -> None:
    faults.Script(pipe.lake, faults.after(ConnectionError("lost")))
    with pytest.raises(UnreachableError, match="columns could not be added"):
        evolve(pipe.lake, pipe.created.sink, lambda _: [Column("x", "BIGINT")])
    schema_id, columns = evolve(pipe.lake, pipe.created.sink, lambda _: [Column("x", "BIGINT")])
    assert types(columns)["x"] == "BIGINT"
    assert pipe.lake.load(pipe.spec.table).metadata.current_schema_id == schema_id


def test_a_catalog_that_always_refuses_is_left(pipe: Pipe) -> None:
    faults.Script(pipe.lake, *[faults.before(CommitFailedException("no"))] * 9)
    with pytest.raises(UnreachableError, match="others change it all the time"):
        evolve(pipe.lake, pipe.created.sink, lambda _: [Column("x", "BIGINT")])


def test_another_table_under_the_name_is_not_touched(pipe: Pipe) -> None:
    lake: Lake = pipe.lake
    schema = lake.load(pipe.spec.table).schema()
    lake.catalog.drop_table(pipe.spec.table)
    lake.catalog.create_table(pipe.spec.table, schema=schema)
    with pytest.raises(Stop, match="another table stands under its name"):
        evolve(lake, pipe.created.sink, lambda _: [Column("x", "BIGINT")])
