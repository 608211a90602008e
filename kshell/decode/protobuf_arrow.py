"""Arrow arrays as they stand on the wire into arrays of the columns' types: the meaning of Protobuf, for many records at once.

Invariant: `Doubt` where one value needs a verdict or a rule that only the exact form knows; else the values are its values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from kshell.decode.protobuf_json import known_text
from kshell.decode.protobuf_messages import Field, Message
from kshell.decode.protobuf_wire import FIRST_S, LAST_S, LONGEST_S, Reading
from kshell.decode.types import Type
from kshell.decode.verdict import OBJECT_KEYS, Verdict

_SECOND = 1_000_000


class Doubt(Exception):
    """Not certain of a record of the slice."""


def member(field: Field) -> str:
    """Its name in the message that ptars decodes, whose columns stand in an order of their own."""
    return f"f{field.number}"


class Values:
    """The values of one slice, and what was counted on the way."""

    def __init__(self) -> None:
        self.without_column = 0
        self._reading = Reading()

    @property
    def unknown(self) -> int:
        return self._reading.unknown

    def check(self, message: Message, column: Callable[[str], pa.Array]) -> None:
        """At most one member of each oneof stands in a message."""
        members = Counter(f.oneof for f in message.fields if f.oneof is not None)
        for oneof in (name for name, count in members.items() if count > 1):
            there = [column(member(f)).is_valid().cast(pa.int32()) for f in message.fields if f.oneof == oneof]
            total = there[0]
            for more in there[1:]:
                total = pc.add(total, more)
            if len(total) and pc.max(total).as_py() > 1:
                raise Doubt

    def field(self, field: Field, found: pa.Array, want: Type, level: int) -> pa.Array:
        if field.form == "map":
            return self._map(field, found, want, level)
        if field.repeated:
            return pa.ListArray.from_arrays(found.offsets, self._items(field, found.values, want.item, level), type=want.arrow())
        filled = found if field.presence else _filled(found, _plain(field))
        return self._items(field, filled, want, level)

    def count(self, field: Field, found: pa.Array) -> int:
        """Of how many records, or messages, a field is to be missed."""
        if field.repeated:
            return int(pc.sum(pc.greater(pc.list_value_length(found), 0)).as_py() or 0)
        if field.presence:
            return len(found) - int(found.null_count)
        return int(pc.sum(pc.not_equal(found, _plain(field))).as_py() or 0)

    def _items(self, field: Field, found: pa.Array, want: Type, level: int, *, whole: bool = False) -> pa.Array:
        """One value each. `whole`: what is not there is an empty message, not NULL."""
        form = field.form
        if form == "message":
            return self._struct(field, found, want, level, whole)
        if form == "enum":
            return _named(field, found)
        if form == "json":
            return self._json(field, found, level, whole)
        if form == "wrapper":
            assert field.message is not None
            inner = field.message.fields[0]
            value = _filled(found.field(member(inner)), _plain(inner)).cast(want.arrow())
            return value if whole else _masked(value, found)
        if form in ("timestamp", "duration"):
            value = _moment(form, found).cast(want.arrow())
            return value if whole else _masked(value, found)
        return found if found.type == want.arrow() else found.cast(want.arrow())

    def _struct(self, field: Field, found: pa.Array, want: Type, level: int, whole: bool) -> pa.Array:
        assert field.message is not None
        if want.kind == "BOOLEAN":            # a message without fields
            return pa.array([True] * len(found), pa.bool_()) if whole else _masked(pa.array([True] * len(found), pa.bool_()), found)
        self.check(field.message, found.field)
        fields = {f.key: f for f in field.message.fields}
        parts = []
        for name, type_ in want.fields:
            inner = fields.pop(want.key_of(name), None)
            parts.append(pa.nulls(len(found), type_.arrow()) if inner is None
                         else self.field(inner, found.field(member(inner)), type_, level + 1))
        for inner in fields.values():
            self.without_column += self.count(inner, found.field(member(inner)))
        return pa.StructArray.from_arrays(parts, fields=list(want.arrow()), mask=None if whole else found.is_null())

    def _map(self, field: Field, found: pa.Array, want: Type, level: int) -> pa.Array:
        assert field.message is not None
        key, value = field.message.fields
        entries = found.values
        keys = _filled(entries.field(member(key)), _plain(key))
        _distinct(found, keys)
        values = entries.field(member(value))
        if value.message is None and value.form not in ("timestamp", "duration", "json"):
            values = _filled(values, _plain(value))
        kind = want.arrow()
        return pa.MapArray.from_arrays(found.offsets, keys if keys.type == kind.key_type else keys.cast(kind.key_type),
                                       self._items(value, values, want.item, level + 1, whole=True), type=kind)

    def _json(self, field: Field, found: pa.Array, level: int, whole: bool) -> pa.Array:
        empty = b"" if whole else None
        try:
            return pa.array([None if data is None else known_text(self._reading, field, data, level)
                             for data in (empty if d is None else d for d in found.to_pylist())], pa.string())
        except Verdict:
            raise Doubt from None


def _plain(field: Field) -> Any:
    """The default as it stands on the wire."""
    if field.form == "enum":
        return next((number for number, name in field.names.items() if name == field.default), 0)
    return int(field.default) if isinstance(field.default, Decimal) else field.default


def _filled(found: pa.Array, default: Any) -> pa.Array:
    return pc.fill_null(found, pa.scalar(default, found.type)) if found.null_count else found


def _masked(value: pa.Array, like: pa.Array) -> pa.Array:
    return pc.if_else(like.is_valid(), value, pa.scalar(None, value.type)) if like.null_count else value


def _named(field: Field, found: pa.Array) -> pa.Array:
    numbers = pa.array(field.names.keys(), pa.int32())
    names = pa.array(field.names.values(), pa.string()).take(pc.index_in(found, value_set=numbers))
    return names if names.null_count == found.null_count else pc.coalesce(names, found.cast(pa.string()))


def _moment(form: str, found: pa.Array) -> pa.Array:
    """Microseconds."""
    seconds, nanos = _filled(found.field("f1"), 0), _filled(found.field("f2"), 0)
    low, high, least = (FIRST_S, LAST_S - 1, 0) if form == "timestamp" else (-LONGEST_S, LONGEST_S, -999_999_999)
    if not (_within(seconds, low, high) and _within(nanos, least, 999_999_999)):
        raise Doubt
    return pc.add(pc.multiply(seconds, _SECOND), pc.divide(nanos.cast(pa.int64()), 1000))


def _within(found: pa.Array, low: int, high: int) -> bool:
    most = pc.min_max(found)
    return len(found) == 0 or (most["min"].as_py() >= low and most["max"].as_py() <= high)


def _distinct(found: pa.Array, keys: pa.Array) -> None:
    """No key stands twice in a map, where the last value would count, and no map has too many."""
    most = pc.max(pc.list_value_length(found)).as_py() if len(found) else 0
    if most > OBJECT_KEYS:
        raise Doubt
    if most < 2:
        return
    pairs = pa.table({"row": pc.list_parent_indices(found), "key": keys})
    if pairs.group_by(["row", "key"]).aggregate([]).num_rows != len(keys):
        raise Doubt
