"""Who may connect to a server, and where: the rules about addresses, passwords and certificates.

1. what may listen there  2. the certificate  3. whether the place is free  4. the password: given, of a file, or made

Invariant: another address than loopback is served with TLS and a password that was given on purpose, or with `insecure`; a password is
compared in constant time and never shown."""

from __future__ import annotations

import hmac
import re
import socket as net
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kshell.errors import BadValueError, ConflictError, Error, RefusedError
from kshell.options import Secret, reveal
from kshell.serve import addresses, tokens
from kshell.serve.attempts import Attempts
from kshell.serve.tls import Certificate

USER = "kshell"
_SOCKET_NAMES = {"pgwire": ".s.PGSQL.{port}"}     # what a client looks for in a folder that it takes for the host
_GIVEN = ("password", "token", "token_file")


@dataclass(frozen=True)
class Access:
    """`host` is empty where only the UNIX socket listens. `token_file` holds the password, if a file does."""

    kind: str
    user: str
    password: Secret
    token_file: Path | None
    host: str
    port: int
    socket: Path | None = None
    certificate: Certificate | None = None
    insecure: bool = False
    allow_origin: tuple[str, ...] = ()
    token_is_made: bool = False                   # by this start: to be told once, and removed with the server
    attempts: Attempts = field(default_factory=Attempts, repr=False)

    @property
    def address(self) -> str:
        """As it is shown."""
        tcp = [addresses.shown(self.host, self.port)] if self.host else []
        return ", ".join([*tcp, *([str(self.socket)] if self.socket else [])])

    @property
    def tls(self) -> ssl.SSLContext | None:
        return self.certificate.context if self.certificate else None

    def listen(self) -> list[net.socket]:
        """Sockets that listen where clients are to come: TCP, the UNIX socket, or both. ConflictError where one is taken."""
        opened = [addresses.listening(self.host, self.port)] if self.host else []
        if self.socket is not None:
            try:
                opened.append(addresses.listening_unix(self.socket))
            except Error:
                for one in opened:
                    one.close()
                raise
        return opened

    def private_files(self) -> list[Path]:
        """What no client may reach by SQL."""
        key = self.certificate and (self.certificate.key or self.certificate.cert)
        return [path for path in (self.token_file, key) if path]

    def accepts(self, password: str) -> bool:
        return hmac.compare_digest(password.encode("utf-8", "surrogatepass"), reveal(self.password).encode())

    def may_try(self, address: str) -> float:
        """Seconds that this address has to wait before its next attempt; 0: not at all."""
        return self.attempts.wait_s(address)

    def failed(self, address: str) -> None:
        """A wrong password, or none, came from there."""
        self.attempts.failed(address)

    def read_certificate(self) -> None:
        """Read the PEM files again, where there are some. BadValueError, and the old certificate stays, where they do not fit."""
        if self.certificate:
            self.certificate.read()

    def forget(self) -> None:
        """The server has ended: its socket and the token that was made for it go. What `token_file` names is kept."""
        if self.socket is not None:
            self.socket.unlink(missing_ok=True)
        if self.token_is_made and self.token_file:
            self.token_file.unlink(missing_ok=True)


def check(kind: str, values: Mapping[str, Any]) -> None:
    """RefusedError for an address that may not be served so; asks for nothing, makes nothing."""
    host = values["host"]
    if values["insecure"] or addresses.is_loopback(host):
        return
    where = addresses.shown(host, values["port"])
    if kind == "quack":                           # it speaks plain HTTP: a proxy in front of it can do better
        raise RefusedError(f"quack listens on this machine only: {where} can be reached by others, and it has no TLS",
                           hint="let a TLS proxy listen there and ask localhost; insecure := true serves it in the clear")
    given = any(values.get(name) is not None for name in _GIVEN)
    lacks = [what for what, there in (("TLS", values["tls_cert"] is not None), ("a password", given)) if not there]
    if lacks:
        raise RefusedError(f"{kind} on {where} can be reached by other machines: it needs {' and '.join(lacks)}", hint=_ways_out(kind))


def _ways_out(kind: str) -> str:
    name = "password" if kind == "pgwire" else "token"
    return (f"serve it with tls_cert := '/path/cert.pem', tls_key := '/path/key.pem', {name} := getenv('NAME'); "
            "or insecure := true, which SHOW SERVERS shows")


def access_of(kind: str, values: Mapping[str, Any], given: frozenset[str]) -> Access:
    """From the arguments of kshell_serve; `given` are those that were written."""
    check(kind, values)
    certificate = _certificate(values)
    socket, host = _socket(kind, values), values["host"]
    if socket is not None and not {"host", "port"} & given:
        host = ""
    port = _free(kind, host, values["port"], socket)
    password, file, made = _password(values, tokens.usual_path(kind, str(port) if host else re.sub(r"\W+", "-", str(socket)).strip("-")))
    return Access(kind=kind, user=values.get("user") or USER, password=password, token_file=file, token_is_made=made, host=host,
                  port=port, socket=socket, certificate=certificate, insecure=values["insecure"],
                  allow_origin=tuple(values.get("allow_origin") or ()))


def _socket(kind: str, values: Mapping[str, Any]) -> Path | None:
    """A folder stands for the name that clients look for in it."""
    if values.get("socket") is None:
        return None
    path = _path(values["socket"])
    return path / _SOCKET_NAMES.get(kind, f"{kind}.sock").format(port=values["port"]) if path.is_dir() else path


def _certificate(values: Mapping[str, Any]) -> Certificate | None:
    cert, key = values.get("tls_cert"), values.get("tls_key")
    if cert is None:
        if key is not None:
            raise BadValueError("tls_key needs tls_cert", hint="tls_cert := '/path/cert.pem', tls_key := '/path/key.pem'")
        return None
    made = Certificate(_path(cert), _path(key) if key else None)
    made.read()
    return made


def _free(kind: str, host: str, port: int, socket: Path | None) -> int:
    """The port. ConflictError where somebody listens: before a token is made, since the file of that port may be his."""
    if socket is not None:
        addresses.listening_unix(socket).close()
        socket.unlink(missing_ok=True)
    if not host:
        return port
    try:
        with addresses.listening(host, port) as tried:
            return int(tried.getsockname()[1])
    except ConflictError:
        if kind != "quack" or addresses.answered(host, port):
            raise
        return port                               # connections that quack has ended keep others away for a minute, and quack not


def _password(values: Mapping[str, Any], usual: Path) -> tuple[Secret, Path | None, bool]:
    """The password, the file that holds it, and whether both are made by this start."""
    given = values.get("password") or values.get("token")
    file = values.get("token_file")
    if given is not None and file is not None:
        raise BadValueError("a password and a token_file exclude each other", hint="give one of them")
    if given is not None:
        return (given if isinstance(given, Secret) else Secret(given)), None, False
    if file is not None:
        path = _path(file)
        return Secret(tokens.kept(path)), path, False
    return Secret(tokens.fresh(usual)), usual, True


def _path(written: str) -> Path:
    """Absolute: it is looked at again after the user has gone to another folder."""
    return Path(written).expanduser().absolute()
