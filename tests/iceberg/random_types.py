"""Random columns of the types that a table may have, records of JSON that fill them, and what such columns may grow into."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import replace
from random import Random
from typing import Any

import pyarrow as pa

from kshell.decode.types import Type

SCALARS = (*(Type(kind) for kind in ("BOOLEAN", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "DATE", "TIME", "TIMESTAMP",
                                     "TIMESTAMP WITH TIME ZONE", "VARCHAR", "UUID", "BLOB")),
           Type("DECIMAL", 9, 2), Type("DECIMAL", 20, 0), Type("DECIMAL", 38, 10), Type("DECIMAL", 3, 3))
_NAMES = ("a", "b", "key", "value", "element", "c.d", "größe", "select", "A b")
_DATES = ("0001-01-01", "1969-12-31", "2024-02-29", "9999-12-31")
_CLOCKS = ("00:00:00", "23:59:59.999999", "12:30")
_ALLOWED = (pa.types.is_boolean, pa.types.is_int32, pa.types.is_int64, pa.types.is_float32, pa.types.is_float64, pa.types.is_date32,
            pa.types.is_string, pa.types.is_binary)
_MOMENTS = (pa.time64("us"), pa.timestamp("us"), pa.timestamp("us", "UTC"))


def allowed(type_: pa.DataType) -> bool:
    """One of the types that a decoder may build: those that a flush can write."""
    if pa.types.is_struct(type_):
        return type_.num_fields > 0 and all(allowed(field.type) for field in type_)
    if pa.types.is_map(type_):
        return allowed(type_.key_type) and allowed(type_.item_type)
    if pa.types.is_list(type_):
        return allowed(type_.value_type)
    return type_ in _MOMENTS or pa.types.is_decimal128(type_) or any(is_(type_) for is_ in _ALLOWED)


def type_of(random: Random, levels: int = 3) -> Type:
    choice = random.random()
    if levels == 0 or choice < 0.55:
        return random.choice(SCALARS)
    if choice < 0.75:
        names = random.sample(_NAMES, random.randint(1, 3))
        return Type("STRUCT", fields=tuple((name, type_of(random, levels - 1)) for name in names))
    if choice < 0.9:
        return Type("LIST", fields=(("element", type_of(random, levels - 1)),))
    return Type("MAP", fields=(("key", Type("VARCHAR")), ("value", type_of(random, levels - 1))))


def grown(type_: Type, random: Random) -> Type:
    """A type that it may become: promoted, or with more fields."""
    if type_.kind in ("INTEGER", "FLOAT"):
        return Type({"INTEGER": "BIGINT", "FLOAT": "DOUBLE"}[type_.kind])
    if type_.kind == "DECIMAL":
        return replace(type_, precision=min(38, type_.precision + 4))
    if type_.kind == "STRUCT":
        fields = tuple((name, grown(t, random)) for name, t in type_.fields)
        return replace(type_, fields=(*fields, (f"added{len(fields)}", type_of(random, 1))))
    return replace(type_, fields=(*type_.fields[:-1], (type_.fields[-1][0], grown(type_.item, random)))) if type_.fields else type_


def record(columns: dict[str, Type], random: Random) -> str:
    return json.dumps({name: value(type_, random) for name, type_ in columns.items() if random.random() < 0.9})


def value(type_: Type, random: Random) -> Any:
    if random.random() < 0.15:
        return None
    if type_.kind == "STRUCT":
        return {name: value(t, random) for name, t in type_.fields}
    if type_.kind == "LIST":
        return [value(type_.item, random) for _ in range(random.randint(0, 3))]
    if type_.kind == "MAP":
        return {random.choice("xyz\0é"): value(type_.item, random) for _ in range(random.randint(0, 3))}
    return _scalar(type_, random)


def _scalar(type_: Type, random: Random) -> Any:
    if type_.kind == "DECIMAL":
        digits = random.randrange(10**type_.precision)
        whole, fraction = divmod(digits, 10**type_.scale)
        return f"{random.choice(('', '-'))}{whole}" + (f".{fraction:0{type_.scale}}" if type_.scale else "")
    date, clock = random.choice(_DATES), random.choice(_CLOCKS)
    return {
        "BOOLEAN": lambda: random.random() < 0.5,
        "INTEGER": lambda: random.choice((0, -2**31, 2**31 - 1)),
        "BIGINT": lambda: random.choice((0, -2**63, 2**63 - 1, 2**53 + 1)),
        "FLOAT": lambda: random.choice((0.0, -1.5, 2.0**100)),
        "DOUBLE": lambda: random.choice((0.0, -0.1, 1e300)),
        "DATE": lambda: date, "TIME": lambda: clock, "TIMESTAMP": lambda: f"{date}T{clock}",
        "TIMESTAMP WITH TIME ZONE": lambda: f"{date}T{clock}Z",
        "VARCHAR": lambda: random.choice(("", "größe", "a\0b", "x" * 40)),
        "UUID": lambda: str(uuid.UUID(int=random.getrandbits(128))),
        "BLOB": lambda: base64.b64encode(random.randbytes(random.randint(0, 5))).decode(),
    }[type_.kind]()
