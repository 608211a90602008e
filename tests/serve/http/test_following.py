"""`where` stays one expression, whatever is written in it."""

from __future__ import annotations

import json

import duckdb
import hypothesis.strategies as st
from hypothesis import given

from kshell.errors import Error
from kshell.serve.http.following import following, refuse_more_than_one
from kshell.serve.http.places import Places, offsets

PIECES = st.sampled_from([
    "(", ")", "[", "]", "{", "}", ";", ",", "'", '"', "''", "$$", "$a$", "--", "/*", "*/", "\n", "\\", "a", "b", "1", "+", "=", ".", " ",
    "SELECT", "UNION ALL", "FROM t", "WHERE", "LIMIT 1", "AS x", "ORDER BY a", "OVER", "e'\\'", "::INTEGER"])


def tree(cursor: duckdb.DuckDBPyConnection, query: str) -> dict[str, object] | None:
    found = cursor.execute("SELECT json_serialize_sql(?)", [query]).fetchone()
    parsed = json.loads(found[0]) if found else {"error": True}
    return None if parsed["error"] or len(parsed["statements"]) != 1 else parsed["statements"][0]["node"]


@given(st.lists(PIECES, max_size=9).map(" ".join) | st.lists(PIECES, max_size=9).map("".join) | st.text(max_size=12))
def test_what_is_let_through_cannot_leave_its_parentheses(where: str) -> None:
    try:
        refuse_more_than_one(where)
    except Error:
        return
    with duckdb.connect() as connection:
        node = tree(connection, f"SELECT 1 FROM t WHERE (\n{where}\n)")
    if node is None:                          # DuckDB refuses it too
        return
    assert node["type"] == "SELECT_NODE"
    assert node["where_clause"]
    assert not node["modifiers"]
    assert not node["group_expressions"]
    assert node["having"] is node["qualify"] is None
    assert node["from_table"]["table_name"] == "t"       # type: ignore[index]


def test_a_hostile_name_stays_a_name() -> None:
    asked = following('a"; DROP TABLE b; --', {"columns": 'x,"y"" FROM z; --"'}, None)
    with duckdb.connect() as connection:
        connection.execute('CREATE TABLE "a""; DROP TABLE b; --" (x INTEGER, "y"" FROM z; --" INTEGER, _kafka_partition INTEGER, '
                           "_kafka_offset INTEGER)")
        text = asked.statement(topics=False)
        query = text.removeprefix("TAIL (").removesuffix(")")
        assert len(connection.execute(query).description) == 5


def test_an_id_reads_back_as_the_places_it_names() -> None:
    places = Places({("b", 0): 5, ("a", 1): 7}, topics=True)
    places.seen("b", 0, 9)
    assert places.id() == "a/1:7,b/0:10"
    assert offsets(places.id()) == "MAP {'a/1': 7, 'b/0': 10}"
    single = Places({("a", 1): 7, ("a", 0): 3}, topics=False)
    single.seen(None, 1, 20)
    assert (single.id(), offsets(single.id())) == ("0:3,1:21", "MAP {0: 3, 1: 21}")
    assert Places({}, topics=False).id() == ""
