"""Whether a catalog and its storage can be written, and DuckDB reads what PyIceberg wrote: a table is made, filled, read and dropped.

Invariant: what the probe made it removes, whatever fails in between; its namespace has a name that nobody else uses."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa

from kshell.columns import literal
from kshell.errors import RefusedError
from kshell.iceberg.mapping import mapped

if TYPE_CHECKING:
    import duckdb

    from kshell.iceberg.catalogs import Lake

ROWS = 3


def probe(lake: Lake, cursor: duckdb.DuckDBPyConnection) -> None:
    """`cursor`: of an engine that has loaded what the storage needs. Raises an error of ours that says which step failed."""
    namespace = (f"kshell_doctor_{uuid.uuid4().hex[:12]}",)
    table = (*namespace, "probe")
    try:
        with mapped(f"writing to catalog {lake.name}"):
            lake.catalog.create_namespace(namespace)
            made = lake.catalog.create_table(table, pa.schema([("n", pa.int64())]))
            made.append(pa.table({"n": pa.array(range(ROWS), pa.int64())}))
            location = lake.catalog.load_table(table).metadata_location
        _read(lake, cursor, location)
    finally:
        _remove(lake, namespace, table)


def _read(lake: Lake, cursor: duckdb.DuckDBPyConnection, location: str) -> None:
    import duckdb

    try:
        found = cursor.execute(f"SELECT count(*) FROM iceberg_scan({literal(location)})").fetchone()
    except duckdb.Error as failed:
        raise RefusedError(f"DuckDB cannot read what PyIceberg wrote to {lake.name}: {str(failed).splitlines()[0][:300]}",
                           hint="the same keys for both: S3_REGION, S3_ENDPOINT and the keys belong to the catalog's secret") from None
    if found != (ROWS,):
        raise RefusedError(f"DuckDB read {found} of {ROWS} rows that PyIceberg wrote to {lake.name}")


def _remove(lake: Lake, namespace: tuple[str, ...], table: tuple[str, ...]) -> None:
    try:
        lake.catalog.purge_table(table)
    except Exception:  # noqa: BLE001  not every catalog can purge, and the table may not have been made
        with suppress(Exception):
            lake.catalog.drop_table(table)
    with suppress(Exception):
        lake.catalog.drop_namespace(namespace)
