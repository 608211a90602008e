"""The record value as text, in one column named `value`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kshell.columns import Column
from kshell.decode.single import SingleColumn
from kshell.decode.verdict import text_of

COLUMNS = (Column("value", "VARCHAR"),)


def decoder(key_format: str, columns: Sequence[Column], include: Iterable[str]) -> SingleColumn:
    return SingleColumn(COLUMNS, key_format, columns, include, sql="decode(value)", exact=lambda data: text_of(data, "value"))
