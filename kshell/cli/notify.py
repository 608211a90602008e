"""Readiness for a service manager: the datagram READY=1 that sd_notify(3) describes.

Invariant: without NOTIFY_SOCKET nothing is opened; a socket that does not answer is not an error."""

from __future__ import annotations

import contextlib
import os
import socket


def ready() -> None:
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address:
        return
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(1.0)
        sender.sendto(b"READY=1", "\0" + address[1:] if address.startswith("@") else address)
