"""Cutting and joining what was fetched loses no record and no position."""

from __future__ import annotations

import threading

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from kshell.buffer.values import TP
from kshell.ingest.handoff import Fetched, Handoff, Lost, joined
from kshell.ingest.parcel import Parcel, gather
from kshell.ingest.rates import WINDOW_S, Rate

T0, T1 = ("t", 0), ("t", 1)


def batch(rows: list[tuple[int, int]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({
        "_kafka_partition": pa.array([p for p, _ in rows], pa.int32()), "_kafka_offset": pa.array([o for _, o in rows], pa.int64()),
        "_kafka_timestamp": pa.nulls(len(rows), pa.timestamp("us", "UTC"))})


def rows_of(parcel: Parcel) -> list[tuple[int, int]]:
    if parcel.batch is None:
        return []
    return list(zip(parcel.batch["_kafka_partition"].to_pylist(), parcel.batch["_kafka_offset"].to_pylist(), strict=True))


@st.composite
def parcels(draw: st.DrawFn) -> Parcel:
    """Some partitions, offsets with holes, interleaved as a reader would hand them out, ends past the last record."""
    rows: list[tuple[int, int]] = []
    spans: dict[TP, tuple[int, int]] = {}
    for p in range(draw(st.integers(1, 3))):
        offsets = sorted(draw(st.sets(st.integers(10, 60), min_size=1, max_size=12)))
        rows += [(p, o) for o in offsets]
        spans["t", p] = (draw(st.integers(0, offsets[0])), draw(st.integers(offsets[-1] + 1, 80)))
    mixed = draw(st.permutations(range(len(rows))))
    queues = {p: [r for r in rows if r[0] == p] for p in {r[0] for r in rows}}
    return Parcel(batch([queues[rows[i][0]].pop(0) for i in mixed]), spans, "t")


@given(parcels(), st.integers(1, 10))
def test_the_parts_of_a_parcel_are_the_parcel(parcel: Parcel, most: int) -> None:
    parts = list(parcel.parts(most))
    assert [r for part in parts for r in rows_of(part)] == rows_of(parcel)
    assert all(part.rows <= most for part in parts)
    spans: dict[TP, tuple[int, int]] = {}
    for part in parts:
        for p, o in rows_of(part):
            lo, hi = part.spans["t", p]
            assert lo <= o < hi
        for tp, (lo, _) in part.spans.items():
            assert lo == (spans[tp][1] if tp in spans else parcel.spans[tp][0])
        spans = joined(spans, part.spans)
    assert spans == parcel.spans


@given(parcels(), st.integers(0, 80), st.integers(0, 80))
def test_what_lies_outside_the_spans_is_left_out(parcel: Parcel, lo: int, hi: int) -> None:
    inside = parcel.within({T0: (lo, hi)})
    assert rows_of(inside) == [(p, o) for p, o in rows_of(parcel) if p == 0 and lo <= o < hi]
    assert inside.rows_by_partition() == ({T0: inside.rows} if inside.rows else {})


def test_polls_are_gathered_into_one_batch() -> None:
    polls = [Fetched(batch([(0, 1)]), {T0: (0, 2)}), Fetched(None, {T0: (2, 5), T1: (0, 1)}), Fetched(batch([(0, 7)]), {T0: (5, 8)})]
    parcel = gather(polls, "t")
    assert rows_of(parcel) == [(0, 1), (0, 7)]
    assert parcel.spans == {T0: (0, 8), T1: (0, 1)}


def test_only_polls_that_join_are_taken_together() -> None:
    handoff = Handoff(1000)
    handoff.put(Fetched(None, {T0: (0, 5)}))
    handoff.put(Fetched(None, {T0: (5, 9)}))
    handoff.put(Fetched(None, {T0: (2, 4)}))
    handoff.put(Fetched(None, {}, lost={T0: Lost(4, 8, "retention")}))
    handoff.put(Fetched(None, {T0: (8, 9)}))
    assert [len(handoff.take(100, 100, 0)) for _ in range(5)] == [2, 1, 1, 1, 0]


def test_the_queue_counts_its_bytes_until_they_are_in_the_buffer() -> None:
    handoff = Handoff(100)
    assert handoff.put(Fetched(batch([(0, 0)]), {T0: (0, 1)}, 90))
    waiting = threading.Thread(target=handoff.put, args=(Fetched(batch([(0, 1)]), {T0: (1, 2)}, 90),))
    waiting.start()
    taken = handoff.take(100, 1000, 1)
    assert (len(taken), handoff.bytes) in {(1, 90), (1, 180)}
    handoff.done(taken)
    waiting.join(5)
    assert not waiting.is_alive()
    assert handoff.bytes == 90


def test_full_polls_are_waited_for_until_they_are_one_append() -> None:
    handoff = Handoff(1000)
    for number in range(3):
        handoff.put(Fetched(batch([(0, number)]), {T0: (number, number + 1)}, 10, more=True))
    taken: list[int] = []
    taking = threading.Thread(target=lambda: taken.append(len(handoff.take(4, 1000, 30))))
    taking.start()
    handoff.put(Fetched(batch([(0, 3)]), {T0: (3, 4)}, 10, more=True))
    taking.join(5)
    assert taken == [4]


def test_nothing_is_waited_for_when_the_queue_has_no_room() -> None:
    handoff = Handoff(100)
    handoff.put(Fetched(batch([(0, 0)]), {T0: (0, 1)}, 90, more=True))
    waiting = threading.Thread(target=handoff.put, args=(Fetched(batch([(0, 1)]), {T0: (1, 2)}, 90, more=True),))
    waiting.start()
    taken = handoff.take(1000, 1000, 30)
    handoff.done(taken)
    waiting.join(5)
    assert (len(taken), waiting.is_alive()) == (1, False)


def test_closing_wakes_who_waits_for_room() -> None:
    handoff = Handoff(100)
    handoff.put(Fetched(None, {}, 100))
    answers: list[bool] = []
    waiting = threading.Thread(target=lambda: answers.append(handoff.put(Fetched(None, {}, 100))))
    waiting.start()
    handoff.close()
    waiting.join(5)
    assert answers == [False]
    assert handoff.take(1, 1, 0) == []


def test_the_rate_is_that_of_the_last_seconds() -> None:
    now = [100.0]
    rate = Rate(lambda: now[0])
    rate.add(50)
    now[0] += 5
    assert rate.per_second() == 10
    now[0] += WINDOW_S
    assert rate.per_second() == 0
