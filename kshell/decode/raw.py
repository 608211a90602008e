"""The record value as its bytes, in one column named `value`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kshell.columns import Column
from kshell.decode.single import SingleColumn
from kshell.decode.values import Schemas

COLUMNS = (Column("value", "BLOB"),)


def decoder(key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> SingleColumn:
    return SingleColumn(COLUMNS, key_format, columns, include, schemas, sql="value", exact=bytes)
