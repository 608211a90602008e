"""Kinds made of other kinds or of parts: a kind or NULL, lists, maps of texts, names of tables.

Invariant: an error says what the whole takes and which item is wrong, and never repeats a value of a map, which may be a password."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from kshell.options.kinds import Context, Kind, Misfit, shown
from kshell.options.written import Word, value_text


@dataclass(frozen=True)
class OrNull(Kind):
    """Another kind, or NULL for none."""

    kind: Kind

    @property
    def takes(self) -> str:  # type: ignore[override]
        return f"{self.kind.takes} or NULL"

    @property
    def words(self) -> tuple[str, ...]:  # type: ignore[override]
        return (*self.kind.words, "NULL")

    def read(self, written: Any, context: Context) -> Any:
        return None if written is None else self.kind.read(written, context)

    def text(self, value: Any) -> str:
        return "NULL" if value is None else self.kind.text(value)


@dataclass(frozen=True)
class ListOf(Kind):
    """`[a, b]`. With `single` one bare value stands for a list of it."""

    kind: Kind
    takes: str = "a list"
    single: bool = False
    filled: bool = False                        # an empty list is refused

    @property
    def words(self) -> tuple[str, ...]:  # type: ignore[override]
        return self.kind.words

    def take(self, value: Any, context: Context) -> list[Any]:
        if not isinstance(value, list | tuple):
            if self.single:
                return [self.kind.read(value, context)]
            raise self.misfit(value, None if value is None else f"write [{shown(value)}]")
        if self.filled and not value:
            raise Misfit("takes a list that is not empty")
        items = [self._item(item, context) for item in value]
        if len({str(i) for i in items}) < len(items):
            raise Misfit(f"names an item twice: {shown(list(value))}")
        return items

    def _item(self, item: Any, context: Context) -> Any:
        try:
            return self.kind.read(item, context)
        except Misfit as misfit:
            raise Misfit(f"takes {self.takes}; an item {misfit.message}", hint=misfit.hint) from None

    def text(self, value: Any) -> str:
        return "[" + ", ".join(self.kind.text(v) for v in value) + "]" if isinstance(value, list | tuple) else self.kind.text(value)


@dataclass(frozen=True)
class MapOf(Kind):
    """`MAP {'key': 'value'}` of texts. Numbers and truth values are taken as their text.

    A value is never repeated in an error: it may be a password."""

    takes: str = "a map such as MAP {'key': 'value'}"

    def take(self, value: Any, context: Context) -> dict[str, str]:
        if not isinstance(value, dict):
            raise Misfit(f"takes {self.takes}")
        return {self._key(k): self._item(k, context.value(v)) for k, v in value.items()}

    def _key(self, key: Any) -> str:
        if not isinstance(key, str) or not key:
            raise Misfit(f"takes {self.takes}; {value_text(key)} is no key")
        return key

    def _item(self, key: Any, value: Any) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, Word):
            return value.text
        if not isinstance(value, str | int | float):
            raise Misfit(f"takes {self.takes}; the value of {value_text(key)} is neither text nor a number")
        return str(value)


@dataclass(frozen=True)
class TableName(Kind):
    """catalog.namespace.table as its parts."""

    takes: str = "a table such as catalog.namespace.name"

    def take(self, value: Any, context: Context) -> tuple[str, ...]:
        if isinstance(value, tuple):
            return value
        text = value.text if isinstance(value, Word) else value
        parts = _name_parts(text) if isinstance(text, str) else ()
        if len(parts) < 3:
            raise self.misfit(value)
        return parts

    def text(self, value: Any) -> str:
        if not isinstance(value, tuple | list):
            return value_text(value)
        return ".".join('"' + part.replace('"', '""') + '"' for part in value)


_NAME_PART = re.compile(r'\s*("(?:[^"]|"")+"|[^\s".]+)\s*(\.|$)')


def _name_parts(text: str) -> tuple[str, ...]:
    parts, end = [], 0
    while True:
        part = _NAME_PART.match(text, end)
        if part is None:
            return ()
        word = part.group(1)
        parts.append(word[1:-1].replace('""', '"') if word.startswith('"') else word)
        end = part.end()
        if not part.group(2):
            return tuple(parts)
