"""DuckDB hashes the 60 MB of its extensions at each LOAD to check their signatures: 0.3 s of a processor for each session of the tests.
In the tests' own processes it does not; `as_shipped` is for the test that says it does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import duckdb

_connect = duckdb.connect
_CHECKED = "allow_unsigned_extensions"


def _unchecked(*args: Any, config: Any = None, **options: Any) -> duckdb.DuckDBPyConnection:
    asked = dict(config or {})
    if asked.get(_CHECKED) == "false":
        asked[_CHECKED] = "true"
    return _connect(*args, config=asked, **options)


def load_unchecked() -> None:
    duckdb.connect = _unchecked  # type: ignore[assignment]


@contextmanager
def as_shipped() -> Iterator[None]:
    before, duckdb.connect = duckdb.connect, _connect
    try:
        yield
    finally:
        duckdb.connect = before
