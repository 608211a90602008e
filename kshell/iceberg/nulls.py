"""NULL lists and maps of structs, which PyIceberg 0.12 makes empty while it fits rows to a table's schema, and fields within lists of lists
or maps of lists, which it makes NULL where a file spells their names otherwise (`a b` is `a_x20b` in Parquet).
To import this module is to have PyIceberg project with it, for reading and writing.

Invariant: what comes out of the projection is NULL exactly where what went in was, at every level."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyiceberg.io.pyarrow
from pyiceberg.io.pyarrow import ArrowProjectionVisitor
from pyiceberg.types import ListType, MapType


class _KeepsNulls(ArrowProjectionVisitor):
    def list(self, list_type: ListType, list_array: Any, value_array: Any) -> Any:
        return _null_as(super().list(list_type, _holding(list_array, value_array), value_array), list_array)

    def map(self, map_type: MapType, map_array: Any, key_result: Any, value_result: Any) -> Any:
        return _null_as(super().map(map_type, _holding(map_array, value_result), key_result, value_result), map_array)


def _holding(given: Any, values: Any) -> Any:
    """The list or map with values that have the wanted names already. PyIceberg casts lists of lists and maps of lists as a whole, and
    Arrow's cast looks for the fields of a struct by name: a field whose name the file spells otherwise would become NULL."""
    if not isinstance(values, pa.ListArray | pa.LargeListArray | pa.MapArray):
        return given
    if isinstance(given, pa.MapArray):
        return pa.MapArray.from_arrays(given.offsets, given.keys, values)
    return type(given).from_arrays(given.offsets, values) if isinstance(given, pa.ListArray | pa.LargeListArray) else given


def _null_as(made: Any, given: Any) -> Any:
    if made is None or given is None or made.null_count == given.null_count:
        return made
    offsets = pc.add(made.offsets, pa.scalar(0, made.offsets.type))          # Arrow takes no mask beside a slice
    if isinstance(made, pa.MapArray):
        return pa.MapArray.from_arrays(offsets, made.keys, made.items, type=made.type, mask=given.is_null())
    return type(made).from_arrays(offsets, made.values, type=made.type, mask=given.is_null())


pyiceberg.io.pyarrow.ArrowProjectionVisitor = _KeepsNulls        # type: ignore[misc]
