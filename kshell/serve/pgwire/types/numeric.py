"""numeric in PostgreSQL's binary form: digits of base 10 000 with a weight, and decimals as plain text.

Invariant: no digit is lost; the scale of a DECIMAL is kept, so 1.50 stays 1.50."""

from __future__ import annotations

import struct

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kshell.serve.pgwire.types.cells import Numbers, blanked, from_list, ragged

_BASE = 10_000
_NEGATIVE = 0x4000
_INTEGER_GROUPS = 5                           # 64 bits have at most 20 digits
_MOST_SCALE = 16                              # above it the digits behind the point do not fit 64 bits


def texts(array: pa.Array) -> pa.Array:
    """DECIMAL and HUGEINT as digits, without exponents."""
    scale = array.type.scale
    digits = _unscaled(array).cast(pa.string())
    if not scale:
        return digits.cast(pa.binary())
    negative = pc.starts_with(digits, "-")
    padded = pc.utf8_lpad(pc.utf8_ltrim(digits, "-"), scale + 1, "0")
    whole, fraction = pc.utf8_slice_codeunits(padded, 0, -scale), pc.utf8_slice_codeunits(padded, -scale)
    return pc.binary_join_element_wise(pc.if_else(negative, "-", ""), whole, ".", fraction, "").cast(pa.binary())


def _unscaled(array: pa.Array) -> pa.Array:
    """The same 128 bits read as an integer."""
    return pa.Array.from_buffers(pa.decimal128(38, 0), len(array), array.buffers(), offset=array.offset)


def binary(array: pa.Array) -> pa.Array:
    """DECIMAL, HUGEINT and UBIGINT."""
    if pa.types.is_decimal(array.type):
        small, scale = _small(array), array.type.scale
        if small is None or scale > _MOST_SCALE:
            return binary_of_texts(texts(array).cast(pa.string()).to_pylist())
        return blanked(_cells(np.abs(small).view(np.uint64), small < 0, scale), array)
    values = array.fill_null(0).to_numpy(zero_copy_only=False)
    return blanked(_cells(values, np.zeros(len(values), np.bool_), 0), array)


def _small(array: pa.Array) -> Numbers | None:
    """The unscaled values, 0 for NULL, if 64 bits hold all of them."""
    words = np.frombuffer(array.buffers()[1], "<i8").reshape(-1, 2)[array.offset:array.offset + len(array)]
    low, high = words[:, 0].copy(), words[:, 1].copy()
    if array.null_count:
        null = ~array.is_valid().to_numpy(zero_copy_only=False)
        low[null] = high[null] = 0
    return low if bool((high == low >> 63).all()) else None


def _cells(magnitudes: Numbers, negative: Numbers, scale: int) -> pa.Array:
    behind = -(-scale // 4)
    whole, fraction = np.divmod(magnitudes, np.uint64(10 ** scale))
    fraction = fraction * np.uint64(10 ** (behind * 4 - scale))
    groups = np.concatenate((_groups(whole, _INTEGER_GROUPS), _groups(fraction, behind)), axis=1)
    used = groups != 0
    first = np.argmax(used, axis=1)
    last = groups.shape[1] - 1 - np.argmax(used[:, ::-1], axis=1)
    some = used.any(axis=1)
    count = np.where(some, last - first + 1, 0)
    head = np.stack((count, np.where(some, _INTEGER_GROUPS - 1 - first, 0), np.where(negative & some, _NEGATIVE, 0),
                     np.full(len(count), scale)), axis=1)
    places = np.arange(groups.shape[1])
    chosen = (places >= first[:, None]) & (places <= last[:, None]) & some[:, None]
    always = np.ones((len(count), 4), np.bool_)
    return ragged(np.concatenate((head, groups), axis=1).astype(">i2"), np.concatenate((always, chosen), axis=1))


def _groups(values: Numbers, count: int) -> Numbers:
    """The digits of base 10 000, the most significant first."""
    found = np.empty((len(values), count), np.int64)
    for place in range(count - 1, -1, -1):
        values, found[:, place] = np.divmod(values, np.uint64(_BASE))
    return found


def binary_of_texts(values: list[str | None]) -> pa.Array:
    """The same of digits of any length."""
    return from_list([None if v is None else _packed(v) for v in values])


def _packed(text: str) -> bytes:
    sign = _NEGATIVE if text.startswith("-") else 0
    whole, _, fraction = text.lstrip("-").partition(".")
    scale = len(fraction)
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    digits = whole + fraction.ljust(-(-scale // 4) * 4, "0")
    groups = [int(digits[i:i + 4]) for i in range(0, len(digits), 4)]
    weight = len(whole) // 4 - 1
    while groups and not groups[0]:
        groups, weight = groups[1:], weight - 1
    while groups and not groups[-1]:
        groups.pop()
    return struct.pack(f">HhHH{len(groups)}H", len(groups), weight if groups else 0, sign if groups else 0, scale, *groups)


def unpacked(value: bytes) -> str:
    """The text of a binary numeric: digits, or NaN, Infinity, -Infinity. Raises struct.error and ValueError for what is none."""
    count, weight, sign, scale = struct.unpack_from(">HhHH", value)
    if sign in _WORDS:
        return _WORDS[sign]
    groups = struct.unpack(f">{count}H", value[8:])
    digits = "".join(f"{group:04d}" for group in groups)
    point = (weight + 1) * 4
    if point <= 0:
        digits, point = "0" * (4 - point) + digits, 4
    digits = digits.ljust(point + scale, "0")
    return f"{'-' if sign == _NEGATIVE else ''}{digits[:point].lstrip('0') or '0'}{'.' if scale else ''}{digits[point:point + scale]}"


_WORDS = {0xC000: "NaN", 0xD000: "Infinity", 0xF000: "-Infinity"}
