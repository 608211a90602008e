"""Bytes for people: text where they are text. `.peek`, TAIL and the tables show what PRINT shows."""

from __future__ import annotations

import random

import duckdb
import pyarrow as pa
import pytest

from kshell.output._base import human
from kshell.output._shape import OutColumn, Shape
from kshell.output._values import escaped, readable
from kshell.query.tail_topic import Texts

RANDOM = random.Random(7)
SAMPLES = [b"", *(chr(code).encode() for code in range(0x180)), *(bytes([byte]) for byte in range(256)),
           *(bytes(RANDOM.choices(range(256), k=RANDOM.randint(1, 6))) for _ in range(500)),
           *("".join(RANDOM.choices("aß中'\"\\\x1b\n\x07", k=4)).encode() for _ in range(200))]


@pytest.mark.parametrize(("value", "shown"), [
    (b"order-17", "order-17"), ("ключ".encode(), "ключ"), (b"a\x1b[31mb", "a\\e[31mb"), (b"one\ttwo\n", "one\\ttwo\\n"), (b"", ""),
    (b"\x00\x00\x00\x07", "\\x00\\x00\\x00\\x07"), (b"\xff\xfea", "\\xFF\\xFEa"), (b"bell\x07", "bell\\x07"), (b"C:\\dir", "C:\\dir")])
def test_a_key_is_text_where_it_is_text_and_bytes_where_it_is_not(value: bytes, shown: str) -> None:
    batch = pa.RecordBatch.from_pydict({"_kafka_key": pa.array([value], pa.binary())})
    assert human(batch, [OutColumn("_kafka_key", "BLOB", Shape("blob"))], "NULL") == [[shown]]


@pytest.fixture(scope="module")
def told() -> list[tuple[str, str]]:
    """Of each sample: what PRINT says, and DuckDB's own text of the bytes."""
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE samples (n INT, value BLOB)")
        connection.executemany("INSERT INTO samples VALUES (?, ?)", list(enumerate(SAMPLES)))
        return connection.execute(f"SELECT {Texts._TEXT.format('value')}, value::VARCHAR FROM samples ORDER BY n").fetchall()


def test_it_is_the_rule_of_print(told: list[tuple[str, str]]) -> None:
    assert [readable(value) for value in SAMPLES] == [text for text, _ in told]


def test_bytes_are_written_as_duckdb_writes_them(told: list[tuple[str, str]]) -> None:
    assert [escaped(value) for value in SAMPLES] == [own for _, own in told]
