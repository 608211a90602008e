"""Columns and records for them, at random from a seed: most values fit, some are odd, some bytes are damaged."""

from __future__ import annotations

import base64
import json as stdlib
import random
import struct
import uuid
from dataclasses import dataclass, field
from typing import Any

KEYS = ["a", "A", "b", "c d", "e.f", 'q"q', "größe", "id"]
SCALARS = ["BIGINT", "INTEGER", "DOUBLE", "FLOAT", "DECIMAL(20,4)", "DECIMAL(10,2)", "DECIMAL(38,0)", "BOOLEAN", "VARCHAR", "JSON",
           "TIMESTAMPTZ", "TIMESTAMP", "DATE", "TIME", "UUID", "BLOB"]
ODD = ["{}", "[]", "null", "true", "1.5", '"x"', "7", '"12"', '{"x":1}', "[1]", "1e400", "NaN", '"2024-03-10"', "12345678901234567890",
       "0.1e-5", '""', '"\\u0031"', '"\\ud800"', '[{"a":1}]', '{"a":{"b":null}}', "1e3", "-0", "-0.0", '" 5 "', "false", "[[]]",
       '"2024-03-10T00:00:00"']


@dataclass(frozen=True)
class Shape:
    """A type: its text, and what it is made of."""

    text: str
    parts: list[tuple[str, Shape]] = field(default_factory=list)


class Maker:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    def shape(self, level: int = 0) -> Shape:
        kind = self.random.choice(["scalar", "scalar", "scalar", "STRUCT", "LIST", "MAP"]) if level < 3 else "scalar"
        if kind == "scalar":
            return Shape(self.random.choice(SCALARS))
        if kind == "STRUCT":
            names = self.random.sample(["a", "b", "c", "e.f"], self.random.randint(1, 3))
            parts = [(n, self.shape(level + 1)) for n in names]
            return Shape("STRUCT(" + ", ".join(f'"{n}" {s.text}' for n, s in parts) + ")", parts)
        inner = self.shape(level + 1)
        return Shape(f"{inner.text}[]" if kind == "LIST" else f"MAP(VARCHAR, {inner.text})", [(kind, inner)])

    def columns(self) -> list[tuple[str, Shape, list[str], bool]]:
        """(name, type, keys from the top, not null)"""
        keys = self.random.sample(KEYS, self.random.randint(1, 5))
        paths = [[key, self.random.choice(KEYS)] if self.chance(0.15) else [key] for key in keys]
        return [(f"c{i}", self.shape(), path, self.chance(0.1)) for i, path in enumerate(paths)]

    def value(self, shape: Shape) -> str:
        if self.chance(0.03):
            return self.random.choice(ODD)
        if self.chance(0.08):
            return "null"
        if not shape.parts:
            return self.scalar(shape.text)
        kind, inner = shape.parts[0]
        count = self.random.randint(0, 3)
        if shape.text.startswith("STRUCT"):
            return self.members([(n, self.value(s)) for n, s in shape.parts if self.chance(0.85)])
        if kind == "LIST":
            return "[" + ",".join(self.value(inner) for _ in range(count)) + "]"
        names = [self.random.choice(["x", "y", "z", "a.b"]) if self.chance(0.1) else f"k{i}" for i in range(count)]
        return self.members([(name, self.value(inner)) for name in names])

    def members(self, members: list[tuple[str, str]]) -> str:
        if members and self.chance(0.03):
            members.append(self.random.choice(members))
        space = self.random.choice(["", "", " ", "\n\t"])
        comma = "," if self.chance(0.01) and members else ""
        return "{" + f",{space}".join(f"{stdlib.dumps(k)}:{space}{v}" for k, v in members) + comma + "}"

    def scalar(self, kind: str) -> str:
        r = self.random
        if kind.startswith("DECIMAL"):
            scale = r.randint(0, int(kind.partition(",")[2][:-1]) + (1 if self.chance(0.1) else 0))
            digits = r.randint(0, 10 ** r.choice([3, 5, 8, 8, 17]))
            plain = f"{digits}" if not scale else f"{digits // 10**scale}.{digits % 10**scale:0{scale}}"
            return self.written(r.choice(["", "-"]) + plain)
        if kind in ("BIGINT", "INTEGER"):
            bits = r.choice([8, 16, 31] if kind == "INTEGER" else [8, 31, 52, 53, 54, 63])
            number = r.randint(-2**bits, 2**bits - 1)
            return self.written(f"{number}.0" if self.chance(0.05) else str(number))
        if kind in ("DOUBLE", "FLOAT"):
            small, large = repr(r.gauss(0, 1e-5)), f"{r.randint(1, 9)}e{r.randint(-30, 30)}"
            return self.written(r.choice([repr(r.uniform(-1e3, 1e3)), small, str(r.randint(0, 99)), large]))
        return self.other(kind)

    def other(self, kind: str) -> str:
        r = self.random
        day = f"{r.randint(1, 9999):04}-{r.randint(1, 12):02}-{r.randint(1, 28):02}"
        fraction = r.choice(["", ".5", ".123", ".123456", ".123456789"])
        clock = f"{r.randint(0, 23):02}:{r.randint(0, 59):02}:{r.randint(0, 59):02}{fraction}"
        zone = r.choice(["Z", "Z", "Z", "+02:00", "-0530", "+05"])
        blob = base64.b64encode(r.randbytes(r.randint(0, 5))).decode()
        made: dict[str, Any] = {"DATE": day, "TIME": clock, "TIMESTAMP": f"{day}T{clock}", "TIMESTAMPTZ": f"{day}T{clock}{zone}",
                                "UUID": str(uuid.UUID(int=r.getrandbits(128))), "BLOB": blob,
                                "VARCHAR": "".join(r.choices('ab"\\\n é\u2028\U0001f600.1', k=r.randint(0, 12)))}
        if kind in made:
            return stdlib.dumps(made[kind], ensure_ascii=self.chance(0.3))
        return r.choice(["true", "false"]) if kind == "BOOLEAN" else self.value(self.shape(2))

    def written(self, number: str) -> str:
        return f'"{number}"' if self.chance(0.05) else number

    def record(self, columns: list[tuple[str, Shape, list[str], bool]]) -> bytes | None:
        if self.chance(0.02):
            return None
        members: list[tuple[str, str]] = []
        for _, shape, keys, _ in columns:
            if self.chance(0.9):
                inner = self.value(shape)
                members.append((keys[0], self.members([(keys[1], inner)]) if len(keys) > 1 else inner))
        if self.chance(0.2):
            members.append((self.random.choice(KEYS), self.random.choice(ODD)))
        if self.chance(0.1):
            self.random.shuffle(members)
        data = self.members(members).encode("utf-8", "surrogatepass")
        return self.damaged(data) if self.chance(0.03) else data

    def damaged(self, data: bytes) -> bytes:
        at = self.random.randrange(len(data))
        return data[:at] + self.random.choice([b"", self.random.randbytes(1), struct.pack("B", data[at]) * 2]) + data[at + 1:]
