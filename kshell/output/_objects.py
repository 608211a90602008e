"""Rows as JSON objects, for json and ndjson: one encoding, two frames."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa

from kshell.output._base import unique
from kshell.output._shape import OutColumn
from kshell.output._values import jsons


def names(columns: Sequence[OutColumn]) -> list[str]:
    """The members of an object, encoded; a name that stands twice gets a suffix, since readers keep one of two equal members."""
    return [json.dumps(name, ensure_ascii=False) + ":" for name in unique([c.name for c in columns])]


def objects(batch: pa.RecordBatch, columns: Sequence[OutColumn], members: Sequence[str], *, wide_as_text: bool = False) -> list[str]:
    values = [jsons(array, column.shape, wide_as_text=wide_as_text) for array, column in zip(batch.columns, columns, strict=True)]
    return ["{" + ",".join(map(str.__add__, members, row)) + "}" for row in zip(*values, strict=True)]
