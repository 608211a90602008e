"""A REST catalog.

Invariant: every request is bounded (5 s to connect, 60 s to read), follows no redirect and is sent once; what the server
configures can neither name a class to import nor send us elsewhere (bounds.py)."""

from __future__ import annotations

import warnings
from urllib.parse import urlsplit, urlunsplit

from kshell.errors import BadValueError
from kshell.iceberg.catalogs import FILE_IO, Connected, Request
from kshell.iceberg.rest_client import OurRestCatalog


def prepare(request: Request) -> Request:
    if not request.uri.startswith(("http://", "https://")):
        raise BadValueError(f"the address of a REST catalog begins with http:// or https://, not {request.uri!r}")
    return request


def connect(request: Request) -> Connected:
    properties = {**request.options, **FILE_IO, "uri": request.uri}
    if request.warehouse:
        properties["warehouse"] = request.warehouse
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)      # PyIceberg's note about a missing oauth2-server-uri
        catalog = OurRestCatalog(request.catalog_name or request.name, **properties)
    return Connected(catalog, request.catalog_name or request.name, _without_password(request.uri))


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
