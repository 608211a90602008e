"""Writers' schemas of Avro at random, a later version of each, and values of them: what a topic goes through in years."""

from __future__ import annotations

from random import Random
from typing import Any

_PLAIN = ("boolean", "int", "long", "float", "double", "string", "bytes")
_LOGICAL = (("int", "date"), ("int", "time-millis"), ("long", "time-micros"), ("long", "timestamp-millis"), ("long", "timestamp-micros"),
            ("long", "timestamp-nanos"), ("long", "local-timestamp-micros"), ("string", "uuid"))
_KEYS = ("a", "A", "A_1", "b", "key", "value", "element", "größe", "select")
_GROWN = {"int": "long", "float": "double"}
_FIRST_DAY, _LAST_DAY, _DAY_US = -719_162, 2_932_896, 86_400_000_000
_TIMES = {"timestamp-millis": 1_000, "timestamp-micros": 1, "local-timestamp-micros": 1}


class Schemas:
    """`random` decides; named types are numbered."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._named = 0

    def record(self, levels: int = 3) -> dict[str, Any]:
        keys = self._random.sample(_KEYS, self._random.randint(1, 5))
        return {"type": "record", "name": self._name(), "fields": [{"name": key, "type": self._type(levels)} for key in keys]}

    def grown(self, tree: Any) -> Any:
        """A later version: numbers promoted, a field more in each record, whatever is around it."""
        if isinstance(tree, list):
            # of several branches the members are named by their types
            return [self.grown(t) if len(tree) == 2 or isinstance(t, dict) else t for t in tree]
        if isinstance(tree, str):
            return _GROWN.get(tree, tree)
        if tree["type"] == "record":
            fields = [{"name": f["name"], "type": self.grown(f["type"])} for f in tree["fields"]]
            return tree | {"fields": [*fields, {"name": f"added{len(fields)}", "type": self._type(1)}]}
        if tree["type"] in ("array", "map"):
            inner = "items" if tree["type"] == "array" else "values"
            return tree | {inner: self.grown(tree[inner])}
        return tree | {"precision": min(38, tree["precision"] + 4)} if tree["type"] == "bytes" else tree

    def _type(self, levels: int) -> Any:
        choice = self._random.random()
        if levels == 0 or choice < 0.45:
            return self._scalar()
        if choice < 0.65:
            inner = self._type(levels - 1)
            return inner if isinstance(inner, list) else self._random.choice((["null", inner], [inner, "null"]))
        if choice < 0.8:
            return self.record(levels - 1)
        if choice < 0.9:
            return {"type": "array", "items": self._type(levels - 1)}
        if choice < 0.95:
            return {"type": "map", "values": self._type(levels - 1)}
        return ["null", "long", self.record(levels - 1), "string"]

    def _scalar(self) -> Any:
        choice = self._random.random()
        if choice < 0.5:
            return self._random.choice(_PLAIN)
        if choice < 0.7:
            kind, logical = self._random.choice(_LOGICAL)
            return {"type": kind, "logicalType": logical}
        if choice < 0.8:
            return {"type": "bytes", "logicalType": "decimal", "precision": self._random.randint(3, 36), "scale": 3}
        if choice < 0.9:
            return {"type": "enum", "name": self._name(), "symbols": ["A", "B"]}
        return {"type": "fixed", "name": self._name(), "size": self._random.choice((1, 4, 16))}

    def _name(self) -> str:
        self._named += 1
        return f"N{self._named}"

def value(tree: Any, random: Random) -> Any:
    """As fastavro takes it: of logical types the number beneath."""
    if isinstance(tree, list):
        branch = random.choice(tree)
        return None if branch == "null" else (_branch(branch), value(branch, random))
    if isinstance(tree, str):
        return _plain(tree, random)
    if tree["type"] == "record":
        return {f["name"]: value(f["type"], random) for f in tree["fields"]}
    if tree["type"] == "array":
        return [value(tree["items"], random) for _ in range(random.randint(0, 3))]
    if tree["type"] == "map":
        return {key: value(tree["values"], random) for key in random.sample("xyé", random.randint(0, 3))}
    if tree["type"] == "enum":
        return random.choice(tree["symbols"])
    return random.randbytes(tree["size"]) if tree["type"] == "fixed" else _logical(tree, random)


def _branch(tree: Any) -> str:
    return tree if isinstance(tree, str) else tree.get("name", tree["type"])


def _logical(tree: dict[str, Any], random: Random) -> Any:
    name = tree["logicalType"]
    if name == "decimal":
        most = 10**tree["precision"] - 1
        return random.choice((0, most, -most, random.randint(-most, most))).to_bytes(17, "big", signed=True)
    if name == "uuid":
        return f"{random.getrandbits(32):08x}-0000-4000-8000-{random.getrandbits(48):012x}"
    if name == "date":
        return random.choice((_FIRST_DAY, 0, _LAST_DAY))
    if name.startswith("time-"):
        return random.choice((0, (_DAY_US // 1_000 if name == "time-millis" else _DAY_US) - 1))
    if name == "timestamp-nanos":
        return random.choice((0, -1, 2**63 - 1))
    return random.choice((_FIRST_DAY * _DAY_US, 0, -1_000, (_LAST_DAY + 1) * _DAY_US - 1_000)) // _TIMES[name]


def _plain(kind: str, random: Random) -> Any:
    return {"boolean": lambda: random.random() < 0.5,
            "int": lambda: random.choice((0, -2**31, 2**31 - 1)), "long": lambda: random.choice((0, -2**63, 2**63 - 1)),
            "float": lambda: random.choice((0.0, -1.5, float("inf"))), "double": lambda: random.choice((0.0, 0.1, -1e300)),
            "string": lambda: random.choice(("", "größe", "a\0b")), "bytes": lambda: random.randbytes(random.randint(0, 5))}[kind]()
