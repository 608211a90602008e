"""Values of Arrow arrays as text and as JSON, one column at a time.

Numbers keep all their digits; NaN and infinities are words; BLOB is base64; TIMESTAMPTZ is UTC with `Z` and as many digits as
needed; INTERVAL is ISO 8601; nested values are JSON: STRUCT object, LIST array, MAP object when its keys are text, else an
array of {key, value}.

Invariant: every type of a shape has a text, including infinite dates, years beyond 9999 and before 1; JSON text is valid JSON."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pyarrow as pa

from kshell.output._moments import days, intervals, moments, times
from kshell.output._nested import Encoder
from kshell.output._shape import Shape

_dump = json.JSONEncoder(ensure_ascii=False).encode
Texts = list[str | None]


def texts(array: pa.Array, shape: Shape) -> Texts:
    """The values as text, None for NULL. Nested values as JSON."""
    if shape.nested:
        return [None if text == "null" else text for text in jsons(array, shape)]
    plain = _storage(array)
    if pa.types.is_null(plain.type):
        return [None] * len(plain)
    return _SCALARS.get(shape.id, _as_str)(plain)


def jsons(array: pa.Array, shape: Shape, *, wide_as_text: bool = False) -> list[str]:
    """The values as JSON text, `null` for NULL. `wide_as_text`: numbers that a double does not hold become strings."""
    return (_WIDE_AS_TEXT if wide_as_text else _JSON).encode(array, shape)


class _Json(Encoder):
    def leaf(self, array: pa.Array, shape: Shape) -> list[str]:
        written = texts(array, shape)
        if shape.numeric:
            return ["null" if t is None else t if t not in _NOT_NUMBERS else f'"{t}"' for t in written]
        if shape.id == "boolean":
            return ["null" if t is None else t for t in written]
        if shape.id == "json":
            return ["null" if t is None else embedded(t) for t in written]
        return ["null" if t is None else _dump(t) for t in written]

    def struct(self, names: Sequence[str], values: Sequence[str]) -> str:
        return "{" + ",".join([f"{_name(name)}:{value}" for name, value in zip(names, values, strict=True)]) + "}"

    def map(self, pairs: Sequence[tuple[str, str]], key: Shape) -> str:
        if key.id in ("varchar", "enum"):
            return "{" + ",".join([f"{k}:{v}" for k, v in pairs]) + "}"
        return "[" + ",".join([f'{{"key":{k},"value":{v}}}' for k, v in pairs]) + "]"


class _WideAsText(_Json):
    def leaf(self, array: pa.Array, shape: Shape) -> list[str]:
        written = super().leaf(array, shape)
        if shape.id not in _WIDE:
            return written
        return [f'"{t}"' if t[0] in "-0123456789" and _is_wide(t) else t for t in written]


def _is_wide(number: str) -> bool:
    if "." not in number:
        return abs(int(number)) > _MOST_WHOLE
    return len(number.lstrip("-0.").replace(".", "").rstrip("0")) > _SAFE_DIGITS


_JSON = _Json()
_WIDE_AS_TEXT = _WideAsText()
_WIDE = frozenset({"bigint", "ubigint", "hugeint", "uhugeint", "bignum", "decimal"})
_MOST_WHOLE, _SAFE_DIGITS = 2 ** 53, 15       # of a double: whole numbers up to the one, decimal fractions with so many digits
_name = lru_cache(maxsize=1024)(_dump)
_BYTES = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f]")
_NOT_NUMBERS = frozenset({"NaN", "Infinity", "-Infinity"})


def embedded(text: str) -> str:
    """A value of type JSON as JSON on one line; DuckDB also takes NaN, trailing commas and the like, which become a string."""
    try:
        json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return _dump(text)
    return text.replace("\n", " ").replace("\r", " ")     # outside strings only: a raw line break inside one is no JSON


def _refuse(constant: str) -> None:
    raise ValueError(constant)


# ---- scalars -------------------------------------------------------------------------------------------------------

def _storage(array: pa.Array) -> pa.Array:
    if isinstance(array.type, pa.DictionaryType):
        return array.dictionary_decode()
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _as_str(array: pa.Array) -> Texts:
    return [v if v is None or isinstance(v, str) else str(v) for v in array.to_pylist()]


def _integers(array: pa.Array) -> Texts:
    values: Texts = array.cast(pa.string()).to_pylist()
    return values


def _booleans(array: pa.Array) -> Texts:
    return [None if v is None else "true" if v else "false" for v in array.to_pylist()]


def _doubles(array: pa.Array) -> Texts:
    return [None if v is None else double(v) for v in array.to_pylist()]


def double(value: float) -> str:
    """The shortest text that reads back as the same number."""
    if math.isfinite(value):
        return repr(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _floats(array: pa.Array) -> Texts:
    """Arrow knows the shortest text of a 32-bit number; Python only that of a 64-bit one."""
    short = array.cast(pa.string()).to_pylist()
    return [None if v is None else s if math.isfinite(v) else double(v) for v, s in zip(array.to_pylist(), short, strict=True)]


def _decimals(array: pa.Array) -> Texts:
    return [None if v is None else format(v, "f") for v in array.to_pylist()]


def _unsigned(array: pa.Array) -> Texts:
    """Arrow carries the 128 bits of a UHUGEINT as a signed decimal."""
    return [None if v is None else str(int(v) % (1 << 128)) for v in array.to_pylist()]


def _blobs(array: pa.Array) -> Texts:
    return [None if v is None else base64.b64encode(v).decode() for v in array.to_pylist()]


def escaped(value: bytes) -> str:
    """A BLOB as DuckDB prints it: printable ASCII but quotes and backslash as it is, every other byte as \\xNN."""
    return "".join(chr(b) if 32 <= b < 127 and b not in (34, 39, 92) else f"\\x{b:02X}" for b in value)


def readable(value: bytes) -> str:
    """A BLOB for people: text where it is UTF-8 without control characters but blanks and ESC, else as DuckDB prints it. PRINT has the same
    rule in SQL."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return escaped(value)
    return escaped(value) if _BYTES.search(text) else text


def bits(value: bytes) -> str:
    """DuckDB's BIT: the first byte counts the padding bits at the front of the others."""
    return "".join(f"{b:08b}" for b in value[1:])[value[0]:]


def bignum(value: bytes) -> int:
    """DuckDB's BIGNUM: three bytes of sign and length, then the digits; all inverted when negative."""
    negative = not value[0] & 0x80
    digits = bytes(b ^ 0xFF for b in value[3:]) if negative else value[3:]
    number = int.from_bytes(digits, "big")
    return -number if negative else number


def _each(convert: Callable[[Any], str]) -> Callable[[pa.Array], Texts]:
    return lambda array: [None if v is None else convert(v) for v in array.to_pylist()]


_SCALARS: dict[str, Callable[[pa.Array], Texts]] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint"), _integers),
    "boolean": _booleans, "double": _doubles, "float": _floats, "decimal": _decimals, "hugeint": _decimals, "uhugeint": _unsigned,
    "blob": _blobs, "bit": _each(bits), "bignum": _each(lambda v: str(bignum(v))),
    "date": days, "time": times, "interval": intervals,
    "timestamp": moments, "timestamp_s": moments, "timestamp_ms": moments, "timestamp_ns": moments,
    "timestamp with time zone": moments,
}
