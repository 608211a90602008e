"""The keyring of the operating system, where PERSISTENT secrets are kept when `kshell[keyring]` is installed and a keyring answers.

Invariant: only a keyring that the library itself calls recommended is used, never one of its files in the clear; without one the caller
keeps the secret in its own file. Nothing is loaded until a PERSISTENT secret is written or one is kept here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kshell.options import reveal

SERVICE = "kshell"
_RECOMMENDED = 1                              # of the library's priorities: below are backends of last resort


def usable() -> bool:
    return _keyring() is not None


def put(name: str, values: Mapping[str, Any]) -> bool:
    """False: there is no keyring, or it refuses."""
    keyring = _keyring()
    if keyring is None:
        return False
    text = json.dumps({key: {k: reveal(v) for k, v in value.items()} if isinstance(value, dict) else reveal(value)
                       for key, value in values.items()})
    try:
        keyring.set_password(SERVICE, name, text)
    except Exception:  # noqa: BLE001  a locked or broken keyring raises whatever its backend raises
        return False
    return True


def get(name: str) -> dict[str, Any] | None:
    """The options of a secret; None: the keyring does not answer, or has no such entry."""
    keyring = _keyring()
    try:
        text = keyring.get_password(SERVICE, name) if keyring is not None else None
        found = json.loads(text) if text else None
    except Exception:  # noqa: BLE001  as above; what somebody else wrote there is not ours either
        return None
    return found if isinstance(found, dict) else None


def remove(name: str) -> None:
    keyring = _keyring()
    if keyring is None:
        return
    try:
        keyring.delete_password(SERVICE, name)
    except Exception:  # noqa: BLE001  it is gone already, or cannot be reached; nothing points at it any more
        return


def _keyring() -> Any:
    """The library's backend, or None."""
    try:
        import keyring
    except ImportError:
        return None
    try:
        backend = keyring.get_keyring()
        return backend if float(backend.priority) >= _RECOMMENDED else None
    except Exception:  # noqa: BLE001  a backend that cannot say its priority is none
        return None
