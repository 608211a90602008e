"""A cluster and a catalog as they are attached, and a catalog as it is asked for.

Invariant: options are as they were written, secrets by name; values of secrets and properties show in no representation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kshell.iceberg.catalogs import Lake
    from kshell.kafka.cluster import Cluster
    from kshell.session.secrets import Held


@dataclass(slots=True)
class Attached:
    """A cluster as the user attached it. `defaults`: source options that its sources take over."""

    cluster: Cluster
    uri: str
    options: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    secret: Held | None = None


@dataclass(slots=True)
class Catalog:
    lake: Lake
    read_only: bool
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConfiguredCatalog:
    """A catalog as ATTACH or the configuration asks for it."""

    kind: str
    uri: str
    warehouse: str | None = None
    secret: str | None = None
    properties: Mapping[str, str] = field(default_factory=dict, repr=False)
    read_only: bool = False
