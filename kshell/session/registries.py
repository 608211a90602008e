"""Schema registries by the name of a secret or by address.

Invariant: a registry is one client for the whole session, so that its schemas are asked for once; nothing is connected here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from kshell.errors import BadValueError, NotFoundError
from kshell.session.context import Context

if TYPE_CHECKING:
    from kshell.schemas.http import Access
    from kshell.schemas.registry import SchemaRegistry
    from kshell.session.secrets import Held, Secrets

KIND = "schema_registry"
_SCHEME = "://"


class Registries:
    def __init__(self, context: Context, secrets: Secrets) -> None:
        self._context, self._secrets = context, secrets
        self._open: dict[Access, SchemaRegistry] = {}

    def chosen(self, options: Mapping[str, Any], attached: Mapping[str, Any]) -> SchemaRegistry | None:
        """That of the statement, else that of the cluster, else that of the configuration. None: no registry is known."""
        named = options.get("SCHEMA_REGISTRY") or attached.get("SCHEMA_REGISTRY") or self._context.schema_registry
        return None if named is None else self.named(named)

    def named(self, named: str) -> SchemaRegistry:
        """By the name of a secret of TYPE schema_registry, or by an address, with the secret whose SCOPE holds it."""
        from kshell.schemas.http import access
        from kshell.schemas.registry import SchemaRegistry

        held = self._held(named)
        get: Callable[[str], Any] = held.values.get if held is not None else lambda name: None
        url = named if _SCHEME in named else str(get("URL") or "")
        if not url:
            raise BadValueError(f"secret {named} names no address",
                                hint=f"CREATE OR REPLACE SECRET {named} (TYPE schema_registry, URL 'https://host:8081', ...)")
        asked = access(url, username=get("USERNAME"), password=get("PASSWORD"), token=get("TOKEN"), ca=get("SSL_CA"))
        if asked.in_the_clear:
            self._context.once(f"the schema registry {asked.url} is signed in to without encryption: an https:// address would have it")
        if asked not in self._open:
            self._open[asked] = SchemaRegistry(asked, secret=held.name if held is not None else None)
        return self._open[asked]

    def ask_again(self) -> None:
        """Somebody may have registered what was missing a moment ago."""
        for registry in self._open.values():
            registry.ask_again()

    def _held(self, named: str) -> Held | None:
        if _SCHEME in named:
            return self._secrets.chosen(None, KIND, named)
        try:
            return self._secrets.get(named, KIND)
        except NotFoundError as missing:
            raise NotFoundError(f"there is no secret {named} and no address", hint=_hint(named, missing.hint)) from None


def _hint(named: str, near: str | None) -> str:
    if "." in named or ":" in named:
        return f"an address begins with http:// or https://: 'http://{named}'"
    return near or f"CREATE SECRET {named} (TYPE schema_registry, URL 'https://host:8081')"
