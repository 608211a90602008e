"""DuckDB's own Iceberg reader in a process that knows nothing else: one JSON list of metadata files in, one list of counts out."""

from __future__ import annotations

import json
import sys

import duckdb

from kshell.engine import _binary

COUNTS = "SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM iceberg_scan(?)"


def serve() -> None:
    connection = duckdb.connect()
    for extension in ("avro", "iceberg"):
        connection.execute(f"LOAD '{_binary(extension)}'")
    for line in sys.stdin:
        print(json.dumps([connection.execute(COUNTS, [location]).fetchone() for location in json.loads(line)]), flush=True)


if __name__ == "__main__":
    serve()
