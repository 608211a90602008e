"""One column of values as bytes: Arrow arrays of `binary`, NULL where the value is NULL, made with numpy and without a loop over rows.

Invariant: cell i belongs to row i, also of a sliced array; the bytes behind a NULL are never looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Numbers = npt.NDArray[Any]


def from_list(values: Sequence[bytes | str | None]) -> pa.Array:
    return pa.array(values, type=pa.string() if any(isinstance(v, str) for v in values) else pa.binary()).cast(pa.binary())


def fixed(values: Numbers) -> pa.Array:
    """One cell of equal length for each row of the numbers, which are big-endian and one or two-dimensional."""
    width = values.itemsize * (values.shape[1] if values.ndim == 2 else 1)
    data = pa.py_buffer(np.ascontiguousarray(values))
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(values), [None, data]).cast(pa.binary())


def ragged(values: Numbers, chosen: npt.NDArray[np.bool_]) -> pa.Array:
    """One cell for each row of a two-dimensional array: its chosen items, in order."""
    return sliced(values[chosen], chosen.sum(axis=1) * values.itemsize)


def sliced(data: Numbers, lengths: Numbers) -> pa.Array:
    """The data cut into cells of these lengths in bytes."""
    return pa.BinaryArray.from_buffers(pa.binary(), len(lengths), [None, pa.py_buffer(offsets(lengths)), pa.py_buffer(data)])


def offsets(lengths: Numbers) -> Numbers:
    """Where each of the pieces begins, and where the last one ends."""
    return np.concatenate(([0], np.cumsum(lengths, dtype=np.int64))).astype(np.int32)


def numbers(array: pa.Array, dtype: str | None = None) -> Numbers:
    """The values of an array of integers or floats, 0 for NULL."""
    filled = array.fill_null(0) if array.null_count else array
    values: Numbers = filled.to_numpy(zero_copy_only=False)
    return values if dtype is None else values.astype(dtype)


def blanked(cells: pa.Array, like: pa.Array) -> pa.Array:
    """The cells with NULL wherever `like` has one."""
    return pc.if_else(like.is_valid(), cells, None) if like.null_count else cells


def joined(parts: Sequence[Any]) -> pa.Array:
    """The parts of each row put together; a part that is one value is the same for every row."""
    return pc.binary_join_element_wise(*parts, b"")


def framed(cells: pa.Array) -> list[pa.Array]:
    """Each cell behind its length, a NULL as length -1: the parts of a row."""
    lengths = cell_lengths(cells)
    return [fixed(lengths.astype(">i4")), cells.fill_null(b"") if cells.null_count else cells]


def cell_lengths(cells: pa.Array) -> Numbers:
    """Bytes of each cell, -1 for NULL."""
    found: Numbers = pc.binary_length(cells).fill_null(-1).to_numpy(zero_copy_only=False)
    return found


def content(cells: pa.Array) -> bytes:
    """The bytes of all cells, one after the other."""
    if not len(cells):
        return b""
    _, starts, data = cells.buffers()
    if data is None:
        return b""
    bounds = np.frombuffer(starts, np.int32)[[cells.offset, cells.offset + len(cells)]]
    return bytes(memoryview(data)[bounds[0]:bounds[1]])
