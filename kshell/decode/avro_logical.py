"""Avro's logical types: from the underlying value to the number or text of the column, and its text inside JSON.

Invariant: nothing is rounded except nanoseconds, which are cut to the microsecond before; what the column's type cannot hold has a
verdict."""

from __future__ import annotations

import base64
import re
import struct
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from typing import Any

from kshell.decode.avro_schema import Node
from kshell.decode.json_text import Number, Value
from kshell.decode.verdict import Verdict

DAY_US = 86_400_000_000
FIRST_DAY, LAST_DAY = -719_162, 2_932_896     # 0001-01-01 and 9999-12-31
FIRST_US, LAST_US = FIRST_DAY * DAY_US, (LAST_DAY + 1) * DAY_US - 1
PER_MICRO = {"millis": (1_000, 1), "micros": (1, 1), "nanos": (1, 1_000)}   # times, over
DECIMAL_BYTES = 500                           # no decimal that anyone needs has more
UUID = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_UUID = re.compile(UUID)
_EXACT = Context(prec=4 * DECIMAL_BYTES)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Convert = Callable[[Any], Any]


def converter(node: Node, path: str) -> Convert:
    """From the value of the underlying type to that of the column."""
    if node.logical == "decimal":
        return _decimal(node, path)
    if node.logical == "uuid":
        return uuid if node.kind == "fixed" else _uuid(path)
    if node.logical == "duration":
        return duration
    if node.logical == "date":
        return _bounded(1, 1, FIRST_DAY, LAST_DAY, f"{path}: a date outside the years 1 to 9999")
    what, _, unit = node.logical.rpartition("-")
    if what == "time":
        return _bounded(*PER_MICRO[unit], 0, DAY_US - 1, f"{path}: a time outside of the day")
    return _bounded(*PER_MICRO[unit], FIRST_US, LAST_US, f"{path}: a date outside the years 1 to 9999")


def _bounded(times: int, over: int, first: int, last: int, message: str) -> Convert:
    def convert(value: int) -> int:
        scaled = value * times // over
        if first <= scaled <= last:
            return scaled
        raise Verdict("DATE_RANGE", message)
    return convert


def _decimal(node: Node, path: str) -> Convert:
    scale, beyond = node.scale, 10 ** min(node.precision, 4 * DECIMAL_BYTES)

    def convert(raw: bytes) -> Decimal:
        unscaled = int.from_bytes(raw, "big", signed=True) if len(raw) <= DECIMAL_BYTES else beyond
        if -beyond < unscaled < beyond:
            return _EXACT.scaleb(Decimal(unscaled), -scale)
        raise Verdict("DECIMAL_RANGE", f"{path}: a number of more digits than decimal({node.precision},{scale}) has")
    return convert


def _uuid(path: str) -> Convert:
    def convert(text: str) -> str:
        if _UUID.fullmatch(text):
            return text.lower()
        raise Verdict("UUID_INVALID", f"{path}: a text that is no UUID")
    return convert


def uuid(raw: bytes) -> str:
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def duration(raw: bytes) -> str:
    """Months, days and milliseconds as ISO 8601: `P1M2DT3.004S`."""
    months, days, millis = struct.unpack("<III", raw)
    text = "P" + (f"{months}M" if months else "") + (f"{days}D" if days else "")
    if millis or text == "P":
        seconds, rest = divmod(millis, 1_000)
        text += f"T{seconds}.{rest:03d}S" if rest else f"T{seconds}S"
    return text


# ---- inside JSON text ------------------------------------------------------------------------------------------

def printer(node: Node) -> Callable[[Any], Value]:
    """From the value of the column to that in JSON text."""
    kind = node.logical.partition("-")[0] if node.logical else node.kind
    printers: dict[str, Callable[[Any], Value]] = {
        "int": _number, "long": _number, "float": _real, "double": _real, "bytes": _base64, "fixed": _base64,
        "date": _date, "time": _clock, "timestamp": _instant, "local": _local, "decimal": _digits}
    return printers.get(kind, _same)


def _same(value: Any) -> Value:
    return value                              # type: ignore[no-any-return]  # null, boolean, text


def _number(value: int) -> Number:
    return Number(value)


def _digits(value: Decimal) -> Number:
    return Number(format(value, "f"))


def _real(value: float) -> Number:
    return Number(repr(value))


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _date(days: int) -> str:
    return date.fromordinal(days - FIRST_DAY + 1).isoformat()


def _clock(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).time().isoformat()


def _local(micros: int) -> str:
    return (_EPOCH + timedelta(microseconds=micros)).replace(tzinfo=None).isoformat()


def _instant(micros: int) -> str:
    return _local(micros) + "Z"
