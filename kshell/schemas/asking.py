"""What a user is told when a registry cannot be asked, or does not have what was asked for.

Invariant: of the errors of this package only those of `kshell.errors` leave a statement; each names the address and what to type next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kshell.errors import Error, NotFoundError, RefusedError, UnreachableError
from kshell.schemas.values import Cause, SchemaTooLarge, SchemaUnavailable, SchemaUnknown


@contextmanager
def asking(secret: str | None = None) -> Iterator[None]:
    """Around questions to a registry. `secret`: the name of the secret that it is signed in to with."""
    try:
        yield
    except (SchemaUnavailable, SchemaUnknown, SchemaTooLarge) as failed:
        raise told(failed, secret) from None


def told(failed: SchemaUnavailable | SchemaUnknown | SchemaTooLarge, secret: str | None = None) -> Error:
    if isinstance(failed, SchemaUnavailable):
        return UnreachableError(failed.reason, hint=_cure(failed.cause, secret))
    if isinstance(failed, SchemaTooLarge):
        return RefusedError(f"SCHEMA_TOO_LARGE: {failed}", hint="keep the bytes: FORMAT raw")
    return NotFoundError(str(failed), hint="SHOW SUBJECTS lists what the registry holds")


def _cure(cause: Cause, secret: str | None) -> str:
    own = _WITH_SECRET if secret is not None else _WITHOUT_SECRET
    return (own.get(cause) or _CURES[cause]).format(secret=secret)


_CURES: dict[Cause, str] = {
    "network": "check the address in SCHEMA_REGISTRY, and that the registry runs",
    "time": "try again; if it stays silent, check the address in SCHEMA_REGISTRY and what stands between",
    "certificate": "SSL_CA must be the authority that signed the registry's certificate; an address that begins with http:// has none",
    "credentials": "check how kshell signs in",
    "redirect": "if that address is right, give it as SCHEMA_REGISTRY",
    "address": "SCHEMA_REGISTRY is what stands before /subjects: 'http://host:8081', or with a path: 'http://host:8080/apis/ccompat/v7'",
    "unconfirmed": "try again in a second",
    "server": "this is the registry's own trouble: its log says more; try again later",
}
_WITH_SECRET: dict[Cause, str] = {
    "certificate": "SSL_CA of secret {secret} must be the authority that signed the registry's certificate",
    "credentials": "check USERNAME and PASSWORD, or TOKEN, of secret {secret}, and what that user may read",
}
_WITHOUT_SECRET: dict[Cause, str] = {
    "certificate": "CREATE SECRET sr (TYPE schema_registry, URL '...', SSL_CA '/path/ca.pem'), then SCHEMA_REGISTRY sr",
    "credentials": "CREATE SECRET sr (TYPE schema_registry, URL '...', USERNAME getenv('SR_USER'), PASSWORD getenv('SR_PASSWORD')), "
                   "then SCHEMA_REGISTRY sr",
}
