"""secrets.toml in the configuration folder: which PERSISTENT secrets there are, and those that no keyring of the system keeps.

Invariant: mode 0600 from its first byte, replaced as a whole, and never read when others may read it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kshell.errors import RefusedError, UsageError
from kshell.lang import declared
from kshell.options import Secret, SecretText, reveal
from kshell.options.private import refuse_loose
from kshell.options.secret import wrap
from kshell.places import config_folder

if TYPE_CHECKING:
    from kshell.session.secrets import Held

NAME = "secrets.toml"
_KEPT, _IN_KEYRING = "kept", "keyring"       # no option of a secret is called so


class KeyFile:
    def __init__(self, path: Path | None = None) -> None:
        self.path = path or config_folder() / NAME
        self.in_keyring: set[str] = set()     # names of secrets that the keyring of the system keeps
        self.not_given: list[str] = []        # those that it did not give: it is locked, or not there

    def read(self) -> list[tuple[str, str, dict[str, Any]]]:
        """(name, type, options) of each. RefusedError when the file is open to others, UsageError when it is not what it should be."""
        if not self.path.exists():
            return []
        refuse_loose(self.path)
        import tomllib  # only where there is a file

        try:
            found = tomllib.loads(self.path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError):
            raise UsageError(f"{self.path} is not a secrets file", hint="repair it, or remove it and create the secrets again") from None
        listed = [(name, str(table["type"]), self._table(name, table)) for name, table in found.items()
                  if isinstance(table, dict) and table.get("type") in declared.SECRETS]
        return [(name, kind, _values(kind, table)) for name, kind, table in listed if table is not None]

    def _table(self, name: str, table: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The options as they stand, or as the keyring has them; None where it does not give them."""
        if table.get(_KEPT) != _IN_KEYRING:
            return table
        from kshell.session import oskeyring

        found = oskeyring.get(name)
        if found is None:
            self.not_given.append(name)
            return None
        self.in_keyring.add(name)
        return found

    def write(self, kept: Iterable[Held], added: Held | None = None) -> None:
        """The whole file anew; without secrets there is none. What is added goes into the keyring where there is one."""
        if added is not None:
            self._into_keyring(added)
        held = [*kept, *([added] if added else [])]
        if not held:
            self.path.unlink(missing_ok=True)
            return
        if self.path.exists():
            refuse_loose(self.path)
        text = "".join(_kept_elsewhere(h) if h.name in self.in_keyring else _table(h) for h in held)
        beside = self.path.with_name(f".{NAME}.{os.getpid()}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write("# Secrets of kshell: CREATE PERSISTENT SECRET and DROP SECRET write this file.\n" + text)
            beside.replace(self.path)
        except OSError as failed:
            beside.unlink(missing_ok=True)
            raise RefusedError(f"cannot write {self.path}: {failed.strerror}",
                               hint="leave PERSISTENT out: the secret then lives as long as the session") from None


    def _into_keyring(self, held: Held) -> None:
        from kshell.session import oskeyring

        if oskeyring.put(held.name, held.values):
            self.in_keyring.add(held.name)
        else:
            self.in_keyring.discard(held.name)

    def forget(self, name: str) -> None:
        """A secret that goes: out of the keyring, too."""
        if name in self.in_keyring:
            from kshell.session import oskeyring

            oskeyring.remove(name)
            self.in_keyring.discard(name)

    def place_of(self, name: str) -> str:
        return "the keyring of the system" if name in self.in_keyring else str(self.path)


def _values(kind: str, table: Mapping[str, Any]) -> dict[str, Any]:
    options, values = declared.SECRETS[kind], {}
    for key, value in table.items():
        if key != "type" and key in options:
            secret = isinstance(options[key].kind, SecretText) and isinstance(value, str) and not _is_path(options[key].kind, value)
            values[key] = Secret(value) if secret else wrap(value) if isinstance(value, dict) else value
    return values


def _is_path(kind: Any, value: str) -> bool:
    return bool(kind.path) and "-----BEGIN" not in value


def _table(held: Held) -> str:
    lines = [f"\n[{_text(held.name)}]", f"type = {_text(held.kind)}", *(f"{key} = {_toml(value)}" for key, value in held.values.items())]
    return "\n".join(lines) + "\n"


def _kept_elsewhere(held: Held) -> str:
    return f"\n[{_text(held.name)}]\ntype = {_text(held.kind)}\n{_KEPT} = {_text(_IN_KEYRING)}\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_text(key)} = {_text(str(reveal(item)))}" for key, item in value.items()) + " }"
    return _text(str(reveal(value)))


def _text(text: str) -> str:
    """A basic string of TOML: JSON's escapes are valid there, but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
