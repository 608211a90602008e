"""The embedded catalog: SQLite in `iceberg/catalog.db` and files in `iceberg/warehouse` under the data directory.

Invariant: a commit that returned survives power loss: the journal is WAL with synchronous=FULL, and files are synced before it."""

from __future__ import annotations

from dataclasses import replace

from kshell.errors import BadValueError
from kshell.iceberg import database
from kshell.iceberg.catalogs import Connected, Request

NAME = "local"
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={database.BUSY_TIMEOUT_MS}")


def prepare(request: Request) -> Request:
    if request.data_dir is None:
        raise BadValueError("the embedded catalog needs a data directory", hint="set KSHELL_DATA_DIR")
    folder = request.data_dir.absolute() / "iceberg"
    warehouse = folder / "warehouse"
    if not request.sealed:
        warehouse.mkdir(parents=True, exist_ok=True, mode=0o700)
    return replace(request, uri=f"sqlite:///{folder / 'catalog.db'}", warehouse=warehouse.as_uri(), catalog_name=NAME)


def connect(request: Request) -> Connected:
    return database.connect(request, PRAGMAS)
