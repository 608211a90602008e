"""What an option's value may be. A kind reads a written value into a Python value, and says in words what it takes.

Invariant: `read(text(value)) == value`; a value of another kind is a `Misfit`, never a guess."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from kshell.errors import BadValueError, RefusedError, did_you_mean
from kshell.options.secret import Secret, redact
from kshell.options.units import duration_s, duration_text, size_bytes, size_text
from kshell.options.written import Lookup, Typed, Word, string_text, value_text

Resolve = Callable[[Lookup], Any]               # gives the Python value; None: not set


class Misfit(BadValueError):
    """A value that its kind does not take: the text goes after the option's name ("takes a size, not 60")."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a value may depend on besides its text."""

    resolve: Resolve
    zone: str = "UTC"                           # of TIMESTAMP without an offset

    def value(self, written: Any) -> Any:
        """The written value, looked up where it stands for another."""
        if not isinstance(written, Lookup):
            return written
        if written.kind in ("file", "command"):
            word = written.kind.upper()
            raise Misfit(f"does not take {word}", hint=f"{word} belongs to a secret; use getenv('NAME') here")
        return self.private(written)

    def private(self, written: Any) -> Any:
        """The same inside CREATE SECRET, where FILE and COMMAND are allowed."""
        if not isinstance(written, Lookup):
            return written
        found = self.resolve(written)
        if found is None:
            raise Misfit(*_UNSET.get(written.kind, _UNSET["getenv"])(written.name))
        return found


_UNSET: dict[str, Callable[[str], tuple[str]]] = {
    "getenv": lambda name: (f"needs the environment variable {name}, which is not set",),
    "getvariable": lambda name: (f"needs the variable {name}, which is NULL",),
    "secret": lambda name: (f"names the secret {name}, which does not exist",),
}


class Kind:
    """Base of all kinds. `takes` completes the sentence "the option takes ..."; `words` are offered by completion."""

    takes = "a value"
    words: tuple[str, ...] = ()

    def read(self, written: Any, context: Context) -> Any:
        return self.take(context.value(written), context)

    def take(self, value: Any, context: Context) -> Any:
        raise self.misfit(value)

    def text(self, value: Any) -> str:
        """SQL text of a value of this kind. A written value is given back as it is."""
        return value_text(value)

    def misfit(self, value: Any, hint: str | None = None) -> Misfit:
        return Misfit(f"takes {self.takes}, not {shown(value)}", hint=hint)


def shown(value: Any) -> str:
    text = value_text(value)
    return text if len(text) <= 40 else text[:37] + "..."


@dataclass(frozen=True)
class Text(Kind):
    """Any text, quoted or one word."""

    takes: str = "a string"
    pattern: str | None = None                  # the whole text must match
    empty: bool = False

    def take(self, value: Any, context: Context) -> str:
        text = value.text if isinstance(value, Word) else value
        if not isinstance(text, str) or (not text and not self.empty):
            hint = f"write {string_text(str(value))}" if isinstance(value, int | float) and not isinstance(value, bool) else None
            raise self.misfit(value, hint)
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise self.misfit(value)
        return text


@dataclass(frozen=True)
class Address(Text):
    """Text that may be an address with a password in it, which is not shown again."""

    def text(self, value: Any) -> str:
        return value_text(redact(value) if isinstance(value, str) else value)


@dataclass(frozen=True)
class Setting(Text):
    """Text of a secret that may be shown: a user, a path, an address. Also FILE '...' and COMMAND '...'."""

    def read(self, written: Any, context: Context) -> Any:
        return self.take(context.private(written), context)


@dataclass(frozen=True)
class SecretText(Kind):
    """A value that is never shown again. Its key alone asks for it at the terminal: that reads as True.

    An error never repeats what was written."""

    takes: str = "getenv('NAME'), FILE '/path', or a string"
    path: bool = False                          # a text without a PEM block is the path of one, and no secret

    def read(self, written: Any, context: Context) -> str | bool:
        if written is True:
            return True
        value = context.private(written)
        text = value.text if isinstance(value, Word) else value
        if not isinstance(text, str) or not text.strip():
            raise Misfit(f"takes {self.takes}", hint="a value that is left out is asked for at a terminal")
        return text if isinstance(text, Secret) or (self.path and "-----BEGIN" not in text) else Secret(text)

    def text(self, value: Any) -> str:
        return value_text(value) if isinstance(value, Lookup) else string_text("***")


@dataclass(frozen=True)
class Regex(Kind):
    """A regular expression, checked before anything happens."""

    takes: str = "a regular expression"

    def take(self, value: Any, context: Context) -> str:
        if not isinstance(value, str) or not value:
            raise self.misfit(value, "write it in quotes")
        try:
            re.compile(value)
        except re.error as error:
            raise Misfit(f"is no regular expression: {error}") from None
        return value


@dataclass(frozen=True)
class Enum(Kind):
    """One of some words. `unbuilt` words are understood and refused by name; `aliases` are other spellings."""

    words: tuple[str, ...] = ()
    unbuilt: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes(self) -> str:  # type: ignore[override]
        return one_of(self.words)

    def take(self, value: Any, context: Context) -> str:
        text = value.text if isinstance(value, Word) else value
        if not isinstance(text, str):
            raise self.misfit(value)
        word = self.aliases.get(text.lower(), text.lower())
        if word in self.unbuilt:
            raise RefusedError(f"{word} is not built yet", hint=f"built: {', '.join(self.words)}")
        if word not in self.words:
            raise self.misfit(value, did_you_mean(word, self.words))
        return word


@dataclass(frozen=True)
class Boolean(Kind):
    takes: str = "TRUE or FALSE"
    words: tuple[str, ...] = ("true", "false")

    def take(self, value: Any, context: Context) -> bool:
        text = value.text if isinstance(value, Word) else value
        known = {"true": True, "on": True, "false": False, "off": False}
        if isinstance(text, str) and text.lower() in known:
            return known[text.lower()]
        if not isinstance(value, bool):
            raise self.misfit(value)
        return value


@dataclass(frozen=True)
class Count(Kind):
    """A whole number of rows, messages, partitions."""

    low: int = 1
    high: int | None = None
    takes: str = "a whole number"

    def take(self, value: Any, context: Context) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            whole = re.fullmatch(r"[\d_]+", value) if isinstance(value, str) else None
            raise self.misfit(value, f"write {value}" if whole else None)
        if self.high is not None and not self.low <= value <= self.high:
            raise Misfit(f"is {self.low} to {self.high}, not {value}")
        if value < self.low:
            raise Misfit(f"is at least {self.low}, not {value}")
        if value >= 2**63:
            raise Misfit(f"is less than 2^63, not {value}")
        return value


@dataclass(frozen=True)
class Duration(Kind):
    """Seconds."""

    low: float = 0.0
    high: float | None = None
    takes: str = "a duration"

    def take(self, value: Any, context: Context) -> float:
        if isinstance(value, timedelta):
            return self._checked(value.total_seconds())
        seconds = duration_s(value.text) if isinstance(value, Typed) and value.kind == "INTERVAL" else None
        if isinstance(value, str):
            seconds = duration_s(value)
        if seconds is None:
            raise self.misfit(value, _duration_hint(value))
        return self._checked(seconds)

    def _checked(self, seconds: float) -> float:
        if seconds < self.low or (self.high is not None and seconds > self.high):
            low = duration_text(self.low)
            limits = f"at least {low}" if self.high is None else f"{low} to {duration_text(self.high)}"
            raise Misfit(f"is {limits}, not {duration_text(seconds)}")
        return seconds

    def text(self, value: Any) -> str:
        return string_text(duration_text(value)) if isinstance(value, int | float) else value_text(value)


def _duration_hint(value: Any) -> str:
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else None
    if number is None and isinstance(value, str) and re.fullmatch(r"\d+", value):
        number = int(value)
    if number is not None:
        return f"write '{number}s'"
    if isinstance(value, Typed) and re.search(r"month|year", value.text, re.IGNORECASE):
        return "months and years have no fixed length: write days"
    return "write '250ms', '60s', '5m', '2h', '7d' or INTERVAL '5 minutes'"


@dataclass(frozen=True)
class Size(Kind):
    """Bytes."""

    low: int = 1
    takes: str = "a size"

    def take(self, value: Any, context: Context) -> int:
        count = size_bytes(value) if isinstance(value, str) else None
        if count is None:
            bare = not isinstance(value, bool) and re.fullmatch(r"\d+", str(value))
            raise self.misfit(value, f"write '{value}B'; MB is 10^6 bytes, MiB is 2^20" if bare else "write '128MB' or '1GiB'")
        if count < self.low:
            raise Misfit(f"is at least {size_text(self.low)}, not {size_text(count)}")
        return count

    def text(self, value: Any) -> str:
        return string_text(size_text(value)) if isinstance(value, int) and not isinstance(value, bool) else value_text(value)


def one_of(words: tuple[str, ...]) -> str:
    """`a`, `a or b`, `a, b or c`."""
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))
