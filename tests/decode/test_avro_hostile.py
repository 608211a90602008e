"""Records of Avro that are made to hurt: in a process of their own, with little memory, each is a verdict and the process lives."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from kshell.decode.avro_wire import EMPTY_ITEMS
from tests.decode.avro import Source, decoder, exactly, frame, long, quickly, record
from tests.decode.support import batch

EMPTY = record(name="Empty")
BOMBS: list[tuple[str, Any, bytes, str | None]] = [
    ("30 million nulls in five bytes", {"type": "array", "items": "null"}, long(30_000_000) + b"\0", "AVRO_COUNT"),
    ("nulls in many blocks", {"type": "array", "items": "null"}, long(EMPTY_ITEMS) * 3 + b"\0", "AVRO_COUNT"),
    ("as many nulls as allowed", {"type": "array", "items": "null"}, long(EMPTY_ITEMS) + b"\0", None),
    ("records without fields", {"type": "array", "items": EMPTY}, long(2**62) + b"\0", "AVRO_COUNT"),
    ("fixed of no bytes", {"type": "array", "items": {"type": "fixed", "name": "F", "size": 0}}, long(2**40) + b"\0", "AVRO_COUNT"),
    ("lists of lists of nulls", {"type": "array", "items": {"type": "array", "items": "null"}}, long(3) + (long(4_000) + b"\0") * 3 + b"\0",
     "AVRO_COUNT"),
    ("a map of 2^62 keys", {"type": "map", "values": "null"}, long(2**62), "AVRO_COUNT"),
    ("a list of 2^62 numbers", {"type": "array", "items": "int"}, long(2**62) + b"\2", "AVRO_COUNT"),
    ("a negative count of 2^63", {"type": "array", "items": "string"}, long(-2**63) + long(0) + b"\2", "AVRO_COUNT"),
    ("a text of 2^62 bytes", "string", long(2**62), "AVRO_TRUNCATED"),
    ("bytes of 2^31 bytes", "bytes", long(2**31) + b"x", "AVRO_TRUNCATED"),
    ("a decimal of a million digits", {"type": "bytes", "logicalType": "decimal", "precision": 38}, long(400_000) + b"\x7f" * 400_000,
     "DECIMAL_RANGE"),
]


@pytest.mark.fault("F38")
@pytest.mark.parametrize(("kind", "body", "code"), [b[1:] for b in BOMBS], ids=[b[0] for b in BOMBS])
def test_a_bomb_is_judged_and_its_neighbours_are_rows(kind: Any, body: bytes, code: str | None) -> None:
    made = decoder(Source(record(("bomb", kind), ("id", "int"))))
    good = {"null": b"\0", "string": b"\0", "bytes": b"\0"}.get(str(kind), b"\2\1" if "decimal" in str(kind) else b"\0")
    for judge in (exactly, quickly):
        table, bad = judge(made, batch([frame(good + b"\2"), frame(body + b"\2"), frame(good + b"\4")]))
        assert [(b.index, b.code) for b in bad] == ([(1, code)] if code else [])
        assert table["id"].to_pylist() == ([1, 2] if code else [1, 1, 2])


CHILD = """
import resource
from tests.decode.avro import exactly, quickly
from tests.decode.test_avro_hostile import BOMBS, Source, batch, decoder, frame, record
made = [(decoder(Source(record(("bomb", kind), ("id", "int")))), body, code) for _, kind, body, code in BOMBS]
for one, body, _ in made:
    quickly(one, batch([frame(body)] * 2))        # libraries are loaded
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 256 * 2**20,) * 2)
for one, body, code in made:
    for judge in (exactly, quickly):
        table, bad = judge(one, batch([frame(body + b"\\2")] * 50))
        assert [b.code for b in bad] == [code] * 50 if code else table.num_rows == 50, (body, bad[:1])
print("alive")
"""


@pytest.mark.fault("F38")
@pytest.mark.skipif(sys.platform != "linux", reason="the limit is set relative to /proc/self/statm")
def test_a_process_with_little_memory_outlives_all_bombs() -> None:
    child = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stdout) == (0, "alive\n"), child.stderr[-2_000:]


def test_a_record_as_deep_as_a_schema_may_be_is_a_row() -> None:
    kind: Any = "int"
    for _ in range(32):
        kind = {"type": "array", "items": kind}
    made = decoder(Source(record(("v", kind))))
    deep = frame(b"\2" * 32 + b"\x0e" + b"\0" * 32)
    for judge in (exactly, quickly):
        table, bad = judge(made, batch([deep, deep]))
        assert bad == []
        value = table["v"].to_pylist()[0]
        for _ in range(32):
            value = value[0]
        assert value == 7
