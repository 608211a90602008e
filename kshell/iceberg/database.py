"""Catalogs in a SQL database, for the kinds `sql` and `local`.

Invariant: tables stand under a catalog name inside the database, and it is never kshell's alias: another alias would see an
empty catalog and make a second table over the first. The name found in the database is taken; an empty one gets `default`."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError, ProgrammingError

from kshell.errors import BadValueError, NotFoundError
from kshell.iceberg.catalogs import FILE_IO, Connected, Request
from kshell.iceberg.sql_client import OurSqlCatalog

BUSY_TIMEOUT_MS = 5000


def connect(request: Request, pragmas: tuple[str, ...]) -> Connected:
    """`pragmas` are for SQLite, and hold for every connection that is made."""
    if request.sealed:
        _require_there(request)
        pragmas = (f"busy_timeout={BUSY_TIMEOUT_MS}",)
    name = request.catalog_name or stored_name(request)
    properties = {**request.options, **FILE_IO, "uri": request.uri, "warehouse": request.warehouse or ""}
    catalog = OurSqlCatalog(name, **{**properties, "init_catalog_tables": "false"})
    tune(catalog.engine, pragmas)
    if not request.sealed:
        catalog.create_tables()
    return Connected(catalog, name, make_url(request.uri).render_as_string(hide_password=True))


def _require_there(request: Request) -> None:
    """SQLite makes a file that it is asked to open."""
    url = make_url(request.uri)
    if url.get_backend_name() == "sqlite" and url.database and not Path(url.database).exists():
        raise NotFoundError(f"catalog {request.name} does not exist yet, and this session only reads", hint="start without --read-only")


def tune(engine: Engine, pragmas: tuple[str, ...]) -> None:
    """Run PRAGMAs on every SQLite connection, also on those that are open."""
    if engine.dialect.name != "sqlite":
        return
    engine.dispose()

    @event.listens_for(engine, "connect")
    def _(connection, _record):  # type: ignore[no-untyped-def]
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")


def stored_name(request: Request) -> str:
    """The only catalog name found in the database; `default` where there is none; an error naming them where there are several."""
    engine = create_engine(request.uri)
    names: list[str] = []
    try:
        with engine.connect() as connection:
            query = "SELECT DISTINCT catalog_name FROM iceberg_tables UNION SELECT DISTINCT catalog_name FROM iceberg_namespace_properties"
            names = sorted(row[0] for row in connection.execute(text(query)))
    except (OperationalError, ProgrammingError) as error:
        if not _no_such_table(error):
            raise
    finally:
        engine.dispose()
    if len(names) > 1:
        raise BadValueError(f"the database of catalog {request.name} holds several catalogs: {', '.join(names)}",
                            hint=f"choose one: NAME '{names[0]}'")
    return names[0] if names else request.default_name


def _no_such_table(error: OperationalError | ProgrammingError) -> bool:
    words = str(error.orig).lower()
    return "no such table" in words or "does not exist" in words or "doesn't exist" in words
