"""What stands for PostgreSQL's catalog is for its clients: whoever works at the prompt of the process does not meet it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import kshell
from kshell.errors import Error
from kshell.serve.pgwire.compat import install
from kshell.session import Session
from kshell.shell.commands import tables
from kshell.shell.definitions import _QUERY as DUMPED


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with kshell.connect() as opened:
        opened.sql("CREATE TABLE mine (x INTEGER)").close()
        install(opened.engine)
        yield opened


def test_show_all_tables_lists_the_users(session: Session) -> None:
    shown = session.sql("show  all tables ;")
    assert [column.name for column in shown.columns] == ["database", "schema", "name", "column_names", "column_types", "temporary"]
    rows = shown.fetchall()
    assert ("main", "mine") in {row[1:3] for row in rows}
    assert not {row[1] for row in rows} & {"kshell_pg", "kshell_pg_information", "kshell_buffer"}


def test_the_list_of_tables_the_dump_and_completion_leave_it_out(session: Session) -> None:
    assert [row[0] for row in session.sql(tables.QUERY).fetchall()] == ["mine"]
    assert [row[0] for row in session.sql(DUMPED.format(where="true")).fetchall()] == ["mine"]
    assert not [name for name in session.names().tables if "kshell_pg" in name]


@pytest.mark.parametrize("text", ["FROM pg_clas", "SELECT format_typ(1, 2)", "FROM kshell_p.x"])
def test_no_hint_names_it(text: str, session: Session) -> None:
    with pytest.raises(Error) as raised:
        session.sql(text)
    assert "kshell_pg" not in (raised.value.hint or "")


@pytest.mark.parametrize("text", ["CREATE OR REPLACE VIEW kshell_pg.pg_class AS SELECT 1", "DROP SCHEMA kshell_pg CASCADE"])
def test_it_is_not_changed_by_hand(text: str, session: Session) -> None:
    with pytest.raises(Error, match="belongs to kshell"):
        session.sql(text)
