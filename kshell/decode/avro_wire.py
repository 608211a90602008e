"""Avro's binary form, read step by step from one record.

Invariant: nothing is read outside of the record, and what is built is bounded by its bytes: counts are checked against the bytes that
are left before an item is read, and items without bytes against a budget of the record."""

from __future__ import annotations

import struct

from kshell.decode.verdict import OBJECT_KEYS, VALUE_BYTES, Verdict

EMPTY_ITEMS = 10_000                          # items without bytes in one record
_FLOAT, _DOUBLE = struct.Struct("<f").unpack_from, struct.Struct("<d").unpack_from
_BITS = 2**64 - 1


class Wire:
    """The bytes of one record and the place in them."""

    __slots__ = ("at", "data", "empty", "end")

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at, self.end = data, at, len(data)
        self.empty = EMPTY_ITEMS

    def done(self) -> None:
        if self.at != self.end:
            raise Verdict("AVRO_TRAILING", f"{self.end - self.at:,} bytes after the value, at byte {self.at}")

    def truncated(self) -> Verdict:
        return Verdict("AVRO_TRUNCATED", f"the record ends within a value, at byte {self.at} of {self.end}")

    def read_long(self) -> int:
        """A zigzag varint of at most 64 bits; as in Avro's other readers, bits beyond those in a tenth byte are dropped."""
        data, at, end = self.data, self.at, self.end
        shift = number = 0
        while at < end:
            byte = data[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.at = at
                number &= _BITS
                return (number >> 1) ^ -(number & 1)
            shift += 7
            if shift >= 70:
                raise Verdict("NUMBER_RANGE", f"a number of more than 64 bits at byte {self.at}")
        raise self.truncated()

    def read_int(self) -> int:
        value = self.read_long()
        if -0x80000000 <= value <= 0x7FFFFFFF:
            return value
        raise Verdict("NUMBER_RANGE", f"a number outside of Avro's int before byte {self.at}")

    def read_boolean(self) -> bool:
        byte = self.take(1)[0]
        if byte > 1:
            raise Verdict("TYPE_MISFIT", f"byte {byte} is no boolean, before byte {self.at}")
        return byte == 1

    def read_float(self) -> float:
        at = self.at
        self.take(4)
        return float(_FLOAT(self.data, at)[0])

    def read_double(self) -> float:
        at = self.at
        self.take(8)
        return float(_DOUBLE(self.data, at)[0])

    def take(self, size: int) -> bytes:
        at, end = self.at, self.at + size
        if end > self.end:
            raise self.truncated()
        self.at = end
        return self.data[at:end]

    def read_bytes(self) -> bytes:
        size = self.read_long()
        if size < 0:
            raise Verdict("AVRO_COUNT", f"a length of {size:,} before byte {self.at}")
        if size > VALUE_BYTES and size <= self.end - self.at:
            raise Verdict("VALUE_TOO_LARGE", f"{size:,} bytes, the limit of a value is {VALUE_BYTES:,}")
        return self.take(size)

    def read_string(self) -> str:
        data = self.read_bytes()
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise Verdict("UTF8_INVALID", f"byte {self.at - len(data) + error.start} is not UTF-8") from None

    def choice(self, many: int, what: str) -> int:
        """The index of a branch or symbol."""
        index = self.read_long()
        if 0 <= index < many:
            return index
        raise Verdict("TYPE_MISFIT", f"{what} {index:,} of {many:,} does not exist, before byte {self.at}")

    def block(self, least: int) -> int:
        """How many items follow; 0: the end. `least`: the fewest bytes of an item."""
        count = self.read_long()
        if count < 0:
            count = -count
            self.read_long()                  # its size in bytes, for those who skip it
        if least:
            if count * least > self.end - self.at:
                raise Verdict("AVRO_COUNT", f"{count:,} items, and {self.end - self.at:,} bytes are left, at byte {self.at}")
        else:
            self.empty -= count
            if self.empty < 0:
                raise Verdict("AVRO_COUNT", f"more than {EMPTY_ITEMS:,} items without bytes, at byte {self.at}")
        return count


def keys_bounded(many: int) -> None:
    if many > OBJECT_KEYS:
        raise Verdict("TOO_MANY_KEYS", f"a map has more than {OBJECT_KEYS:,} keys")
