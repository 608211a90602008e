"""Records that once told the two forms apart, or might: each has the verdict that is written with it; what lies near is judged alike.

A record that a search finds is kept as one more file of corpus/json."""

from __future__ import annotations

import json as stdlib
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kshell.decode import Decoder, make
from tests.decode.support import Both, batch, columns
from tests.decode.test_both_forms_agree import agree, bounded

CORPUS = sorted((Path(__file__).parent / "corpus" / "json").glob("*.json"))
STEPS = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"9", b"e", b".", b"-", b"null", b"NaN",
         b"payload", b"op", b"data", b" ", b"\xff"]


def read(path: Path) -> tuple[Decoder, bytes, str | None]:
    held = stdlib.loads(path.read_text())
    decoder = make("json", "raw", columns(*held["columns"].items()), ("rest",) if held["envelope"] != "cloudevents" else (),
                   envelope=held["envelope"])
    return decoder, held["record"].encode(), held["code"]


@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_a_record_of_the_corpus_has_the_verdict_that_is_written_with_it(cursor: Any, path: Path) -> None:
    decoder, record, code = read(path)
    both = Both(cursor, decoder, batch([record], headers=[None]))
    agree(both, [record])
    assert both.codes.get(0) == code


def near(record: bytes, seed: int) -> bytes:
    """One to three edits away."""
    draw = random.Random(seed)
    for _ in range(draw.randint(1, 3)):
        at, width = draw.randint(0, len(record)), draw.choice([0, 0, 1, 1, 2, 8])
        record = record[:at] + draw.choice([b"", draw.choice(STEPS), record[at:at + width] * 2]) + record[at + width:]
    return record


@settings(bounded, max_examples=60)
@given(path=st.sampled_from(CORPUS), seeds=st.lists(st.integers(0, 2**32), min_size=20, max_size=20))
def test_what_lies_near_the_corpus_is_a_row_or_a_verdict_and_both_forms_agree(cursor: Any, path: Path, seeds: list[int]) -> None:
    decoder, record, _ = read(path)
    records: list[Any] = [near(record, seed) for seed in seeds]
    agree(Both(cursor, decoder, batch(records, headers=[None] * len(records))), records)
