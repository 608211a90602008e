"""Rows as a driver sees them: what the encoders write, read back by psycopg without a server."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
from psycopg.adapt import Transformer

from kshell.query.shapes import columns_of
from kshell.serve.pgwire.types import RowEncoder, pg_type

Cell = bytes | None


def cells(connection: duckdb.DuckDBPyConnection, text: str, format: int = 0, *, zone: str = "UTC",
          parameters: Sequence[Any] = ()) -> list[list[Cell]]:
    """The values of each row as they go over the wire."""
    connection.execute(text, parameters)
    encoder = RowEncoder(columns_of(connection.description), [format], zone)
    return [row for batch in connection.to_arrow_reader(2048) for row in _rows(encoder.encode(batch))]


def loaded(connection: duckdb.DuckDBPyConnection, text: str, format: int = 0, *, zone: str = "UTC",
           parameters: Sequence[Any] = ()) -> list[list[Any]]:
    """The same as psycopg's Python values."""
    found = cells(connection, text, format, zone=zone, parameters=parameters)
    oids = [pg_type(column.type).oid for column in columns_of(connection.description)]
    load = [Transformer().get_loader(oid, format).load for oid in oids]
    return [[None if cell is None else read(cell) for cell, read in zip(row, load, strict=True)] for row in found]


def _rows(data: bytes) -> Iterator[list[Cell]]:
    at = 0
    while at < len(data):
        assert data[at:at + 1] == b"D"
        end = at + 1 + int.from_bytes(data[at + 1:at + 5], "big")
        count, at = int.from_bytes(data[at + 5:at + 7], "big"), at + 7
        row: list[Cell] = []
        for _ in range(count):
            length = int.from_bytes(data[at:at + 4], "big", signed=True)
            row.append(None if length < 0 else data[at + 4:at + 4 + length])
            at += 4 + max(length, 0)
        assert at == end
        yield row


def copied(data: bytes) -> list[bytes]:
    """The contents of CopyData messages."""
    found, at = [], 0
    while at < len(data):
        assert data[at:at + 1] == b"d"
        end = at + 1 + int.from_bytes(data[at + 1:at + 5], "big")
        found.append(data[at + 5:end])
        at = end
    return found
