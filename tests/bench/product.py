"""kshell as the measurements use it: a session on the broker, with a catalog in a folder.

Invariant: statements only; the two places that look inside (positions, the newest timestamp) read and change nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kshell.session import Session

PATIENCE = "TIMEOUT '600s'"


@contextmanager
def session(bootstrap: str, folder: str) -> Iterator[Session]:
    """Cluster `kafka`; catalog `ice`: SQLite and files, as `ATTACH` makes it."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    with_catalog = f"ATTACH 'sqlite:///{place}/catalog.db' AS ice (TYPE iceberg, CATALOG sql, WAREHOUSE 'file://{place}/warehouse')"
    opened = Session(brokers=bootstrap, data_dir=place)
    try:
        opened.sql(with_catalog)
        yield opened
    finally:
        opened.close(flush=False, timeout_s=5.0)


def rows_total(opened: Session) -> int:
    return next(iter(opened._sources)).ingest.status().rows_total


def newest_us(opened: Session) -> int:
    return next(iter(opened._sources)).buffer.newest_us or 0


def wait_rows(opened: Session, rows: int, timeout_s: float = 300.0) -> None:
    deadline = time.monotonic() + timeout_s
    while rows_total(opened) < rows:
        next(iter(opened._sources)).ingest.raise_if_failed()
        if time.monotonic() > deadline:
            raise RuntimeError(f"{rows_total(opened)} of {rows} rows")
        time.sleep(0.002)                     # as close to the row as a look that costs next to nothing allows


class Valve:
    """Lets records through in portions, or at a rate: between the client library and the fetching thread of every source.

    Sources that stand behind it declare their columns: a sample would wait for it too."""

    def __init__(self) -> None:
        from kshell.kafka.reader import Poll, Reader

        self._allowed = 0.0
        self._rate = 0.0
        self._at = time.monotonic()
        self._poll = Reader.poll
        valve = self

        def poll(reader: Reader, max_records: int, timeout_s: float, *arguments: Any) -> Any:
            room = valve.room()
            if room < 1:
                time.sleep(0.005)             # the fetching thread may be told to stop meanwhile: it asks again
                return Poll()
            found = valve._poll(reader, min(max_records, room), timeout_s, *arguments)
            valve._allowed -= max(found.rows, len(found.messages))
            return found

        Reader.poll = poll  # type: ignore[method-assign]

    def room(self) -> int:
        now = time.monotonic()
        self._allowed += self._rate * (now - self._at)
        self._at = now
        return int(self._allowed)

    def let(self, records: int) -> None:
        self._allowed += records

    def flow(self, records_a_second: float) -> None:
        self.room()
        self._rate = records_a_second
