"""The exact form of JSON: a parsed value into the value of a column's type, or a verdict.

Invariant: the value depends on the text of the record alone. The rules beyond the table in the documentation, which keep the SQL form
cheap and are the same in both: a real number for an integer column is taken as a double (and exactly from 2^53 on); true and false are
1 and 0 in a number column; a text is a number if it is one in whole, with spaces around it and `_` between digits allowed; a number or
boolean in a VARCHAR column is its text as DuckDB prints it; `{}` and `[]` are NULL in a column of another kind."""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from kshell.decode import iso
from kshell.decode.json_text import Members, Number, Value, scalar_number_text, write
from kshell.decode.types import Type
from kshell.decode.verdict import Verdict

Convert = Callable[[Value], Any]
_EXACT = 2**53                                # integers below it are exact as doubles
_DIGITS = "[0-9]+(?:_[0-9]+)*"
_NUMERIC = re.compile(rf"[ \t\n\v\f\r]*(\+?-?)({_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})([eE][+-]?[0-9]+)?[ \t\n\v\f\r]*")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def converter(type_: Type, path: str) -> Convert:
    """A function from a parsed value to the Python value of the Arrow type. `path` is for messages."""
    if type_.fields:
        return _nested(type_, path)
    if type_.json:
        return _json_text(path)
    if type_.kind == "VARCHAR":
        return _text
    inner = _scalar(type_, path)
    kinds = type_.sql()

    def convert(value: Value) -> Any:
        if value is None or _empty(value):
            return None
        if isinstance(value, Members | list):
            raise _misfit(path, value, kinds)
        return inner(value)
    return convert


def _empty(value: Value) -> bool:
    return (isinstance(value, Members) and not value.pairs) or (isinstance(value, list) and not value)


def _misfit(path: str, value: Value, kinds: str) -> Verdict:
    return Verdict("TYPE_MISFIT", f"{path}: {_kind(value)} does not fit {kinds}")


def _kind(value: Value) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, Number):
        return "a number"
    if isinstance(value, str):
        return "a text"
    return "an object" if isinstance(value, Members) else "an array"


# ---- nested ----------------------------------------------------------------------------------------------------

def _nested(type_: Type, path: str) -> Convert:
    kinds = {"STRUCT": "STRUCT", "MAP": type_.sql(), "LIST": type_.sql()}[type_.kind]
    form = list if type_.kind == "LIST" else Members
    inner = {"STRUCT": _struct, "MAP": _map, "LIST": _list}[type_.kind](type_, path)

    def convert(value: Value) -> Any:
        if value is None:
            return None
        if isinstance(value, form):
            return inner(value)
        if _empty(value):
            return None
        raise _misfit(path, value, kinds)
    return convert


def _struct(type_: Type, path: str) -> Callable[[Any], Any]:
    members = [(key, name, converter(t, f"{path}.{key}")) for name, t in type_.fields for key in (type_.key_of(name),)]

    def convert(value: Members) -> dict[str, Any]:
        first = value.first()
        return {name: inner(first.get(key)) for key, name, inner in members}
    return convert


def _list(type_: Type, path: str) -> Callable[[Any], Any]:
    inner = converter(type_.item, f"{path}[]")
    return lambda value: [inner(item) for item in value]


def _map(type_: Type, path: str) -> Callable[[Any], Any]:
    inner = converter(type_.item, f"{path}.*")

    def convert(value: Members) -> list[tuple[str, Any]]:
        first = value.first()
        return [(key, inner(first[key])) for key in dict(value.pairs)]
    return convert


# ---- scalars ---------------------------------------------------------------------------------------------------

def _text(value: Value) -> str | None:
    if value is None:
        return None
    if isinstance(value, Number):
        return scalar_number_text(value)
    return value if isinstance(value, str) else write(value)


def _json_text(path: str) -> Convert:
    return lambda value: None if value is None else json_text(value, path)


def json_text(value: Value, path: str) -> str:
    text = write(value)
    if re.search(r"(?i)(nan|inf)", text) and not _finite(value):
        raise Verdict("NUMBER_RANGE", f"{path}: NaN and Infinity have no JSON text")
    return text


def _finite(value: Value) -> bool:
    todo = [value]
    while todo:
        item = todo.pop()
        if isinstance(item, Members):
            todo.extend(v for _, v in item.pairs)
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, Number) and not item[-1].isdigit():
            return False
    return True


def _scalar(type_: Type, path: str) -> Callable[[bool | str], Any]:
    kind = type_.kind
    if kind in ("INTEGER", "BIGINT"):
        return _integer(kind, 2**31 if kind == "INTEGER" else 2**63, path)
    if kind in ("DOUBLE", "FLOAT"):
        return _double(kind, path)
    if kind == "DECIMAL":
        return _decimal(type_, path)
    return {"BOOLEAN": _boolean, "UUID": _uuid, "BLOB": _blob}[kind](path) if kind in ("BOOLEAN", "UUID", "BLOB") else _time(kind, path)


def _literal(value: bool | str, path: str, kind: str) -> Number:
    """The number that a value is, or a verdict. A text that is a number in whole is that number."""
    if isinstance(value, bool):
        return Number("1" if value else "0")
    if isinstance(value, Number):
        if value[-1].isdigit():
            return value
        raise Verdict("NUMBER_RANGE", f"{path}: NaN and Infinity are outside {kind}")
    match = _NUMERIC.fullmatch(value)
    if match is None:
        raise _misfit(path, value, kind)
    return Number(f"{match[1].lstrip('+')}{match[2].replace('_', '')}{match[3] or ''}")


def _integer(kind: str, limit: int, path: str) -> Callable[[bool | str], int]:
    def convert(value: bool | str) -> int:
        number = _literal(value, path, kind)
        whole = _short(number) if number.integral else _integral(number)
        if whole is None:
            raise Verdict("TYPE_MISFIT", f"{path}: a number with a fraction does not fit {kind}")
        if not -limit <= whole < limit:
            raise Verdict("NUMBER_RANGE", f"{path}: a number outside {kind}")
        return whole
    return convert


def _short(number: Number) -> int:
    """As an integer; what has too many digits for any column is merely large."""
    return int(number) if len(number) < 400 else int(f"{number[:1].strip('0123456789')}1") * 10**400


def _integral(number: Number) -> int | None:
    """The integer that a number with a point or an exponent is, if it is one."""
    double = float(number)
    if not math.isfinite(double):
        return 10**400
    if abs(double) < _EXACT:
        return int(double) if double.is_integer() else None
    exact = Decimal(number)
    return int(exact) if exact == exact.to_integral_value() else None


def _double(kind: str, path: str) -> Callable[[bool | str], float]:
    def convert(value: bool | str) -> float:
        number = _literal(value, path, kind)
        double = float(number)
        if isinstance(value, Number) and number == "-0":
            return 0.0                        # an integer without a sign of zero; the text "-0" has one
        try:
            if math.isfinite(double):
                return double if kind == "DOUBLE" else float(struct.unpack("<f", struct.pack("<f", double))[0])
        except OverflowError:
            pass
        raise Verdict("NUMBER_RANGE", f"{path}: a number outside {kind}")
    return convert


def _decimal(type_: Type, path: str) -> Callable[[bool | str], Decimal]:
    kind, scale, room = type_.sql(), type_.scale, type_.precision - type_.scale

    def convert(value: bool | str) -> Decimal:
        number = _literal(value, path, kind)
        if not math.isfinite(float(number)) or (number.integral and len(number.lstrip("+-0")) > 38):
            raise Verdict("NUMBER_RANGE", f"{path}: a number outside {kind}")
        sign, digits, exponent = Decimal(number).as_tuple()
        text = "".join(map(str, digits)).lstrip("0")
        kept = text.rstrip("0")
        power = int(exponent) + len(text) - len(kept)
        if kept and (power < -scale or len(kept) + power > room):
            raise Verdict("DECIMAL_RANGE", f"{path}: a number that {kind} cannot hold exactly")
        unscaled = kept + "0" * (power + scale) if kept else "0"
        return Decimal((sign if kept else 0, tuple(map(int, unscaled)), -scale))
    return convert


def _boolean(path: str) -> Callable[[bool | str], bool]:
    def convert(value: bool | str) -> bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, Number) or value.lower() not in ("true", "false"):
            raise _misfit(path, value, "BOOLEAN")
        return value.lower() == "true"
    return convert


def _plain(value: bool | str, path: str, kind: str) -> str:
    if isinstance(value, bool | Number):
        raise _misfit(path, value, kind)
    return value


def _uuid(path: str) -> Callable[[bool | str], str]:
    def convert(value: bool | str) -> str:
        text = _plain(value, path, "UUID")
        if _UUID.fullmatch(text):
            return text.lower()
        raise Verdict("UUID_INVALID", f"{path}: a text that is no UUID")
    return convert


def _blob(path: str) -> Callable[[bool | str], bytes]:
    def convert(value: bool | str) -> bytes:
        try:
            return base64.b64decode(_plain(value, path, "BLOB").encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise Verdict("TYPE_MISFIT", f"{path}: a text that is not base64 does not fit BLOB") from None
    return convert


def _time(kind: str, path: str) -> Callable[[bool | str], Any]:
    read = iso.READERS[kind]

    def convert(value: bool | str) -> Any:
        try:
            return read(_plain(value, path, kind))
        except iso.NotIso as error:
            raise Verdict("TYPE_MISFIT", f"{path}: {error} does not fit {kind}") from None
        except iso.OutOfRange:
            raise Verdict("DATE_RANGE", f"{path}: a date outside the years 1 to 9999") from None
    return convert
