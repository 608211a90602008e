"""Values in PostgreSQL's text format, one column at a time.

Invariant: what a client reads back is the value: shortest floats, all digits of a numeric, bytea as hex, nested values as JSON. Text with a
NUL character, which PostgreSQL cannot hold, has U+FFFD in its place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.output._shape import Shape
from kshell.output._values import texts as plain_texts
from kshell.serve.pgwire.types import moments, numeric
from kshell.serve.pgwire.types.cells import blanked, cell_lengths, content, from_list, joined, offsets, sliced
from kshell.serve.pgwire.types.oids import PgType

_NUL, _NUL_SHOWN = "\0", "\ufffd"
_SPECIAL = r'["{},\\\x09-\x0d ]|^$|^(?i:null)$'           # what array_out puts into quotes
_NEVER_QUOTED = frozenset({"boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "hugeint",
                           "uhugeint", "decimal", "float", "double", "uuid", "date", "time", "time_ns", "bignum"})


def cells(array: pa.Array, shape: Shape, type_: PgType, zone: str) -> pa.Array:
    """The text of each value as bytes."""
    if pa.types.is_null(array.type):
        return pa.nulls(len(array), pa.binary())
    if type_.element:
        return _lists(array, shape.fields[0][1], type_, zone)
    if shape.nested:
        return _words(pa.array(plain_texts(array, shape), pa.string()))
    if shape.id == "timestamp with time zone":
        return moments.moments(array, zone)
    return _SCALARS.get(shape.id, _others)(array)


def _lists(array: pa.Array, shape: Shape, type_: PgType, zone: str) -> pa.Array:
    """{1,NULL,"a b"}"""
    items, bounds = flat(array)
    written = cells(items, shape, PgType(type_.element, -1, ""), zone)
    if shape.id not in _NEVER_QUOTED:
        written = _quoted(written)
    lists = pa.ListArray.from_arrays(pa.array(bounds), written.fill_null(b"NULL"))
    return blanked(joined([b"{", pc.binary_join(lists, b","), b"}"]), array)


def flat(array: pa.Array) -> tuple[pa.Array, np.ndarray[tuple[int], np.dtype[np.int32]]]:
    """The items of lists or fixed arrays, and where each list begins and ends; a NULL has none."""
    lengths = pc.list_value_length(array).fill_null(0).to_numpy(zero_copy_only=False)
    return array.flatten(), offsets(lengths)


def _quoted(written: pa.Array) -> pa.Array:
    text = written.cast(pa.string())
    special = pc.match_substring_regex(text, _SPECIAL)
    if not pc.any(special).as_py():
        return written
    escaped = pc.replace_substring_regex(text, r'(["\\])', r"\\\1")
    return pc.if_else(special, pc.binary_join_element_wise('"', escaped, '"', ""), text).cast(pa.binary())


def _booleans(array: pa.Array) -> pa.Array:
    return pc.if_else(array, pa.scalar(b"t"), pa.scalar(b"f"))


def _castable(array: pa.Array) -> pa.Array:
    return array.cast(pa.string()).cast(pa.binary())


def _floats(array: pa.Array) -> pa.Array:
    text = _castable(array)
    if pc.all(pc.is_finite(array)).as_py() in (True, None):
        return text
    words = pc.if_else(pc.is_nan(array), b"NaN", pc.if_else(pc.greater(array, 0), b"Infinity", b"-Infinity"))
    return pc.if_else(pc.is_finite(array), text, words)


def _words(array: pa.Array) -> pa.Array:
    """VARCHAR, JSON, ENUM, and UUID, which arrives as text."""
    if isinstance(array.type, pa.DictionaryType):
        array = array.dictionary_decode()
    found = array.cast(pa.binary())
    if _NUL.encode() in content(found):
        found = pc.replace_substring(array.cast(pa.string()), _NUL, _NUL_SHOWN).cast(pa.binary())
    return found


def _uhugeints(array: pa.Array) -> pa.Array:
    """Arrow carries the 128 bits as a signed decimal."""
    if pc.any(pc.less(array, pa.scalar(0, pa.decimal128(38, 0)))).as_py():
        return from_list(plain_texts(array, Shape("uhugeint")))
    return numeric.texts(array)


_HEX = np.frombuffer(b"".join(b"%02x" % byte for byte in range(256)), np.uint16)


def _blobs(array: pa.Array) -> pa.Array:
    r"""\x and two hex digits for each byte."""
    digits = _HEX[np.frombuffer(content(array.fill_null(b"")), np.uint8)]
    lengths = np.maximum(cell_lengths(array), 0)
    return blanked(joined([rb"\x", sliced(digits, lengths * 2)]), array)


def _others(array: pa.Array) -> pa.Array:
    return _words(array) if pa.types.is_string(array.type) or isinstance(array.type, pa.DictionaryType) else _castable(array)


def _shaped(id_: str) -> Callable[[pa.Array], pa.Array]:
    return lambda array: from_list(plain_texts(array, Shape(id_)))


_SCALARS: dict[str, Callable[[pa.Array], pa.Array]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"), _castable),
    "boolean": _booleans, "float": _floats, "double": _floats, "decimal": numeric.texts, "hugeint": numeric.texts, "uhugeint": _uhugeints,
    "bignum": _shaped("bignum"), "bit": _shaped("bit"), "blob": _blobs, "varchar": _words, "json": _words, "enum": _words, "uuid": _words,
    "date": moments.dates, "time": moments.times, "time_ns": moments.times, "interval": moments.intervals,
    **dict.fromkeys(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"), moments.moments),
}
