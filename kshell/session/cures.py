"""Which setting of which secret would make a connection work, where the words of the other side tell.

Invariant: a cure names a secret or a statement, never a value of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.errors import UnreachableError

if TYPE_CHECKING:
    from kshell.session.secrets import Held


def catalog_cure(failed: UnreachableError, secret: Held | None) -> str | None:
    if "credentials" not in (failed.hint or ""):
        return failed.hint
    return f"check CREDENTIAL or TOKEN of secret {secret.name}" if secret else \
        "CREATE SECRET s (TYPE iceberg_catalog, TOKEN getenv('TOKEN')), then ATTACH ... (TYPE iceberg, CATALOG rest, SECRET s)"


def broker_cure(failed: UnreachableError, secret: Held | None) -> str | None:
    """Which setting of which secret would help, where the broker's words tell."""
    said = failed.message.lower()
    if secret is None:
        return _NO_SECRET if any(word in said for word in ("no answer", "disconnected", "certificate")) else failed.hint
    for words, settings in _CURES:
        if any(word in said for word in words):
            return settings.format(name=secret.name)
    return failed.hint


_NO_SECRET = ("if the broker expects TLS or a password: CREATE SECRET s (TYPE kafka, ...), then ATTACH ... (TYPE kafka, SECRET s); "
              "else check the address and the port")
_CURES = (
    (("plaintext broker",), "the broker expects no encryption at this port: check SECURITY_PROTOCOL of secret {name}, and the port"),
    (("current sasl state",), "the broker wants nobody to sign in at this port: check SECURITY_PROTOCOL of secret {name}, and the port"),
    (("mechanism handshake",), "check SASL_MECHANISM of secret {name}"),
    (("authentication",), "check SASL_USERNAME, SASL_PASSWORD and SASL_MECHANISM of secret {name}"),
    (("certificate", "ssl handshake"),
     "SSL_CA of secret {name} must be the authority that signed the broker's certificate, and the address a name in that certificate"),
    (("disconnected", "no answer"), "check SECURITY_PROTOCOL of secret {name}, and the port"),
)
