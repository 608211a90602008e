"""The servers of a session: what its statements start and stop, made of arguments as they are written.

1. the extra is there  2. the access: address, port, token  3. the lock  4. the server

Invariant: a start that fails leaves nothing behind but the lock, and that only where nothing else stood in the way; a server's token and
socket go with it."""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kshell.errors import Error, ExistsError, RefusedError
from kshell.serve import Served, Servers, need
from kshell.session.serving import Lock, Started

if TYPE_CHECKING:
    from kshell.options import Parsed
    from kshell.serve.access import Access
    from kshell.serve.host import Limits
    from kshell.session import Session
    from kshell.session.metrics import Sample

_WITH_USER = ("pgwire",)


def offer(session: Session) -> None:
    """From here on the statements of this session can start servers."""
    session.servers = Offered(session)


class Offered:
    """Cheap to make: nothing of a server is loaded before one starts."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._servers: Servers | None = None

    def start(self, kind: str, given: Parsed, lock: Lock) -> Started:
        from kshell.serve.access import access_of

        need(kind)
        running = {served.kind: served for served in self._served()}
        if kind in running:
            raise ExistsError(f"{kind} is served already, on {running[kind].address}", hint=f"CALL kshell_stop('{kind}') first")
        access = access_of(kind, given, given.given)
        try:
            lock(access.private_files())
            served = self._made().start(kind, access, _limits(given))
        except OSError as failed:                 # also a start that takes too long
            access.forget()
            raise RefusedError(f"{kind} does not start on {access.address}: {failed.strerror or failed or 'it takes too long'}",
                               hint="port := another one") from None
        except BaseException:
            access.forget()
            raise
        return _started(served)

    def _made(self) -> Servers:
        if self._servers is None:
            from kshell.serve.audit import AuditLog

            self._servers = Servers(self._session, AuditLog())
            atexit.register(self.close)           # for a session that nobody closes
        return self._servers

    def _served(self) -> list[Served]:
        return self._servers.served() if self._servers is not None else []

    def stop(self, kind: str) -> str:
        served = self._made().stop(kind)
        served.access.forget()
        return served.address

    def rows(self) -> Sequence[Mapping[str, Any]]:
        return [_row(served) for served in sorted(self._served(), key=lambda s: s.kind)]

    def samples(self) -> Iterable[Sample]:
        served = self._served()
        if not served:
            return ()
        from kshell.serve.counted import samples

        return samples(one.host for one in served)

    def read_certificates(self) -> Sequence[str]:
        lines = []
        for served in self._served():
            try:
                served.access.read_certificate()
            except Error as wrong:
                lines.append(f"{served.kind} goes on with its old certificate: {wrong.message}")
        return lines

    def close(self) -> None:
        served = self._served()
        if self._servers is not None:
            atexit.unregister(self.close)
            self._servers.close()
        for one in served:
            one.access.forget()


def _limits(given: Parsed) -> Limits:
    from kshell.serve.host import Limits

    of_a_result = {name: given[name] for name in ("max_rows", "max_bytes") if name in given}       # not everything holds one
    return Limits(max_sessions=given["max_sessions"], max_running=given["max_running"], statement_timeout_s=given["statement_timeout"],
                  **of_a_result)


def _row(served: Served) -> Mapping[str, Any]:
    access, counts = served.access, served.host.counts
    return {"kind": served.kind, "address": served.address, "user": _user(served), "tls": access.tls is not None,
            "insecure": access.insecure, "sessions": len(served.host.clients), "running": counts.running,
            "queries": counts.done + counts.failed, "failed": counts.failed, "refused": counts.refused,
            "token_file": str(access.token_file) if access.token_file else None, "state": "serving"}


def _user(served: Served) -> str | None:
    return served.access.user if served.kind in _WITH_USER else None


def _started(served: Served) -> Started:
    access = served.access
    return Started(served.kind, served.address, _user(served), str(access.token_file) if access.token_file else None,
                   access.tls is not None, access.password if access.token_is_made else None, _how_to_connect(access))


def _how_to_connect(access: Access) -> str:
    """One line that works when it is pasted, but for the secret."""
    from kshell.serve import addresses

    match access.kind:
        case "pgwire":
            where = f"-h {access.host}" if access.host else f"-h {access.socket.parent}" if access.socket else ""
            return f"psql {where} -p {access.port} -U {access.user} memory"
        case "http":
            scheme = "https" if access.tls else "http"
            at = f"{scheme}://{addresses.shown(access.host, access.port)}/query"
            where = at if access.host else f"--unix-socket {access.socket} http://localhost/query"
            return f'curl -H "Authorization: Bearer $TOKEN" --data "SELECT 1" {where}'
        case _:
            return f"ATTACH 'quack:localhost:{access.port}' AS k (TYPE quack, TOKEN '...')"
