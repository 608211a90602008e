"""PyIceberg's REST catalog as kshell opens it: bounded, and trusting no server.

Invariant: neither a table nor a server names the class that opens files, or another address.

Private names: Catalog._load_file_io and RestCatalog._create_session (to bound every request, also the first)."""

from __future__ import annotations

from pyiceberg.catalog.rest import RestCatalog
from pyiceberg.io import FileIO
from pyiceberg.typedef import EMPTY_DICT, Properties
from requests import Response, Session

from kshell.clocks import Skew
from kshell.iceberg.bounds import bounded, trusted_properties
from kshell.iceberg.sealed import Sealable


class OurRestCatalog(Sealable, RestCatalog):
    def __init__(self, name: str, **properties: str) -> None:
        self._ours = dict(properties)
        self.skew = Skew()
        super().__init__(name, **properties)

    def _create_session(self) -> Session:
        self.properties = trusted_properties(self.properties, self._ours)
        self.uri = self._ours["uri"]
        session = bounded(super()._create_session())
        session.hooks["response"].append(self._looked_at)
        return session

    def _looked_at(self, answer: Response, *_: object, **__: object) -> None:
        self.skew.saw(answer.headers.get("Date"))

    def _load_file_io(self, properties: Properties = EMPTY_DICT, location: str | None = None) -> FileIO:
        return self._files(super()._load_file_io(trusted_properties(properties, self._ours), location))
