"""Where files of the user are kept: configuration, history and state, data; XDG's variables are honoured. And what lies under what."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path


def config_folder() -> Path:
    return _xdg("XDG_CONFIG_HOME", ".config")


def state_folder() -> Path:
    """History and log."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def data_folder() -> Path:
    """KSHELL_DATA, else the data folder of the system."""
    own = os.environ.get("KSHELL_DATA")
    return Path(own) if own else _xdg("XDG_DATA_HOME", ".local/share")


def lies_under(location: str, folders: Iterable[str]) -> bool:
    """Whether a path or the address of an object is one of these folders, or lies in one. An address with `..` lies nowhere."""
    inside = f"{plain(location)}/"
    return "/../" not in inside and any(inside.startswith(f"{plain(folder)}/") for folder in folders)


def plain(location: str) -> str:
    """file:///a/b/ and /a/b are one place."""
    for scheme in ("file://localhost/", "file:///", "file:/"):
        if location.startswith(scheme):
            location = "/" + location.removeprefix(scheme)
    return location.rstrip("/")


def _xdg(variable: str, otherwise: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / otherwise) / "kshell"
