"""pgjdbc, through which DBeaver, DataGrip, Metabase and Tableau connect, in a JVM of its own."""

from __future__ import annotations

import pytest

from kshell.serve import Served
from kshell.session import Session
from tests.parts import jars, pgjdbc
from tests.serve.conftest import PASSWORD
from tests.serve.pgwire.conftest import ROWS

KINDS = {"flag": ("BOOLEAN", "bool", -7), "few": ("INTEGER", "int4", 4),
         "many": ("BIGINT", "int8", -5), "amount": ("DECIMAL(12,3)", "numeric", 2),
         "name": ("VARCHAR", "text", 12), "moment": ("TIMESTAMP", "timestamp", 93),
         "instant": ("TIMESTAMPTZ", "timestamptz", 93),
         "day": ("DATE", "date", 91), "id": ("UUID", "uuid", 1111), "list": ("INTEGER[]", "_int4", 2003),
         "nested": ("STRUCT(a INTEGER)", "json", 1111)}
EXPECTED = {
    "product": "PostgreSQL 14", "catalog": "memory", "schema": "main", "table types": "true",
    "tables": "[kinds]", "any table": "true",
    "columns": f"[{','.join(KINDS)}]", "column types": f"[{','.join(str(code) for _, _, code in KINDS.values())}]",
    "type names": f"[{','.join(name for _, name, _ in KINDS.values())}]", "sizes": "[12][3]", "primary keys": "[]", "indexes": "[]",
    "imported keys": "[]", "functions": "false", "type info": "true", "valid": "true", "read only": "true", "select": str(ROWS),
    "parameters": "0r1r2r3r4r5r6r7r", "described": "i int8,text,numeric", "zone": "2026-07-01 05:30:00+05:30",
    **{f"types {n}": "true" for n in range(7)}, "json": '{"a":1}', "interval": "1 year 2 mons 3 days 04:00:00",
    "after an error": "1", "after a timeout": "2", "fetch size": f"{ROWS} {ROWS * (ROWS - 1) // 2}", "left in the middle": str(ROWS),
    "commit": "3",
}
REFUSED = {"insert": "25006", "no table": "42P01", "timeout": "57014"}


@pytest.mark.skipif(jars.missing() is not None, reason=str(jars.missing()))
def test_pgjdbc_finds_tables_reads_every_type_fetches_in_pieces_and_is_told_what_went_wrong(session: Session, server: Served) -> None:
    columns = ", ".join(f"{name} {type_}" for name, (type_, _, _) in KINDS.items())
    session.sql(f"CREATE TABLE kinds ({columns})").close()
    found = pgjdbc.outcomes(server.address, PASSWORD, "Asia/Kolkata")
    assert "main" in found["schemas"]
    assert {name: value.split()[1] for name, value in found.items() if name in REFUSED} == REFUSED
    assert {name: value for name, value in found.items() if name in EXPECTED} == EXPECTED
    assert set(found) == {*EXPECTED, *REFUSED, "schemas"}
