"""A parameter's type is the one given in Parse, else the one that the text gives it, else text."""

from __future__ import annotations

import pytest

from kshell.errors import StatementSyntaxError
from kshell.serve.pgwire.prepared import formats_of, parameter_types
from kshell.serve.pgwire.sqlstate import StateError

TEXT, INT4, INT8, TIMESTAMP, TIMESTAMPTZ, FLOAT8, NUMERIC, INT4S = 25, 23, 20, 1114, 1184, 701, 1700, 1007


@pytest.mark.parametrize(("text", "given", "oids"), [
    ("SELECT 1", (), ()),
    ("SELECT $1", (), (TEXT,)),
    ("SELECT $1", (INT8,), (INT8,)),
    ("SELECT $1::INTEGER", (), (INT4,)),
    ("SELECT $1::INTEGER", (INT8,), (INT8,)),
    ("SELECT $1::pg_catalog.int4", (), (INT4,)),
    ("SELECT $1::TIMESTAMP WITH TIME ZONE, $2::double precision", (), (TIMESTAMPTZ, FLOAT8)),
    ("SELECT $2::DECIMAL(10, 2), $1", (), (TEXT, NUMERIC)),
    ("SELECT $1::int[]", (), (INT4S,)),
    ("SELECT CAST($1 AS TIMESTAMP)", (), (TIMESTAMP,)),
    ("SELECT $1 || $1::INTEGER", (), (INT4,)),
    ("SELECT $1::oid[], $2::pg_catalog.oid", (), (1028, 26)),
    ("FROM n WHERE name = ANY($1) AND i = ANY($2::int[])", (), (1009, INT4S)),
    ("SELECT $1::no_such_type", (), (TEXT,)),
    ("SELECT $1::", (), (TEXT,)),
    ("FROM n LIMIT $1 OFFSET $2", (), (INT8, INT8)),
    ("SELECT $3", (0, INT4), (TEXT, INT4, TEXT)),
    ("SELECT '$1', \"$2\", $$ $3 $$ -- $4", (), ()),
])
def test_the_type_of_a_parameter(text: str, given: tuple[int, ...], oids: tuple[int, ...]) -> None:
    assert parameter_types(text, given)[0] == oids


@pytest.mark.parametrize("text", ["SELECT $0", "SELECT $32768", "SELECT $99999999999999999999"])
def test_a_number_out_of_range_has_its_place(text: str) -> None:
    with pytest.raises(StatementSyntaxError) as wrong:
        parameter_types(text, ())
    assert wrong.value.position == 7


def test_one_format_is_for_all_and_none_means_text() -> None:
    assert formats_of((), 3, "column") == (0, 0, 0)
    assert formats_of((1,), 3, "column") == (1, 1, 1)
    assert formats_of((1, 0), 2, "column") == (1, 0)
    for wrong in ((1, 0, 1), (2,)):
        with pytest.raises(StateError):
            formats_of(wrong, 2, "column")
