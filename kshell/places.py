"""Where files of the user are kept: configuration, history and state, data. XDG's variables are honoured."""

from __future__ import annotations

import os
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


def _xdg(variable: str, otherwise: str) -> Path:
    return Path(os.environ.get(variable) or Path.home() / otherwise) / "kshell"
