"""What a forked child runs beside the program itself. Each gets the words of a command line and returns an exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence

import duckdb


def expiring(words: Sequence[str]) -> int:
    """The program with an expiry after every flush, which otherwise waits an hour."""
    from kshell.cli import main
    from kshell.flush import flusher

    flusher.EXPIRY_S = 0.0
    return main(words)


def counts_by_duckdb(locations: Sequence[str]) -> int:
    """For each metadata file what DuckDB's own reader counts, as one JSON line. No library of ours or of Iceberg takes part."""
    from kshell.engine import _binary

    connection = duckdb.connect()
    for extension in ("avro", "iceberg"):
        connection.execute(f"LOAD '{_binary(extension)}'")
    for location in locations:
        counted = connection.execute("SELECT count(*), count(DISTINCT (_kafka_partition, _kafka_offset)) FROM iceberg_scan(?)", [location])
        print(json.dumps(counted.fetchone()))
    return 0
