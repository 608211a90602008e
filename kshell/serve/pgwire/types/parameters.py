"""Parameters of Bind as Python values for DuckDB, by the type named in Parse.

Invariant: what a client sends arrives with its type and its whole value, or it is an error that names the type; a parameter of no type
(0, unknown) is text, which DuckDB casts in comparisons."""

from __future__ import annotations

import json
import struct
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from kshell.errors import BadValueError
from kshell.serve.pgwire.types import literals, numeric
from kshell.serve.pgwire.types.binary import EPOCH_DAYS, EPOCH_US
from kshell.serve.pgwire.types.moments import ENDLESS, ENDLESS_DAYS
from kshell.serve.pgwire.types.oids import ARRAYS, SCALARS

_MOST_DIGITS = 38                             # of DuckDB's DECIMAL
_BOUNDS = {"numeric": "a numeric has at most 38 digits here"}
Read = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class _Type:
    """`duckdb` is the type the value gets; of numeric it depends on the value. `text` takes also the zone that a timestamptz without an
    offset is meant in."""

    name: str
    duckdb: str
    text: Callable[[str, str], Any]
    binary: Read
    sample: Any


def parameter(value: bytes | None, format: int, oid: int, zone: str = "UTC") -> Any:
    """The value of one parameter; format 0 is text, 1 binary. Raises BadValueError for bytes that are no value of the type."""
    if value is None:
        return None
    if oid in _ELEMENTS:
        return _array(value, format, _SCALAR[_ELEMENTS[oid]], zone)
    type_ = _SCALAR.get(oid)
    if type_ is None:
        if format and oid:
            raise BadValueError(f"a parameter of the type with OID {oid} cannot be read in binary format", hint="send it as text")
        type_ = _TEXT
    return _typed(_read(value, format, type_, zone), type_)


def sample(oid: int) -> Any:
    """Some value of the type, to find out the types of a result before the parameters are known; None for text and unknown types."""
    if oid in _ELEMENTS:
        type_ = _SCALAR[_ELEMENTS[oid]]
        return _typed([type_.sample], type_, 1)
    found = _SCALAR.get(oid)
    return None if found is None or found is _TEXT else _typed(found.sample, found)


def _typed(value: Any, type_: _Type, depth: int = 0) -> Any:
    """The value, or the list of values of this depth, with its type."""
    if type_ is _TEXT and not depth:
        return value
    name = _numeric_type(list(_leaves(value))) if type_.name == "numeric" else type_.duckdb
    return duckdb.Value(value, duckdb.sqltype(name + "[]" * depth))


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    elif value is not None:
        yield value


def _read(value: bytes, format: int, type_: _Type, zone: str) -> Any:
    try:
        found = type_.binary(value) if format else type_.text(value.decode(), zone)
        return found if found == found else "nan"          # DuckDB takes a NaN of Python for NULL where a type is given
    except (ValueError, struct.error, ArithmeticError, RecursionError) as error:
        shown = "" if format else f": {value.decode(errors='replace')[:100]!r}"
        raise BadValueError(f"invalid input for a parameter of type {type_.name}{shown}", hint=_BOUNDS.get(type_.name)) from error


# ---- arrays --------------------------------------------------------------------------------------------------------

def _array(value: bytes, format: int, type_: _Type, zone: str) -> Any:
    def item(text: str) -> Any:
        return _read(text.encode(), 0, type_, zone)
    try:
        items, depth = _binary_array(value, type_) if format else literals.array(value.decode(), item)
        return _typed(items, type_, max(depth, 1))
    except (ValueError, struct.error) as error:
        raise BadValueError(f"invalid input for a parameter of type {type_.name}[]") from error


def _binary_array(value: bytes, type_: _Type) -> tuple[list[Any], int]:
    depth, _, _ = struct.unpack_from(">iii", value)
    if not 0 <= depth <= 6:
        raise ValueError(depth)
    sizes = [struct.unpack_from(">i", value, 12 + 8 * n)[0] for n in range(depth)]
    items, at = [], 12 + 8 * depth
    while at < len(value):
        length, at = struct.unpack_from(">i", value, at)[0], at + 4
        if length > len(value) - at:
            raise ValueError(length)
        items.append(None if length < 0 else _read(value[at:at + length], 1, type_, "UTC"))
        at += max(length, 0)
    return literals.shaped(items, sizes), depth


# ---- scalars in binary format --------------------------------------------------------------------------------------

def _unpack(layout: str) -> Read:
    whole = struct.Struct(layout)

    def read(value: bytes) -> Any:
        return whole.unpack(value)[0]
    return read


def _utf8(value: bytes) -> str:
    return value.decode()


def _bytes_to_uuid(value: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=value)


def _date(value: bytes) -> str:
    days: int = struct.unpack(">i", value)[0]
    if days in (ENDLESS_DAYS, -ENDLESS_DAYS - 1):
        return "infinity" if days > 0 else "-infinity"
    return literals.date_of(days + EPOCH_DAYS)


def _moment(value: bytes) -> str:
    micros: int = struct.unpack(">q", value)[0]
    if micros in (ENDLESS, -ENDLESS - 1):
        return "infinity" if micros > 0 else "-infinity"
    return literals.moment_of(micros + EPOCH_US)


def _instant(value: bytes) -> str:
    text = _moment(value)
    return text if text.endswith("infinity") else text + "+00"


def _time(value: bytes) -> str:
    return literals.clock_of(struct.unpack(">q", value)[0])


def _timetz(value: bytes) -> str:
    micros, west = struct.unpack(">qi", value)
    return literals.clock_of(micros) + literals.offset_of(-west)


def _interval(value: bytes) -> str:
    micros, days, months = struct.unpack(">qii", value)
    return literals.interval_of(months, days, micros)


def _numeric(value: bytes) -> str:
    return _exact(numeric.unpacked(value))


def _jsonb(value: bytes) -> str:
    if value[:1] != b"\x01":
        raise ValueError("version")
    return _json(value[1:].decode())


def _binary_boolean(value: bytes) -> bool:
    if len(value) != 1:
        raise ValueError(len(value))
    return value != b"\0"


# ---- scalars in text format ----------------------------------------------------------------------------------------

def _integer(bits: int) -> Callable[[str, str], int]:
    def read(text: str, _: str) -> int:
        number = int(text)
        if "_" in text or not -(1 << bits - 1) <= number < 1 << bits - 1:
            raise ValueError(text)
        return number
    return read


def _unsigned(text: str, _: str) -> int:
    number = int(text)
    if "_" in text or not 0 <= number < 1 << 32:
        raise ValueError(text)
    return number


def _float(text: str, _: str) -> float:
    if "_" in text:
        raise ValueError(text)
    return float(text)


def _exact(text: str) -> str:
    """Digits without an exponent, which DuckDB would misread; what is not finite as a word."""
    word = text.strip().lower().lstrip("+")
    if word.lstrip("-") in ("nan", "inf", "infinity"):
        return word
    number = Decimal(text)
    if "_" in text or not number.is_finite() or not -2 * _MOST_DIGITS <= number.adjusted() <= 2 * _MOST_DIGITS:
        raise ValueError(text)
    return _numeric_type([written := format(number, "f")]) and written


def _numeric_type(values: Sequence[str]) -> str:
    """The type that holds all of them: DECIMAL, for whole numbers with more digits HUGEINT or UHUGEINT, for words DOUBLE."""
    if any(value.lstrip("-").isalpha() for value in values):
        return "DOUBLE"
    parts = [value.lstrip("-").partition(".") for value in values]
    scale = max((len(fraction) for _, _, fraction in parts), default=0)
    digits = max((len(whole.lstrip("0")) for whole, _, _ in parts), default=0) + scale
    if digits <= _MOST_DIGITS:
        return f"DECIMAL({max(digits, 1)},{scale})"
    if scale or not all(-(1 << 127) < int(value) < 1 << 128 for value in values):
        raise ValueError("more digits than a number has")
    return "HUGEINT" if all(int(value) < 1 << 127 for value in values) else "UHUGEINT"


def _json(text: str) -> str:
    json.loads(text)
    return text


_WORDS = {**dict.fromkeys(("t", "tr", "tru", "true", "y", "ye", "yes", "on", "1"), True),
          **dict.fromkeys(("f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0"), False)}


def _boolean(text: str, _: str) -> bool:
    try:
        return _WORDS[text.strip().lower()]
    except KeyError:
        raise ValueError(text) from None


def _same(text: str, _: str) -> str:
    return text


def _zoneless(read: Callable[[str], Any]) -> Callable[[str, str], Any]:
    return lambda text, _: read(text)


_TEXT = _Type("text", "VARCHAR", _same, _utf8, "")
_BIGINT = _Type("int8", "BIGINT", _integer(64), _unpack(">q"), 0)
_READ = {
    "oid": _Type("oid", "UINTEGER", _unsigned, _unpack(">I"), 0),
    "bool": _Type("bool", "BOOLEAN", _boolean, _binary_boolean, False),
    "int2": _Type("int2", "SMALLINT", _integer(16), _unpack(">h"), 0),
    "int4": _Type("int4", "INTEGER", _integer(32), _unpack(">i"), 0),
    "int8": _BIGINT,
    "float4": _Type("float4", "FLOAT", _float, _unpack(">f"), 0.0),
    "float8": _Type("float8", "DOUBLE", _float, _unpack(">d"), 0.0),
    "numeric": _Type("numeric", "DECIMAL", _zoneless(_exact), _numeric, "0.000000000"),
    "text": _TEXT,
    "bytea": _Type("bytea", "BLOB", _zoneless(literals.bytea), bytes, b""),
    "date": _Type("date", "DATE", _zoneless(literals.date), _date, "2000-01-01"),
    "time": _Type("time", "TIME", _zoneless(literals.time), _time, "00:00:00"),
    "timetz": _Type("timetz", "TIME WITH TIME ZONE", _zoneless(literals.timetz), _timetz, "00:00:00+00"),
    "timestamp": _Type("timestamp", "TIMESTAMP", _zoneless(literals.timestamp), _moment, "2000-01-01 00:00:00"),
    "timestamptz": _Type("timestamptz", "TIMESTAMP WITH TIME ZONE", literals.instant, _instant, "2000-01-01 00:00:00+00"),
    "interval": _Type("interval", "INTERVAL", _zoneless(literals.interval), _interval, "1 day"),
    "uuid": _Type("uuid", "UUID", _zoneless(uuid.UUID), _bytes_to_uuid, uuid.UUID(int=0)),
    "json": _Type("json", "JSON", _zoneless(_json), lambda value: _json(value.decode()), "null"),
}
_JSONB = _Type("jsonb", "JSON", _zoneless(_json), _jsonb, "null")
_SCALAR: dict[int, _Type] = {SCALARS[name].oid: read for name, read in _READ.items()} | {
    **dict.fromkeys((18, 19, 705, 1042, 1043), _TEXT),            # char, name, unknown, bpchar, varchar
    28: _READ["oid"], 3802: _JSONB}
_ELEMENTS: dict[int, int] = {oid: SCALARS[name].oid for name, oid in ARRAYS.items()} | {
    1002: 18, 1003: 19, 1014: 1042, 1015: 1043, 3807: 3802}      # OID of an array -> OID of its elements
