"""What a catalog's answers may do to us: nothing but answer, in bounded time and size.

Invariant: a class to import, an address, a certificate or a credential comes from the user's own words, never from a table's
properties or a server's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from requests import PreparedRequest, Response, Session
from requests.adapters import HTTPAdapter
from requests.exceptions import ContentDecodingError, TooManyRedirects

from kshell.iceberg import patience

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 60.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024
_OURS_ONLY = ("py-io-impl", "py-catalog-impl", "write.py-location-provider.impl", "s3.retry-strategy-impl", "auth", "uri", "ssl",
              "s3.endpoint")


class _Bounded(HTTPAdapter):
    """No retries: a POST that is sent again is another attempt, and attempts are the commit algorithm's business."""

    def __init__(self) -> None:
        super().__init__(max_retries=0)

    def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        kwargs["timeout"] = (CONNECT_TIMEOUT_S, READ_TIMEOUT_S)
        response = self._answer(request, *args, **kwargs)
        if response.is_redirect:
            raise TooManyRedirects(f"{request.url} answers with a redirect, and redirects are not followed", response=response)
        if int(response.headers.get("Content-Length") or 0) > ANSWER_BYTES_MAX:
            raise ContentDecodingError(f"{request.url} answers with more than {ANSWER_BYTES_MAX >> 20} MiB", response=response)
        return response


    def _answer(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
        asked = patience.current()
        if asked is None:
            return super().send(request, *args, **kwargs)
        where = urlsplit(str(request.url))
        return asked.wait(lambda: super(_Bounded, self).send(request, *args, **kwargs), f"{where.scheme}://{where.netloc}")


def bounded(session: Session) -> Session:
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Bounded())
    return session


def ours_only(key: str) -> bool:
    return key.startswith(_OURS_ONLY) or ".proxy" in key


def trusted_properties(offered: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """The offered properties, but those that only the user may set are the user's."""
    kept = {k: v for k, v in offered.items() if not ours_only(k)}
    return kept | {k: v for k, v in ours.items() if ours_only(k)}
