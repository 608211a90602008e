"""A catalog in a SQL database: `sqlite:///path`, or any address SQLAlchemy has a driver for.

Invariant: on a database of the user's, the journal mode is the user's; kshell only waits for its locks."""

from __future__ import annotations

from kshell.errors import BadValueError
from kshell.iceberg import database
from kshell.iceberg.catalogs import Connected, Request


def prepare(request: Request) -> Request:
    if not request.warehouse:
        raise BadValueError(f"catalog {request.name} needs a place for its files", hint="WAREHOUSE 'file:///path' or WAREHOUSE 's3://bucket/path'")
    return request


def connect(request: Request) -> Connected:
    return database.connect(request, (f"busy_timeout={database.BUSY_TIMEOUT_MS}",))
