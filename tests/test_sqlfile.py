"""SQL files are filled only through the kinds that their placeholders name, and each of them is SQL."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell import sqlfile
from kshell.errors import InternalError


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(sqlfile, "folder", lambda: tmp_path)
    sqlfile.template.cache_clear()
    yield tmp_path
    sqlfile.template.cache_clear()


def _file(folder: Path, text: str) -> str:
    (folder / "x.sql").write_text(text, encoding="utf-8")
    return "x.sql"


def test_each_placeholder_is_filled_by_its_kind(files: Path) -> None:
    name = _file(files, "SELECT {columns:i}, {value:l} AS {alias:i} FROM t {where:s}")
    text = sqlfile.render(name, columns=["a", 'b"c'], value="it's", alias="select", where="WHERE 1 = 1")
    assert text == 'SELECT "a", "b""c", \'it\'\'s\' AS "select" FROM t WHERE 1 = 1'


def test_braces_of_sql_are_left_alone(files: Path) -> None:
    assert sqlfile.render(_file(files, "SELECT {'a': 1}, MAP {0: {x:l}}, {a: 2}"), x=1) == "SELECT {'a': 1}, MAP {0: 1}, {a: 2}"


def test_a_filled_value_is_not_looked_at_again(files: Path) -> None:
    assert sqlfile.render(_file(files, "{a:s} {b:l}"), a="{b:l}", b="x") == "{b:l} 'x'"


@pytest.mark.parametrize("values", [{}, {"a": 1, "b": 2}, {"b": 1}])
def test_a_value_too_many_or_too_few_is_a_defect(files: Path, values: dict[str, int]) -> None:
    with pytest.raises(InternalError):
        sqlfile.render(_file(files, "SELECT {a:l}"), **values)


@pytest.mark.parametrize(("text", "value"), [
    ("{a:i}", 1), ("{a:i}", [1]), ("{a:s}", 1), ("{a:s}", None), ("{a:l}", object()), ("{a:l}", {"a": 1}), ("{a:l}", [b"x"]),
    ("{a:i}", None),
])
def test_a_value_of_another_kind_is_a_defect(files: Path, text: str, value: object) -> None:
    with pytest.raises(InternalError):
        sqlfile.render(_file(files, text), a=value)


@pytest.mark.parametrize("name", ["nothing.sql", "../x.sql", "/etc/passwd"])
def test_only_files_of_the_folder_are_read(files: Path, name: str) -> None:
    (files.parent / "x.sql").write_text("SELECT 1")
    with pytest.raises(InternalError):
        sqlfile.render(name)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
_LITERAL = st.none() | st.booleans() | st.integers(-2**63 + 1, 2**63 - 1) | st.floats() | _TEXT


@settings(deadline=None)
@given(_LITERAL)
def test_a_literal_is_the_value_to_duckdb(value: object) -> None:
    text = sqlfile._literal(value, "{a:l}")
    [row] = duckdb.sql(f"SELECT {text}").fetchall()
    assert row[0] == value or (isinstance(value, float) and math.isnan(value) and math.isnan(row[0]))


def test_a_list_is_a_list_to_duckdb() -> None:
    assert duckdb.sql(f"SELECT {sqlfile._literal([1, None, 3], '')}").fetchall() == [([1, None, 3],)]


@pytest.mark.parametrize("name", sqlfile.names())
def test_every_file_names_its_placeholders_once_by_kind(name: str) -> None:
    kinds: dict[str, set[str]] = {}
    for found in sqlfile._PLACEHOLDER.finditer(sqlfile.template(name)):
        kinds.setdefault(found.group(1), set()).add(found.group(2))
    assert [key for key, kind in kinds.items() if len(kind) > 1 and "s" in kind] == []
    assert sqlfile.placeholders(name).keys() == kinds.keys()


def test_the_files_of_the_product_are_found() -> None:
    assert sqlfile.folder().name in ("sql", "_sql")
    assert sqlfile.names() == sorted(sqlfile.names())
