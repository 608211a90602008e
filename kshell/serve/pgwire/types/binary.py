"""Values in PostgreSQL's binary format, one column at a time; types that have none of their own are their text.

Invariant: a value outside what PostgreSQL's eight or four bytes hold is an error, never another value."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.errors import RefusedError
from kshell.output._shape import Shape
from kshell.output._values import texts as plain_texts
from kshell.serve.pgwire.types import numeric, text
from kshell.serve.pgwire.types.cells import Numbers, blanked, content, fixed, framed, joined, numbers, ragged
from kshell.serve.pgwire.types.moments import DIGITS, ENDLESS, ENDLESS_DAYS, interval_parts, micros_of_day, ticks_of
from kshell.serve.pgwire.types.oids import PgType

OID = 26
EPOCH_DAYS = 10957                            # 2000-01-01, where PostgreSQL counts from
EPOCH_US = EPOCH_DAYS * 86400_000_000


def cells(array: pa.Array, shape: Shape, type_: PgType, zone: str) -> pa.Array:
    """The bytes of each value."""
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.binary())
    if type_.element:
        return _lists(array, shape.fields[0][1], type_, zone)
    encode = _oids if type_.oid == OID else _SCALARS.get(shape.id)
    return text.cells(array, shape, type_, zone) if encode is None else encode(array)


def _lists(array: pa.Array, shape: Shape, type_: PgType, zone: str) -> pa.Array:
    """Dimensions, whether it has NULL, element type; of one that is not empty its length, the first index 1 and the items."""
    items, bounds = text.flat(array)
    written = cells(items, shape, PgType(type_.element, -1, ""), zone)
    length = np.diff(bounds)
    head = np.stack((length > 0, _with_null(items, bounds), np.full(len(length), type_.element), length, np.ones(len(length))), axis=1)
    chosen = np.ones(head.shape, np.bool_)
    chosen[length == 0, 3:] = False
    bodies = pc.binary_join(pa.ListArray.from_arrays(pa.array(bounds), joined(framed(written))), b"")
    return blanked(joined([ragged(head.astype(">i4"), chosen), bodies]), array)


def _with_null(items: pa.Array, bounds: Numbers) -> Numbers:
    """Whether each list holds a NULL."""
    nulls = np.concatenate(([0], np.cumsum(items.is_null().to_numpy(zero_copy_only=False))))
    return nulls[bounds[1:]] > nulls[bounds[:-1]]


def _integers(dtype: str) -> Callable[[pa.Array], pa.Array]:
    return lambda array: blanked(fixed(numbers(array, dtype)), array)


_oids = _integers(">u4")


def _booleans(array: pa.Array) -> pa.Array:
    return blanked(fixed(numbers(array.cast(pa.uint8()), "u1")), array)


def _uhugeints(array: pa.Array) -> pa.Array:
    return numeric.binary_of_texts(plain_texts(array, Shape("uhugeint")))


def _bignums(array: pa.Array) -> pa.Array:
    return numeric.binary_of_texts(plain_texts(array, Shape("bignum")))


def _dates(array: pa.Array) -> pa.Array:
    days = numbers(array.cast(pa.int32()), "i8")
    counted = days - EPOCH_DAYS
    if counted.size and (counted[days != -ENDLESS_DAYS] < -(1 << 31)).any():
        raise RefusedError("a date is before the first one of PostgreSQL's binary format",
                           hint="read the result in text format, or cast the column to VARCHAR")
    counted[days == ENDLESS_DAYS] = ENDLESS_DAYS
    counted[days == -ENDLESS_DAYS] = -ENDLESS_DAYS - 1
    return blanked(fixed(counted.astype(">i4")), array)


def _times(array: pa.Array) -> pa.Array:
    return blanked(fixed(micros_of_day(array).astype(">i8")), array)


def _moments(array: pa.Array) -> pa.Array:
    unit, ticks = ticks_of(array)
    endless = np.abs(ticks) == ENDLESS
    factor = 10 ** (6 - DIGITS[unit])
    least, most = -(-(-ENDLESS + EPOCH_US) // factor), (ENDLESS - 1) // factor
    if ((ticks < least) | (ticks > most))[~endless].any():
        raise RefusedError("a timestamp is outside what PostgreSQL's binary format holds",
                           hint="read the result in text format, or cast the column to VARCHAR")
    counted = np.where(endless, 0, ticks) * factor - EPOCH_US
    counted[endless] = np.where(ticks[endless] > 0, ENDLESS, -ENDLESS - 1)
    return blanked(fixed(counted.astype(">i8")), array)


def _intervals(array: pa.Array) -> pa.Array:
    months, days, micros = interval_parts(array)
    packed = np.empty(len(array), np.dtype([("micros", ">i8"), ("days", ">i4"), ("months", ">i4")]))
    packed["micros"], packed["days"], packed["months"] = micros, days, months
    return blanked(fixed(packed), array)


_NIBBLES = np.zeros(256, np.uint8)
_NIBBLES[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_HEX_PLACES = [place for place in range(36) if place not in (8, 13, 18, 23)]


def _uuids(array: pa.Array) -> pa.Array:
    """They arrive as text of 36 characters."""
    written = array.fill_null("0" * 36) if array.null_count else array
    digits = _NIBBLES[np.frombuffer(content(written.cast(pa.binary())), np.uint8).reshape(-1, 36)[:, _HEX_PLACES]]
    return blanked(fixed(digits[:, ::2] << 4 | digits[:, 1::2]), array)


_SCALARS: dict[str, Callable[[pa.Array], pa.Array]] = {
    "boolean": _booleans, **dict.fromkeys(("tinyint", "smallint", "utinyint"), _integers(">i2")),
    **dict.fromkeys(("integer", "usmallint"), _integers(">i4")), **dict.fromkeys(("bigint", "uinteger"), _integers(">i8")),
    "float": _integers(">f4"), "double": _integers(">f8"),
    **dict.fromkeys(("decimal", "hugeint", "ubigint"), numeric.binary), "uhugeint": _uhugeints, "bignum": _bignums,
    "blob": lambda array: array.cast(pa.binary()), "uuid": _uuids,
    "date": _dates, "time": _times, "time_ns": _times, "interval": _intervals,
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"), _moments),
}
