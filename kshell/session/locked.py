"""Which directories DuckDB keeps when files are locked: where the tables lie that are in use, and nothing else.

Invariant: DuckDB can also write where it can read, so a directory that holds a catalog's database, a secret or a whole warehouse is
refused by name; and so is one whose prefix does not keep a reader inside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from kshell.engine import Engine
from kshell.errors import RefusedError
from kshell.places import config_folder, lies_under, state_folder
from kshell.session.connections import Connections
from kshell.session.lakes import LakeViews
from kshell.session.secrets import Secrets
from kshell.session.sinks import Sinks

_SCHEMES = ("", "file", "s3", "s3a", "s3n", "gs", "gcs", "r2")       # not http: `../` stays in the text of an address
_SQLITE = "sqlite:///"
_QUOTED = re.compile(r"'((?:[^']|'')+)'")
# Settings of DuckDB in which a secret may stand in the open: whoever reads can ask for them.
_OPEN_SECRETS = ("s3_access_key_id", "s3_secret_access_key", "s3_session_token", "http_proxy_password")


def directories(connections: Connections, sinks: Sinks, lakes: LakeViews, secrets: Secrets, keep_out: Iterable[Path]) -> tuple[str, ...]:
    """Of the tables of all sinks and of every catalog table that was read. RefusedError names what may not be opened, and why.

    `keep_out`: further files that no reader may reach, such as a token."""
    from kshell.iceberg.places import places_of

    closed = [*_closed(connections, secrets), *((f"the secret {path.name}", str(path)) for path in keep_out)]
    found: list[str] = []
    for catalog, table in dict.fromkeys((*_of_sinks(sinks), *lakes.used())):
        lake = connections.catalog(catalog).lake
        there = lake.find(table)
        for place in places_of(there) if there is not None else ():
            _require_apart(lake.qualified(table), place, closed)
            found.append(place)
    return tuple(found)


def require_no_open_secret(engine: Engine) -> None:
    with engine.cursor() as cursor:
        names = cursor.execute("SELECT name FROM duckdb_settings() WHERE list_contains(?, name) AND coalesce(value, '') <> ''",
                               [list(_OPEN_SECRETS)]).fetchall()
    if names:
        raise RefusedError(f"{names[0][0]} is set where every client could read it",
                           hint=f"RESET {names[0][0]}, and CREATE SECRET (TYPE s3, ...) in its place")


def _of_sinks(sinks: Sinks) -> Iterator[tuple[str, tuple[str, ...]]]:
    from kshell.session.sink import errors_table_of

    for entry in sinks:
        yield entry.catalog_name, entry.table
        errors = errors_table_of(entry)
        if errors is not None:
            yield entry.catalog_name, errors


def _closed(connections: Connections, secrets: Secrets) -> Iterator[tuple[str, str]]:
    """What no allowed directory may hold, each with its name."""
    for name, catalog in list(connections.catalogs.items()):
        if catalog.lake.warehouse:
            yield f"the whole warehouse of {name}", catalog.lake.warehouse
        if catalog.lake.uri.startswith(_SQLITE):
            yield f"the database of {name}", catalog.lake.uri.removeprefix(_SQLITE)
    yield "kshell's configuration", str(config_folder())
    yield "kshell's history and tokens", str(state_folder())
    for held in secrets.known():
        for path in _QUOTED.findall(held.definition):
            if Path(path).is_absolute() and Path(path).is_file():
                yield f"a file of the secret {held.name}", path


def _require_apart(table: str, place: str, closed: Iterable[tuple[str, str]]) -> None:
    if urlsplit(place).scheme not in _SCHEMES:
        raise RefusedError(f"table {table} lies in {place}: a server cannot open that place alone",
                           hint="tables on a disk or in an object store can be served")
    for what, where in closed:
        if lies_under(where, [place]):
            raise RefusedError(f"table {table} lies in {place}, which holds {what}: serving would open both to every client",
                               hint="give the table a folder of its own")
