"""The certificate of a server, from PEM files.

Invariant: TLS 1.2 or later; the key is the owner's alone. When files that are read again do not fit, the old certificate stays."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from kshell.errors import BadValueError
from kshell.options.private import refuse_loose


@dataclass(frozen=True)
class Certificate:
    """`key` None: the key stands in the certificate's file."""

    cert: Path
    key: Path | None
    context: ssl.SSLContext = field(default_factory=lambda: _context(), repr=False)

    def read(self) -> None:
        """Read the files; connections that come from here on see them. BadValueError, and nothing has changed, where they do not fit."""
        self._load(_context())
        self._load(self.context)

    def _load(self, context: ssl.SSLContext) -> None:
        key = self.key or self.cert
        try:
            refuse_loose(key)
            context.load_cert_chain(self.cert, self.key, password=_no_password)
        except ssl.SSLError as failed:
            raise BadValueError(f"{self.cert} and {key} are no certificate with its key: {failed.reason or 'not PEM'}",
                                hint="tls_cert and tls_key name PEM files; the key has no password") from None
        except OSError as failed:
            raise BadValueError(f"cannot read {failed.filename or self.cert}: {failed.strerror}",
                                hint="tls_cert and tls_key name PEM files that this user may read") from None


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _no_password() -> str:
    """For a key with a password: OpenSSL would ask for it on the terminal."""
    return ""
