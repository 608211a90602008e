"""A value that is never shown, and the one redactor for every text that leaves the program.

Invariant: a Secret is the text `***` to whatever prints, formats, pickles, compares or dumps it; only `reveal` gives the value, at the
call into a client. A value that became a Secret is replaced in every text that passes `redact`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

HIDDEN = "***"
_ANYWHERE = 5                                 # shorter values are replaced as whole words only: they may be part of any word
_NAMES = re.compile(r"password|passwd|secret|token|credential|authorization|user\.info|jaas|key\.pem|\.key$|passphrase"
                    r"|(access|account)[-_.]key", re.IGNORECASE)
_WORDS = ("password", "passphrase", "secret", "token", "credential", "credentials")
_PARTS = re.compile(r"[-._\s]+")
_USER_INFO = re.compile(r"(://[^/\s:@']*:)([^/\s@']+)@")
_known: set[str] = set()


class Secret(str):
    """`Secret("x9")`. A str, so that whoever takes it for one shows or stores `***` and not the value."""

    __slots__ = ("_value",)
    _value: str

    def __new__(cls, value: str) -> Secret:
        made = super().__new__(cls, HIDDEN)
        made._value = value
        learn(value)
        return made

    def __repr__(self) -> str:
        return HIDDEN

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        return str, (HIDDEN,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(HIDDEN)


def reveal(value: Any) -> Any:
    """The value of a Secret; anything else as it is. Only for the call that hands it to a client."""
    return value._value if isinstance(value, Secret) else value


def revealed(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: reveal(value) for name, value in values.items()}


def names_secret(key: str) -> bool:
    """Whether a setting of this name holds a secret. A misspelled name counts: its value is no less secret, and an error shows it."""
    return bool(_NAMES.search(key)) or any(get_close_matches(word, _WORDS, n=1, cutoff=0.8) for word in _PARTS.split(key.lower()))


def learn(value: str) -> None:
    """From here on `redact` hides this value."""
    if value.strip() and value != HIDDEN:
        _known.add(value)


def redact(text: str) -> str:
    """The text without known secrets and without passwords in addresses."""
    for value in sorted(_known, key=len, reverse=True):
        text = text.replace(value, HIDDEN) if len(value) >= _ANYWHERE else re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", HIDDEN, text)
    return _USER_INFO.sub(rf"\1{HIDDEN}@", text)


def wrap(values: Mapping[str, str]) -> dict[str, str]:
    """A map of settings in which the secrets are Secrets."""
    return {name: Secret(value) if names_secret(name) and not isinstance(value, Secret) else value for name, value in values.items()}
