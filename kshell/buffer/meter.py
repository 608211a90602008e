"""What a segment costs in memory, from what came in: no look at DuckDB's own figures, which mix all sources.

Measured on DuckDB 1.5.5: a native in-memory table takes 1.24 to 1.58 times the bytes of the same rows in Arrow, and each
column holds a block of 256 KB that is half empty on average, a few KB while there are fewer rows than a vector.
Invariant: the estimate is within a factor of 1.5 of DuckDB's figure for segments over 4 MB."""

from __future__ import annotations

import duckdb

from kshell.buffer.widening import leaves
from kshell.columns import Column

_OVERHEAD = 1.38
_BLOCK_BYTES = 128 * 1024
_SMALL_BLOCK_BYTES = 10 * 1024
_VECTOR_ROWS = 2048


class Meter:
    """Learns how many Arrow bytes a decoded row takes for each byte received. Samples when the rows seen have quadrupled."""

    def __init__(self, columns: tuple[Column, ...]) -> None:
        self._leaves = sum(leaves(c.type) for c in columns)
        self._ratio = 1.0
        self._rows_seen = 0
        self._sample_at_rows = 1

    def arrow_bytes(self, cursor: duckdb.DuckDBPyConnection, relation: str, received_bytes: int, rows: int) -> int:
        """Arrow bytes of `rows` rows just inserted into `relation`, which arrived as `received_bytes`."""
        self._rows_seen += rows
        if rows and self._rows_seen >= self._sample_at_rows:
            self._sample(cursor, relation, received_bytes / rows)
        return int(received_bytes * self._ratio)

    def _sample(self, cursor: duckdb.DuckDBPyConnection, relation: str, received_a_row: float) -> None:
        """Reads the rows inserted last, so that what is measured and what is compared with are the same kind of rows."""
        self._sample_at_rows = min(4 * self._rows_seen, self._rows_seen + 1_000_000)
        skip = f"(SELECT greatest(count(*) - {_VECTOR_ROWS}, 0) FROM {relation})"
        sample = cursor.sql(f"SELECT * FROM {relation} WHERE rowid >= {skip}").to_arrow_table()
        if sample.num_rows and received_a_row:
            self._ratio = sample.nbytes / sample.num_rows / received_a_row

    def table_bytes(self, arrow_bytes: int, rows: int) -> int:
        """Memory of a whole table of that size."""
        block = _BLOCK_BYTES if rows > _VECTOR_ROWS else _SMALL_BLOCK_BYTES
        return int(arrow_bytes * _OVERHEAD) + (self._leaves * block if rows else 0)
