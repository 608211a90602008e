"""Catalogs of Iceberg tables: a file here is a kind, and its name is what users write after CATALOG.

Invariant: a kind has compare-and-set of a table's head, or it is not here: without it no mechanism keeps two writers apart.
A kind module has `OPTIONS`, the PyIceberg properties it takes, and `connect(request) -> Connected`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kshell import registry
from kshell.errors import NotFoundError, RefusedError, UnreachableError, did_you_mean

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

KINDS = ("rest", "sql")                       # and `local`, which nobody attaches
FILE_IO = {"py-io-impl": "kshell.iceberg.fileio.DurableFileIO"}
_REFUSED_PROPERTY = "write.py-location-provider.impl"


@dataclass(frozen=True, slots=True)
class Request:
    name: str                                 # the alias in kshell
    uri: str
    warehouse: str | None
    options: Mapping[str, str] = field(repr=False)      # PyIceberg properties (PROPERTIES, and what a secret holds)
    catalog_name: str | None = None           # NAME: under which the database files its tables
    default_name: str = "default"             # where the database is empty and NAME was not given
    data_dir: Path | None = None              # local only
    sealed: bool = False                      # nothing is made or changed, also by opening it


@dataclass(frozen=True, slots=True)
class Connected:
    catalog: Catalog
    files_tables_as: str                      # the name another PyIceberg must use to see the same tables
    shown_uri: str                            # without a password


@dataclass(slots=True)
class Lake:
    """An open catalog. Methods may be called from several threads."""

    name: str
    kind: str
    uri: str                                  # without a password
    warehouse: str | None
    catalog: Catalog
    files_tables_as: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def tables(self) -> list[tuple[str, ...]]:
        """Every table, as (namespace..., name)."""
        from kshell.iceberg.mapping import mapped

        with mapped(f"listing catalog {self.name}"):
            return sorted(table for space in self._namespaces(()) for table in self.catalog.list_tables(space))

    def _namespaces(self, parent: tuple[str, ...]) -> list[tuple[str, ...]]:
        found = []
        for space in self.catalog.list_namespaces(parent):
            found += [space, *self._namespaces(space)]
        return found

    def fetch(self, identifier: tuple[str, ...]) -> Table:
        """The table, freshly read, with PyIceberg's own exceptions: for the commit loop, which judges them."""
        table = self.catalog.load_table(identifier)
        if _REFUSED_PROPERTY in table.properties:
            raise RefusedError(f"Table {self.qualified(identifier)} names a Python class to run; kshell runs none from a table.",
                               hint=f"remove the property {_REFUSED_PROPERTY} from the table")
        return table

    def load(self, identifier: tuple[str, ...]) -> Table:
        """The table, freshly read. NotFoundError, UnreachableError."""
        from kshell.iceberg.mapping import mapped

        with mapped(f"reading table {self.qualified(identifier)}"):
            return self.fetch(identifier)

    def find(self, identifier: tuple[str, ...]) -> Table | None:
        """The table, or None when there is none."""
        try:
            return self.load(identifier)
        except NotFoundError:
            return None

    def would_lie(self, identifier: tuple[str, ...]) -> str | None:
        """The location of a table that does not exist; None: that is not known before it is made."""
        from kshell.iceberg.mapping import mapped

        with mapped(f"reading catalog {self.name}"):
            chosen = getattr(self.catalog, "would_lie", None)
            return str(chosen(identifier)) if chosen is not None and self.catalog.namespace_exists(identifier[:-1]) else None

    def qualified(self, identifier: tuple[str, ...]) -> str:
        return ".".join((self.name, *identifier))

    @property
    def ahead_s(self) -> float | None:
        """How far the server's clock is ahead of ours, as of its last answer; None: there is no server, or it has not said."""
        skew = getattr(self.catalog, "skew", None)
        return None if skew is None else skew.seconds

    def line(self) -> str:
        """Python that opens the same tables in any PyIceberg."""
        arguments = {"type": "rest" if self.kind == "rest" else "sql", "uri": self.uri}
        if self.warehouse:
            arguments["warehouse"] = self.warehouse
        return f"load_catalog({self.files_tables_as!r}, {', '.join(f'{k}={v!r}' for k, v in arguments.items())})"

    def seal(self) -> None:
        """From here on it only reads."""
        self.catalog.seal()  # type: ignore[attr-defined]  # every kind's class can be sealed

    def close(self) -> None:
        self.catalog.close()


def open_catalog(kind: str, name: str, uri: str = "", warehouse: str | None = None, options: Mapping[str, str] | None = None, *,
                 catalog_name: str | None = None, default_name: str = "default", data_dir: Path | None = None,
                 sealed: bool = False) -> Lake:
    """Open and try a catalog. UnreachableError when it does not answer, ReadOnlyError when its database cannot be written. `sealed`: it
    only reads, and where it does not exist NotFoundError says so."""
    from kshell.iceberg.mapping import mapped

    module = _kind(kind)
    with mapped(f"opening catalog {name}"):
        request = module.prepare(Request(name, uri, warehouse, dict(options or {}), catalog_name, default_name, data_dir, sealed))
        connected = module.connect(request)
    lake = Lake(name, kind, connected.shown_uri, request.warehouse, connected.catalog, connected.files_tables_as, request.options)
    if sealed:
        lake.seal()
    return lake


def _kind(kind: str) -> Any:
    """Only its own module is loaded: SQLAlchemy costs 16 MB, which a REST catalog does without."""
    if kind.lower() not in registry.names(__name__):
        raise RefusedError(f"CATALOG {kind} is not supported: {' and '.join(KINDS)} are", hint=did_you_mean(kind, KINDS))
    return registry.load(__name__, kind.lower())


__all__ = ["FILE_IO", "KINDS", "Connected", "Lake", "Request", "UnreachableError", "open_catalog"]
