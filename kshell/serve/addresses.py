"""Where a server listens: addresses, ports, UNIX sockets.

Invariant: only an address that no other machine can reach counts as loopback; a UNIX socket is its owner's alone (0600) before anybody can
connect; an address that is taken is told with the process that has it, where the system says so."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from kshell.errors import BadValueError, ConflictError, RefusedError

BACKLOG = 128
_KNOCK_S = 1.0
_LISTENING = "0A"                                 # the state in /proc/net/tcp


def resolved(host: str) -> str:
    """The one address that a name of this machine stands for; `localhost` is 127.0.0.1 where it is that too."""
    try:
        found = [info[4][0] for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        raise BadValueError(f"host names no address: {host}",
                            hint="host := '127.0.0.1'; '0.0.0.0' is every address of this machine") from None
    return next((str(a) for a in found if a == "127.0.0.1"), str(found[0]))


def is_loopback(host: str) -> bool:
    return ipaddress.ip_address(resolved(host).partition("%")[0]).is_loopback


def shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. ConflictError where somebody else does."""
    address = resolved(host)
    # named as TCP, for asyncio sends small answers at once only on sockets that say so: a client that keeps its connection waited 40 ms
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)      # inherited: short answers do not wait for an ACK, 40 ms
        made.bind((address, port))
        made.listen(BACKLOG)
    except OSError as failed:
        made.close()
        raise _cannot_listen(failed, host, port) from None
    made.setblocking(False)
    return made


def answered(host: str, port: int) -> bool:
    """Whether somebody listens there."""
    address = resolved(host)
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM) as knock:
        knock.settimeout(_KNOCK_S)
        return knock.connect_ex((address, port)) != errno.ECONNREFUSED


def _cannot_listen(failed: OSError, host: str, port: int) -> ConflictError | RefusedError | BadValueError:
    where = shown(host, port)
    if failed.errno == errno.EADDRINUSE:
        holder = occupant(port)
        return ConflictError(f"{where} is in use" + (f" by {holder}" if holder else ""), hint="port := another one, or port := 0 for any")
    if failed.errno == errno.EACCES:
        return RefusedError(f"this user may not listen on {where}", hint="ports from 1024 on need no rights")
    if failed.errno == errno.EADDRNOTAVAIL:
        return BadValueError(f"{host} is no address of this machine", hint="'0.0.0.0' is every address of this machine")
    return RefusedError(f"cannot listen on {where}: {failed.strerror}")


def listening_unix(path: Path) -> socket.socket:
    """A UNIX socket that only this user can connect to. What a process that is gone has left there is replaced."""
    _make_way(path)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        before = os.umask(0o177)
        try:
            made.bind(str(path))
        finally:
            os.umask(before)
        made.listen(BACKLOG)
    except OSError as failed:
        made.close()
        raise RefusedError(f"cannot listen on {path}: {failed.strerror or failed}",
                           hint="socket := '/path' of at most 100 characters, in a folder that this user may write") from None
    made.setblocking(False)
    return made


def _make_way(path: Path) -> None:
    """Remove the socket of a process that has ended; whatever else is there stays."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConflictError(f"{path} exists and is no socket", hint="socket := another path")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        try:
            knock.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
        except OSError as failed:
            raise RefusedError(f"cannot look at {path}: {failed.strerror}", hint="socket := another path") from None
    raise ConflictError(f"{path} is in use by another process", hint="socket := another path")


def occupant(port: int) -> str | None:
    """The process that listens on this port, as `postgres (pid 12)`. None where the system does not tell: processes of other users, or no
    /proc."""
    inodes = set(_listeners(port))
    if not inodes:
        return None
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):        # of another user, or gone
            if any(_open_file(link) in inodes for link in (folder / "fd").iterdir()):
                return f"{(folder / 'comm').read_text().strip()} (pid {folder.name})"
    return None


def _open_file(link: Path) -> str:
    """What a descriptor stands for; nothing where it has been closed meanwhile."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


def _listeners(port: int) -> Iterator[str]:
    """The sockets that listen on a port, as /proc/<pid>/fd names them."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                yield f"socket:[{fields[9]}]"
