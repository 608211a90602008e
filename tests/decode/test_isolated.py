"""Untrusted records: the same values from a process of its own, and what happens when a record ends that process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kshell.columns import Column
from kshell.decode import Undecodable, infer, infer_schema, make
from kshell.decode.isolated import IsolatedDecoder, Isolation
from kshell.errors import RefusedError
from kshell.schemas.values import Schema, SchemaUnavailable
from kshell.testing import child_environment
from tests.decode.support import batch, columns

RECORDS = ['{"id":1,"tags":["a"],"at":"2026-01-02T03:04:05Z"}', '{"id":"x"}', None, "not json", '{"id":2,"deep":{"a":[{"b":1.5}]}}']
NOTE = Schema("avro", '{"type":"record","name":"Note","fields":[{"name":"n","type":"long"}]}', 7)


@pytest.fixture(scope="module")
def isolation() -> Iterator[Isolation]:
    made = Isolation(batch_s=30)
    yield made
    made.shut()


@pytest.fixture
def mischief(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A child that does what is planned for records with a text."""
    made: list[Isolation] = []

    def plan(action: str, **limits: Any) -> Isolation:
        monkeypatch.setenv("KSHELL_TESTING", "1")
        monkeypatch.setenv("KSHELL_FAILPOINTS", f"decode.in_child={action}@~poison")
        made.append(Isolation(**limits))
        return made[-1]
    yield plan
    for isolation in made:
        isolation.shut()


class OneSchema:
    frames, unframed = True, None

    def __init__(self) -> None:
        self.asked = 0

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        self.asked += 1
        if id != 7:
            raise SchemaUnavailable("registry away")
        return NOTE

    def by_guid(self, guid: str) -> Schema:
        raise SchemaUnavailable("registry away")

    def latest(self, subject: str) -> Schema:
        return NOTE


@pytest.mark.parametrize(("format", "declared", "include"), [
    ("json", columns(("id", "BIGINT"), ("tags", "VARCHAR[]"), ("at", "TIMESTAMPTZ")), ("rest", "value")),
    ("json", columns(("deep", "STRUCT(a STRUCT(b DOUBLE)[])")), ()), ("string", (), ()), ("raw", (), ("headers",)), ("csv", (), ())])
def test_values_and_verdicts_are_those_of_the_same_decoder_here(isolation: Isolation, format: str, declared: Any, include: Any) -> None:
    made = batch(RECORDS, keys=["k"] * 5, headers=[None] * 5)
    columns_ = declared or (infer(made, "csv").columns if format == "csv" else ())
    here = make(format, "string", columns_, include)
    there = make(format, "string", columns_, include, isolation=isolation)
    assert (there.columns, there.metadata, there.key_type) == (here.columns, here.metadata, here.key_type)
    (table, bad), (wanted, wanted_bad) = there.judge(made), here.judge(made)
    assert table.equals(wanted)
    assert bad == wanted_bad


def test_columns_are_inferred_there(isolation: Isolation) -> None:
    assert isolation.infer(batch(RECORDS), format="json") == infer(batch(RECORDS))


def test_schemas_are_asked_of_us_and_kept_there(isolation: Isolation) -> None:
    source = OneSchema()
    decoder = make("avro", "raw", infer_schema("avro", NOTE).columns, schemas=source, isolation=isolation)
    framed = [b"\x00\x00\x00\x00\x07\x04", b"\x00\x00\x00\x00\x09\x04", b"\x00\x00\x00\x00\x07\x06"]
    assert list(decoder.prepare(batch(framed)).waiting.values()) == ["registry away"]
    table, bad = decoder.judge(batch([framed[0], framed[2]]))
    assert (table["n"].to_pylist(), bad) == ([2, 3], [])
    asked = source.asked
    decoder.judge(batch([framed[0]]))
    assert source.asked == asked


def test_a_proposal_comes_back(isolation: Isolation) -> None:
    decoder = make("json", "raw", (Column("id", "BIGINT"),), isolation=isolation, evolves=True)
    assert [(c.name, c.type) for c in decoder.prepare(batch(RECORDS)).proposal][:1] == [("tags", "VARCHAR[]")]


# ---- a record that ends it -------------------------------------------------------------------------------------------

@pytest.mark.fault("F81")
def test_the_record_that_ends_the_child_is_found_and_named(mischief: Any) -> None:
    decoder = make("json", "raw", (Column("id", "BIGINT"),), isolation=mischief("kill"))
    records: list[Any] = [f'{{"id":{i}}}' for i in range(9)]
    assert decoder.judge(batch(records))[0].num_rows == 9
    records[6] = '{"id":"poison"}'
    with pytest.raises(Undecodable) as found:
        decoder.judge(batch(records))
    assert (found.value.index, found.value.code) == (6, "DECODER_CRASHED")
    assert "signal 9" in found.value.message
    assert decoder.judge(batch(records[:6]))[0]["id"].to_pylist() == [0, 1, 2, 3, 4, 5]
    assert decoder.prepare(batch(records)).waiting == {}


def test_a_record_that_keeps_the_child_too_long_is_found_and_named(mischief: Any) -> None:
    decoder = make("string", "raw", (), isolation=mischief("sleep:60", batch_s=2))
    with pytest.raises(Undecodable) as found:
        decoder.judge(batch(["a", "b", "poison"]))
    assert (found.value.index, found.value.code) == (2, "DECODE_STUCK")


def test_memory_is_bounded() -> None:
    isolation = Isolation(memory_bytes=50_000_000, batch_s=60)
    decoder = make("json", "raw", (Column("a", "BIGINT[]"),), isolation=isolation)
    try:
        assert decoder.judge(batch(['{"a":[1]}']))[0].num_rows == 1
        with pytest.raises(Undecodable) as found:
            decoder.judge(batch(['{"a":[' + ",".join(["[]"] * 1_000_000) + "]}"]))
    finally:
        isolation.shut()
    assert found.value.code == "DECODER_CRASHED"


def test_a_sample_that_ends_the_child_is_refused(mischief: Any) -> None:
    with pytest.raises(RefusedError, match="DECODER_CRASHED") as found:
        mischief("kill").infer(batch(["poison"]), format="json")
    assert "declare the columns" in str(found.value.hint)


# ---- what it may see -------------------------------------------------------------------------------------------------

def test_its_environment_is_empty(isolation: Isolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_SASL_PASSWORD", "hunter2")
    monkeypatch.delenv("KSHELL_TESTING", raising=False)
    assert child_environment() == {"LANG": "C.UTF-8"}
    isolation.close()
    isolation.infer(batch(RECORDS), format="json")
    assert isolation._process is not None
    seen = Path(f"/proc/{isolation._process.pid}/environ").read_bytes()
    assert b"hunter2" not in seen
    assert b"KAFKA" not in seen


def test_it_has_no_open_file_of_ours_but_its_pipes(isolation: Isolation) -> None:
    isolation.infer(batch(RECORDS), format="json")
    assert isolation._process is not None
    folder = Path(f"/proc/{isolation._process.pid}/fd")
    targets = [os.readlink(fd) for fd in folder.iterdir()]
    assert [t for t in targets if not t.startswith(("pipe:", "/dev/null"))] == []


def test_an_answer_that_no_decoder_gives_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has taken the child over writes what he likes."""
    isolation = Isolation()
    decoder = make("string", "raw", (), isolation=isolation)
    assert isinstance(decoder, IsolatedDecoder)
    for line in ("b'\\xff' * 100", "(16).to_bytes(8, 'little') + bytes(8) + b'{\"bad\": [[9]] }'", "b''"):
        liar = f"import sys\nsys.stdin.buffer.read(16)\nsys.stdout.buffer.write({line})"
        monkeypatch.setattr(isolation, "_running", lambda liar=liar: _process(isolation, liar))
        monkeypatch.setattr(isolation, "made", lambda *_: None)
        with pytest.raises(Undecodable) as found:
            decoder.judge(batch(["a"]))
        assert found.value.code == "DECODER_CRASHED"


def _process(isolation: Isolation, text: str) -> Any:
    isolation._process = subprocess.Popen([sys.executable, "-I", "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
    return isolation._process
