"""PyIceberg's REST catalog as kshell opens it: bounded, and trusting no server.

Invariant: neither a table nor a server names the class that opens files, or another address.

Private names: Catalog._load_file_io and RestCatalog._create_session (to bound every request, also the first)."""

from __future__ import annotations

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.io import FileIO
from pyiceberg.typedef import EMPTY_DICT, Properties
from requests import Session

from kshell.iceberg.bounds import bounded, trusted_properties


class OurRestCatalog(RestCatalog):
    def __init__(self, name: str, **properties: str) -> None:
        self._ours = dict(properties)
        super().__init__(name, **properties)

    def _create_session(self) -> Session:
        self.properties = trusted_properties(self.properties, self._ours)
        self.uri = self._ours["uri"]
        return bounded(super()._create_session())

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return super()._load_file_io(trusted_properties(properties, self._ours), location)
