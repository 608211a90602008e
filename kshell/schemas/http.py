"""One GET of a registry, as JSON, within limits.

Invariant: only the configured host is asked: a redirect is not followed. What is not a registry's own answer (refused, late, 401, 5xx,
an HTML page, a 404 without a registry's error code) is an outage; errors name the address and never a credential."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from kshell.clocks import Skew
from kshell.errors import BadValueError
from kshell.options import Secret, redact, reveal
from kshell.schemas.limits import ANSWER_S, CONNECT_S, SCHEMA_BYTES
from kshell.schemas.values import Cause, SchemaTooLarge, SchemaUnavailable

_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"
_CHUNK = 1 << 16
_ERROR_BYTES = 1 << 16
_LOOPBACK = ("localhost", "::1")


class NotThere(Exception):
    """The registry's own 404, with its words."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where a registry is and how to sign in. `url` holds no credentials and no slash at its end. `ca`: a path, or PEM text."""

    url: str
    username: str | None = None
    password: Secret | None = None
    token: Secret | None = None
    ca: str | None = None

    @property
    def in_the_clear(self) -> bool:
        """Credentials would cross a network without encryption."""
        parts = urlsplit(self.url)
        local = parts.hostname in _LOOPBACK or (parts.hostname or "").startswith("127.")
        return parts.scheme == "http" and not local and (self.username is not None or self.token is not None)


def access(url: str, *, username: str | None = None, password: Secret | None = None, token: Secret | None = None,
           ca: str | None = None) -> Access:
    """Credentials may stand in the address; those given apart from it hold. BadValueError: it is no address of a registry."""
    try:
        parts = urlsplit(url.strip())
        port, host = parts.port, parts.hostname
    except ValueError:
        parts, port, host = urlsplit(""), None, None
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise BadValueError(f"{redact(url)} is no address of a schema registry", hint="write it as 'https://host:8081'")
    if username is None and token is None and parts.username is not None:
        username, password = unquote(parts.username), Secret(unquote(parts.password or ""))
    if username is not None and token is not None:
        raise BadValueError("a schema registry is signed in to by USERNAME and PASSWORD, or by TOKEN, not by both", hint="leave one out")
    place = f"[{host}]" if ":" in host else host
    bare = urlunsplit((parts.scheme, f"{place}:{port}" if port else place, parts.path.rstrip("/"), "", ""))
    return Access(bare, username, password, token, ca)


class _Stay(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like another: its status."""

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: Any) -> None:
        return None


class Http:
    def __init__(self, access: Access, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._access, self._clock = access, clock
        self.url = access.url
        self.skew = Skew()
        self._headers = {"Accept": _ACCEPT, "User-Agent": "kshell", "Accept-Encoding": "identity"}
        self._opener: urllib.request.OpenerDirector | None = None

    def get(self, path: str, most_bytes: int = SCHEMA_BYTES) -> Any:
        """The answer as JSON. NotThere, SchemaUnavailable, SchemaTooLarge."""
        ends = self._clock() + ANSWER_S
        try:
            request = urllib.request.Request(f"{self.url}{path}", headers={**self._headers, **self._credentials()})
            with self._open()(request, timeout=CONNECT_S) as answer:
                self.skew.saw(answer.headers.get("Date"))
                self._require_json(answer)
                return self._parsed(self._read(answer, most_bytes, ends))
        except urllib.error.HTTPError as refused:
            with refused:
                raise self._judged(refused, ends) from None
        except (OSError, http.client.HTTPException) as failed:
            raise self._failed(failed) from None

    def _open(self) -> Callable[..., Any]:
        if self._opener is None:
            ca = self._access.ca
            try:
                trusted = (ssl.create_default_context(cadata=ca) if ca and "-----BEGIN" in ca else ssl.create_default_context(cafile=ca))
            except (OSError, ValueError) as wrong:
                raise SchemaUnavailable(f"SSL_CA holds no certificate that can be read: {_words(wrong)}", "certificate") from None
            self._opener = urllib.request.build_opener(_Stay, urllib.request.HTTPSHandler(context=trusted))
        return self._opener.open

    def _credentials(self) -> dict[str, str]:
        own = self._access
        if own.token is not None:
            return {"Authorization": f"Bearer {reveal(own.token)}"}
        if own.username is None:
            return {}
        pair = f"{own.username}:{reveal(own.password) if own.password is not None else ''}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    # ---- answers -----------------------------------------------------------------------------------------------------

    def _require_json(self, answer: Any) -> None:
        kind = answer.headers.get_content_type()
        if kind != "application/json" and not kind.endswith("+json"):
            raise self._out(f"answers {kind}, not JSON: a proxy or another server may be in its place", "address")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise self._out("answers in a compressed form that was not asked for", "server")

    def _read(self, answer: Any, most_bytes: int, ends: float) -> bytes:
        parts: list[bytes] = []
        size = 0
        while chunk := answer.read1(_CHUNK):       # what is there, so that the clock is seen in between
            size += len(chunk)
            parts.append(chunk)
            if size > most_bytes:
                raise SchemaTooLarge(f"the answer of {self.url} is larger than {most_bytes:,} bytes")
            if self._clock() > ends:
                raise self._out(f"has not finished its answer within {ANSWER_S:g} s", "time")
        return b"".join(parts)

    def _parsed(self, data: bytes) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise self._out("answers something that is no JSON", "address") from None

    def _judged(self, refused: urllib.error.HTTPError, ends: float) -> Exception:
        """What a status other than 200 means. Only a 404 in the registry's own words says that something does not exist."""
        code, words = self._reason(refused, ends)
        said = f": {words}" if words else ""
        if refused.code == 404 and 40400 < code < 40500:
            return NotThere(words)
        if refused.code == 404:
            return self._out("answers 404 to a path that every registry has: this may be another server, or part of its path is missing",
                             "address")
        if 300 <= refused.code < 400:
            target = redact(refused.headers.get("Location") or "an address that it does not name")
            return self._out(f"redirects ({refused.code}) to {target}, which is not followed", "redirect")
        if refused.code in (401, 403, 407):
            return self._out(f"answers {refused.code}{said}", "credentials")
        return self._out(f"answers {refused.code}{said}", "server")

    def _reason(self, refused: urllib.error.HTTPError, ends: float) -> tuple[int, str]:
        """(error_code, message) of the registry; (0, ''): it said nothing in its own form."""
        try:
            self._require_json(refused)
            told = self._parsed(self._read(refused, _ERROR_BYTES, ends))
            return int(told["error_code"]), redact(str(told.get("message") or ""))[:200]
        except (SchemaUnavailable, SchemaTooLarge, OSError, http.client.HTTPException, KeyError, TypeError, ValueError, AttributeError):
            return 0, ""

    def _failed(self, failed: Exception) -> SchemaUnavailable:
        inner = failed.reason if isinstance(failed, urllib.error.URLError) else failed
        if isinstance(inner, ssl.SSLCertVerificationError):
            return self._out(f"has a certificate that is not trusted: {inner.verify_message}", "certificate")
        if isinstance(inner, ssl.SSLError):
            return self._out(f"does not speak TLS at this port: {inner.reason or _words(inner)}", "certificate")
        if isinstance(inner, TimeoutError):
            return self._out(f"has not answered within {CONNECT_S:g} s", "time")
        if isinstance(inner, socket.gaierror):
            return self._out("has a name that cannot be resolved", "network")
        if isinstance(inner, ConnectionRefusedError):
            return self._out("refuses the connection", "network")
        return self._out(f"cannot be reached: {_words(inner)}", "network")

    def _out(self, what: str, cause: Cause) -> SchemaUnavailable:
        return SchemaUnavailable(f"the schema registry {self.url} {what}", cause)


def _words(failed: object) -> str:
    if isinstance(failed, OSError) and failed.strerror:
        return failed.strerror
    return redact(str(failed))[:200] or type(failed).__name__
