"""Catalogs that PyIceberg's own configuration names: `.pyiceberg.yaml` and PYICEBERG_CATALOG__* variables.

Invariant: they are opened by the same kinds, with the same bounds, as an attached catalog."""

from __future__ import annotations

from pyiceberg.utils.config import Config

from kshell.errors import NotFoundError, RefusedError, did_you_mean
from kshell.iceberg.catalogs import KINDS, Lake, open_catalog


def names() -> list[str]:
    return sorted(Config().get_known_catalogs())


def open_configured(name: str, *, sealed: bool = False) -> Lake:
    properties = Config().get_catalog_config(name)
    if properties is None:
        near = did_you_mean(name, names())
        raise NotFoundError(f"there is no catalog {name}", hint=near or "attach one: ATTACH '<uri>' AS name (TYPE iceberg, CATALOG rest)")
    texts = {k: v for k, v in properties.items() if isinstance(v, str)}
    uri = texts.pop("uri", "")
    kind = texts.pop("type", "rest" if uri.startswith("http") else "sql")
    if kind not in KINDS:
        raise RefusedError(f"catalog {name} has the type {kind}; kshell opens {' and '.join(KINDS)}")
    return open_catalog(kind, name, uri, texts.pop("warehouse", None), texts, default_name=name, sealed=sealed)
