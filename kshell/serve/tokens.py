"""Random tokens in files that only their owner can read.

Invariant: a token has 256 random bits; its file is of mode 0600 before the token is in it, and a file that others can read is refused."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from kshell.errors import BadValueError, RefusedError
from kshell.options.private import secret_file
from kshell.places import state_folder

SHORTEST = 16                                     # characters of a token that somebody else has written


def usual_path(kind: str, where: str) -> Path:
    """The file of a server that names none: one for each kind and port (or socket), in the state folder."""
    return state_folder() / "servers" / f"{kind}-{where}.token"


def fresh(path: Path) -> str:
    """A token made now, in this file; what was there is replaced."""
    token = secrets.token_urlsafe(32)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = path.with_name(f"{path.name}.{os.getpid()}")
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(token + "\n")
        made.replace(path)
    except OSError as failed:
        raise RefusedError(f"cannot write the token into {path}: {failed.strerror}",
                           hint="token_file := '/path', or password := getenv('NAME')") from None
    return token


def kept(path: Path) -> str:
    """The token of a file that the user has named, made where there is none: dashboards keep theirs over a restart."""
    if not path.exists():
        return fresh(path)
    token = secret_file(path)
    if len(token) < SHORTEST or any(c.isspace() for c in token):
        raise BadValueError(f"{path} holds no token: {SHORTEST} characters or more, without a space", hint=f"rm {path}; kshell makes one")
    return token
