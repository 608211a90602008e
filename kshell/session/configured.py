"""What a configuration makes of a session: its secrets, its catalogs by name, its limits.

Invariant: a configured catalog is opened when it is first named; the brokers are connected here only where that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kshell.errors import ConflictError
from kshell.options import reveal
from kshell.session.attached import ConfiguredCatalog
from kshell.session.connections import Connections
from kshell.session.context import Context
from kshell.session.secrets import Secrets
from kshell.session.settings import Settings

if TYPE_CHECKING:
    from kshell.config import Config

BROKERS = "kafka"                             # the name under which `brokers` are attached


def apply(config: Config, context: Context, connections: Connections, secrets: Secrets, *, connect: bool = True) -> None:
    context.allow_commands = bool(config["allow_commands"])
    context.schema_registry = config["schema_registry"]
    if config["buffer_bytes"]:
        context.settings = context.settings.with_value("buffer_bytes", config["buffer_bytes"])
    for name, catalog in config["catalogs"].items():
        connections.configured[name] = _catalog(name, catalog, secrets)
    secret = _named(secret_name(config) or BROKERS, "kafka", config["secret"], secrets)
    if config["brokers"]:
        (connections.attach_address if connect else connections.expect)(BROKERS, config["brokers"], secret)


def switch(config: Config, before: Config, context: Context, connections: Connections, secrets: Secrets,
           users: Callable[[str], list[str]]) -> None:
    """From one configuration to another. What the first has attached and nobody uses is detached; the new brokers are connected first, so
    that an address that does not answer changes nothing."""
    going = [name for name in (*before["catalogs"], BROKERS) if connections.owns(name)]
    if not before["brokers"] and not config["brokers"] and BROKERS in going:
        going.remove(BROKERS)                 # attached by hand
    for name in going:
        if found := users(name):
            raise ConflictError(f"{name} is used by {', '.join(found)}",
                                hint=f"DROP {'SINK' if name in connections.catalogs else 'SOURCE'} {found[0]} first")
    kept, settings, registry, allowed = dict(connections.configured), context.settings, context.schema_registry, context.allow_commands
    connections.configured.clear()
    context.settings = settings.with_value("buffer_bytes", Settings.default().buffer_bytes)
    try:
        apply(config, context, connections, secrets)
    except BaseException:
        connections.configured.clear()
        connections.configured.update(kept)
        context.settings, context.schema_registry, context.allow_commands = settings, registry, allowed
        raise
    for name in going:
        if name != BROKERS or not config["brokers"]:
            connections.detach(name, [])


def secret_name(config: Config) -> str | None:
    """What the secret of the brokers is called; None: there is none."""
    found = config["secret"]
    return found if found is None or isinstance(found, str) else config.profile or BROKERS


def _catalog(name: str, catalog: dict[str, Any], secrets: Secrets) -> ConfiguredCatalog:
    return ConfiguredCatalog(catalog["catalog"], reveal(catalog["uri"]), catalog.get("warehouse"),
                             _named(name, "iceberg_catalog", catalog.get("secret"), secrets), catalog.get("properties", {}),
                             bool(catalog.get("read_only", False)))


def _named(name: str, kind: str, secret: Any, secrets: Secrets) -> str | None:
    """The name of a secret: as written, or that of one made of the options written there."""
    if secret is None or isinstance(secret, str):
        return secret
    secrets.put(name, kind, secret)
    return name
