"""Two lines of what a table refuses: what and where, and what to type."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pyiceberg.schema import Schema
from pyiceberg.types import LongType, NestedField, StringType

from kshell.columns import Column
from kshell.errors import Error
from kshell.iceberg.schema import reconcile, require_version
from kshell.ingest import Trouble
from kshell.lang.parser import parse
from kshell.session.resolving import cure_of

ID, URL = NestedField(1, "id", LongType(), required=False), NestedField(2, "url", StringType(), required=False)
REGION = NestedField(3, "region", StringType(), required=True)


def fitted(columns: list[Column], *fields: NestedField, before: Schema | None = None) -> Callable[[], object]:
    return lambda: reconcile(columns, Schema(*fields), inferred=False, table="web.clicks", sink="clicks_lake", before=before)


@pytest.mark.parametrize(("refuse", "what", "cure"), [
    (fitted([Column("id", "BIGINT")], ID, REGION),
     "SCHEMA_REFUSED: Table web.clicks requires column region, which the source does not have.",
     'make it optional, or declare it in the source: "region" VARCHAR NOT NULL'),
    (fitted([Column("id", "BIGINT"), Column("url", "VARCHAR")], ID, before=Schema(ID, URL)),
     "COLUMN_MISSING: Column url of web.clicks was dropped or renamed by another writer.",
     "put it back, or: CREATE OR REPLACE SINK clicks_lake AS SELECT <the others> ..."),
    (fitted([Column("id", "VARCHAR")], ID),
     "TYPE_MISMATCH: Column id is VARCHAR in the source and BIGINT in web.clicks.", 'declare it as the table has it: "id" BIGINT'),
    (lambda: require_version(3, "web.clicks"),
     "FORMAT_VERSION: Table web.clicks has Iceberg format version 3; kshell writes version 2.", "use a version 2 table")])
def test_a_table_that_cannot_take_the_rows_is_refused_by_name(refuse: Callable[[], object], what: str, cure: str) -> None:
    with pytest.raises(Error) as caught:
        refuse()
    assert (caught.value.message, caught.value.hint) == (what, cure)


@pytest.mark.parametrize("kind", ["OUT_OF_RETENTION", "AHEAD_OF_LOG", "LOG_TRUNCATED", "TOPIC_RECREATED", "DECODER_CRASHED",
                                  "DECODE_STUCK"])
def test_the_cure_of_a_trouble_is_a_statement(kind: str) -> None:
    trouble = Trouble(kind, ("clicks", 3), 910, 950, 900, "")        # type: ignore[arg-type]
    statement = parse(cure_of("clicks_lake", trouble))
    assert (type(statement).__name__, getattr(statement, "name", None)) == ("AlterSink", "clicks_lake")
