"""What the fast form of Avro accepts is what the exact form says, and that is what fastavro wrote; whatever the bytes, and however the
records are cut into batches. Inputs that once told the two apart, or hurt, are kept in corpus/avro."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kshell.decode import BadRecord, Decoder
from tests.decode.avro import Source, decoder, exactly, frame, quickly, rows, values, written
from tests.decode.avro_random import damaged, topics
from tests.decode.support import batch, same

CORPUS = sorted((Path(__file__).parent / "corpus" / "avro").glob("*.json"))
QUICK = settings(max_examples=50, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def outcome(decoder: Decoder, judged: tuple[pa.Table, list[BadRecord]], first: int = 0) -> tuple[list[Any], list[Any]]:
    table, bad = judged
    return [[row, at] for row, at in zip(rows(table, decoder), table["_kafka_offset"].to_pylist(), strict=True)], [
        (b.index + first, b.code, b.message) for b in bad]


def alike(left: tuple[list[Any], list[Any]], right: tuple[list[Any], list[Any]]) -> bool:
    return left[1] == right[1] and (same(left[0], right[0]) or repr(left[0]) == repr(right[0]))       # NaN is not itself


@given(topics())
@QUICK
def test_both_forms_read_what_fastavro_wrote(topic: tuple[Any, list[Any]]) -> None:
    tree, pairs = topic
    made = decoder(Source(tree))
    given = batch(values(tree, [value for value, _ in pairs]))
    wanted = [list(column.values()) for _, column in pairs]
    for judge in (exactly, quickly):
        table, bad = judge(made, given)
        assert bad == []
        assert rows(table, made) == wanted


@given(st.data())
@QUICK
def test_both_forms_agree_on_damaged_records_in_any_batches(data: Any) -> None:
    tree, pairs = data.draw(topics())
    made = decoder(Source(tree))
    records = [frame(data.draw(damaged(written(tree, value)))) for value, _ in pairs]
    whole = outcome(made, exactly(made, batch(records)))
    assert alike(outcome(made, quickly(made, batch(records))), whole)
    cut = data.draw(st.integers(0, len(records)))
    parts = [outcome(made, quickly(made, batch(part, first=first)), first) for part, first in ((records[:cut], 0), (records[cut:], cut))]
    assert alike((parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]), whole)


@given(st.data())
@QUICK
def test_a_record_read_with_columns_of_its_neighbours_is_rows_or_verdicts(data: Any) -> None:
    """Two schemas at random: each is read into the columns of the other, where most fields do not fit."""
    (one, pairs), (other, _) = data.draw(topics()), data.draw(topics())
    made = decoder(Source(one, other))
    given = batch(values(one, [value for value, _ in pairs]))
    assert alike(outcome(made, quickly(made, given)), outcome(made, exactly(made, given)))
    columns = made.prepare(given).proposal
    grown = decoder(Source(one, other), (*(c for c in made.columns if c.name not in {p.name for p in columns}), *columns))
    assert grown.prepare(given).proposal == (), "what was proposed is enough"
    assert alike(outcome(grown, quickly(grown, given)), outcome(grown, exactly(grown, given)))


@pytest.mark.fault("F37")
@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_an_input_of_the_corpus_has_the_verdict_that_is_written_with_it(path: Path) -> None:
    kept = json.loads(path.read_text())
    made = decoder(Source(kept["schema"]))
    given = batch([frame(bytes.fromhex(record)) for record in kept["records"]])
    for judge in (exactly, quickly):
        table, bad = judge(made, given)
        assert [b.code for b in bad] == kept["codes"]
        assert table.num_rows + len(bad) == len(kept["records"])
