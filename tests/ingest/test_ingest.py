"""What arrives in Kafka is in the buffer, each record once and in order, and nothing that goes wrong is hidden."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from kshell import decode
from kshell.buffer.values import Outlet
from kshell.columns import Column
from kshell.errors import DecodeError, InternalError, UnreachableError
from kshell.kafka.reader import ReaderFault
from tests.ingest.conftest import T0, T1, Running
from tests.ingest.fakes import CONTROL, FakeCluster
from tests.support.waiting import wait_until

Run = Callable[..., Running]
SINK = Outlet("lake", "orders")


def record(i: int) -> bytes:
    return json.dumps({"id": i, "name": f"n{i}"}).encode()


def test_records_are_rows_once_they_are_waited_for(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(5)))
    cluster.put(T1, *map(record, range(3)))
    source = run()
    source.reach(p0=5, p1=3)
    assert source.sql("SELECT count(*), sum(id) FROM orders") == [(8, 13)]
    cluster.put(T0, record(99))
    source.reach(p0=6)
    assert source.sql("SELECT name FROM orders WHERE _kafka_offset = 5") == [("n99",)]
    status = source.ingest.status()
    assert (status.state, status.rows_total, status.error_rows) == ("running", 9, 0)


def test_positions_move_past_control_records(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, record(1), CONTROL, CONTROL)
    cluster.put(T1, CONTROL)
    source = run()
    source.reach(p0=3, p1=1)
    assert source.offsets() == [0]
    segment = source.buffer.seal()
    assert segment is not None
    assert {tp: (r.lo, r.hi, r.rows) for tp, r in segment.ranges.items()} == {T0: (0, 3, 1), T1: (0, 1, 0)}


def test_a_bad_record_is_quarantined_with_its_bytes_and_the_rest_are_rows(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, record(0), b"{nonsense", record(2), b'{"id": "x"}')
    source = run()
    source.reach(p0=4)
    assert source.offsets() == [0, 2]
    errors = source.ingest.errors()
    assert [(e.topic, e.partition, e.offset, e.value) for e in errors] == [("orders", 0, 1, b"{nonsense"), ("orders", 0, 3, b'{"id": "x"}')]
    assert [e.code for e in errors] == ["JSON_SYNTAX", "TYPE_MISFIT"]
    assert errors[0].timestamp_us == 1_700_000_000_000_001
    segment = source.buffer.seal()
    assert segment is not None
    assert ([b.offset for b in segment.bad], segment.ranges[T0].rows, segment.ranges[T0].hi) == ([1, 3], 2, 4)


def test_skipped_records_are_counted_and_not_kept(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, record(0), b"{nonsense", record(2))
    source = run(on_error="skip")
    source.reach(p0=3)
    assert source.offsets() == [0, 2]
    assert (source.ingest.errors(), source.ingest.status().error_rows) == ([], 1)
    segment = source.buffer.seal()
    assert segment is not None
    assert segment.bad == []


def test_fail_stops_at_the_record_with_everything_before_it_visible(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, record(0), record(1), b"{nonsense", record(3))
    cluster.put(T1, record(0))
    source = run(on_error="fail")
    with pytest.raises(DecodeError, match=r"orders\[0\]@2: JSON_SYNTAX"):
        source.ingest.wait_until({T0: 4}, 30)
    assert source.offsets() == [0, 1]
    assert source.ingest.state == "failed"
    assert source.buffer.decoded()[T0] == 2
    with pytest.raises(DecodeError):
        source.ingest.raise_if_failed()


def test_a_tombstone_is_a_row_of_null(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, None, record(1))
    source = run()
    source.reach(p0=2)
    assert source.sql("SELECT id, name FROM orders ORDER BY _kafka_offset") == [(None, None), (1, "n1")]


def test_a_bounded_source_ends_exactly_at_its_stop(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    source = run(stop={T0: 6, T1: 0})
    source.reach(p0=6)
    wait_until(lambda: source.ingest.state == "done")
    cluster.put(T0, *map(record, range(10)))
    assert source.offsets() == list(range(6))


def test_pause_holds_and_resume_goes_on(run: Run, cluster: FakeCluster) -> None:
    source = run()
    assert source.ingest.pause()
    assert not source.ingest.pause()
    wait_until(lambda: cluster.readers and cluster.readers[0].paused)
    cluster.put(T0, record(0))
    assert source.ingest.state == "paused"
    assert not source.ingest.wait_until({T0: 1}, 0.05)
    assert source.ingest.resume()
    source.reach(p0=1)


def test_with_a_sink_a_full_buffer_pauses_the_reader_and_nothing_is_evicted(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(5000)))
    source = run(retain={"retain_rows": 1000}, attach=SINK)
    wait_until(lambda: source.ingest.state == "backpressure")
    held = source.buffer.rows
    assert 1000 <= held < 5000
    assert source.buffer.evicted_rows == 0
    assert source.offsets() == list(range(held))
    source.buffer.set_retention(retain_bytes=512_000_000, retain_rows=100_000, retain_time_s=None)
    source.reach(p0=5000)
    assert source.offsets() == list(range(5000))


def test_without_a_sink_the_oldest_rows_are_evicted_and_counted(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(5000)))
    source = run(retain={"retain_rows": 1000})
    source.reach(p0=5000)
    kept = source.offsets()
    assert kept == list(range(5000 - len(kept), 5000))
    assert 800 <= len(kept) <= 1000
    assert source.buffer.evicted_rows == 5000 - len(kept)
    assert source.buffer.partitions()[T0].start == kept[0]


def test_a_rewind_without_a_sink_reads_again_without_a_hole_or_a_double(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(50)))
    source = run()
    source.reach(p0=50)
    source.ingest.rewind({T0: 20})
    source.reach(p0=50)
    assert source.offsets() == list(range(20, 50))


def test_new_partitions_are_read_from_their_start(run: Run, cluster: FakeCluster) -> None:
    source = run()
    with cluster.lock:
        cluster.log["orders"].partitions[2] = {}
        cluster.put(("orders", 2), record(0), record(1))
    source.reach(p2=2)
    assert source.offsets(2) == [0, 1]


def test_a_topic_that_matches_the_pattern_joins_from_its_start(run: Run, cluster: FakeCluster) -> None:
    source = run(pattern="orders.*", multi_topic=True)
    cluster.put(T0, record(7))
    cluster.create("orders_eu", 1, id="id-2")
    cluster.create("payments", 1, id="id-3")
    cluster.put(("orders_eu", 0), record(8))
    assert source.ingest.wait_until({("orders_eu", 0): 1, T0: 1}, 30)
    assert source.sql("SELECT _kafka_topic, id FROM orders ORDER BY ALL") == [("orders", 7), ("orders_eu", 8)]
    assert ("payments", 0) not in source.buffer.decoded()


def test_offsets_lost_to_retention_are_a_gap_without_a_sink(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    cluster.trim(T0, 4)
    source = run()
    source.reach(p0=10)
    assert source.offsets() == [4, 5, 6, 7, 8, 9]
    gap = source.ingest.status().partitions[T0].gaps[0]
    assert (gap.lo, gap.hi, gap.reason) == (0, 4, "retention")
    assert len([n for n in source.notices if "retention" in n]) == 1


def test_offsets_lost_to_retention_stop_the_partition_with_a_sink(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    cluster.put(T1, record(1))
    cluster.trim(T0, 4)
    source = run(attach=SINK)
    source.reach(p1=1)
    trouble = wait_until(lambda: source.troubles)[0]
    assert (trouble.kind, trouble.tp, trouble.position, trouble.log_start) == ("OUT_OF_RETENTION", T0, 0, 4)
    assert source.buffer.decoded()[T0] == 0
    assert source.ingest.status().troubles == {T0: trouble}
    source.ingest.rewind({T0: 4})
    source.reach(p0=10)
    assert source.ingest.status().troubles == {}


def test_a_position_beyond_the_log_is_reported_to_a_sink(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, record(0))
    source = run(start={T0: 500, T1: 0}, attach=SINK)
    trouble = wait_until(lambda: source.troubles)[0]
    assert (trouble.kind, trouble.position, trouble.log_end) == ("AHEAD_OF_LOG", 500, 1)


@pytest.mark.fault("F09")
def test_a_log_that_was_cut_and_grew_beyond_the_position_is_reported_to_a_sink(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    source = run(attach=SINK)
    source.reach(p0=10)
    cluster.cut(T0, 4, *map(record, range(100, 120)))
    cluster.put(T1, record(1))                # other partitions go on, also those of the same poll
    trouble = wait_until(lambda: source.troubles)[0]
    assert (trouble.kind, trouble.tp, trouble.position, trouble.log_end) == ("LOG_TRUNCATED", T0, 10, 4)
    source.reach(p1=1)
    assert source.buffer.decoded()[T0] == 10
    assert source.sql("SELECT max(id) FROM orders WHERE _kafka_partition = 0") == [(9,)]
    source.ingest.rewind({T0: 4}, again=(T0,))
    source.reach(p0=24)
    assert source.sql("SELECT id FROM orders WHERE _kafka_partition = 0 AND _kafka_offset >= 4 ORDER BY ALL") == [
        (n,) for n in range(100, 120)]
    assert source.ingest.status().troubles == {}


@pytest.mark.fault("F09")
def test_without_a_sink_a_log_that_was_cut_is_read_from_there(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    source = run()
    source.reach(p0=10)
    cluster.cut(T0, 4, *map(record, range(100, 120)))
    source.reach(p0=24)
    assert source.sql("SELECT id FROM orders WHERE _kafka_offset >= 4 ORDER BY ALL") == [(n,) for n in range(100, 120)]
    assert [(g.lo, g.hi, g.reason) for g in source.ingest.status().partitions[T0].gaps] == [(4, 10, "truncated")]


def test_another_leader_alone_is_no_cut(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    source = run(attach=SINK)
    source.reach(p0=10)
    cluster.cut(T0, 10, *map(record, range(10, 20)))
    source.reach(p0=20)
    assert source.troubles == []
    assert source.ingest.leaders() == {T0: 1}


def test_where_the_record_before_cannot_be_asked_for_the_poll_is_made_again(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    source = run(attach=SINK)
    source.reach(p0=10)
    asked, cluster.epochs_at = cluster.epochs_at, _away  # type: ignore[method-assign]
    cluster.cut(T0, 4, *map(record, range(100, 120)))
    wait_until(lambda: source.ingest.status().last_error == "cannot reach Kafka")
    assert source.buffer.decoded()[T0] == 10
    cluster.epochs_at = asked                 # type: ignore[method-assign]
    assert wait_until(lambda: source.troubles)[0].kind == "LOG_TRUNCATED"


def _away(offsets: object) -> Any:
    raise UnreachableError("cannot reach Kafka")


def test_a_topic_made_again_empties_a_buffer_without_a_sink(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    source = run()
    source.reach(p0=10)
    with cluster.lock:
        cluster.create("orders", 1, id="id-2")
        cluster.put(T0, record(100), record(101))
    wait_until(lambda: source.sql("SELECT id FROM orders ORDER BY ALL") == [(100,), (101,)])
    assert [g.reason for g in source.ingest.status().partitions[T0].gaps] == ["topic made again"]
    assert T1 not in source.buffer.decoded()
    assert any("made again" in n for n in source.notices)


def test_a_topic_made_again_is_reported_to_a_sink(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(3)))
    source = run(attach=SINK)
    source.reach(p0=3)
    cluster.create("orders", 2, id="id-2")
    wait_until(lambda: {t.tp for t in source.troubles if t.kind == "TOPIC_RECREATED"} == {T0, T1})
    assert source.offsets() == [0, 1, 2]


def test_a_topic_that_is_gone_is_reported(run: Run, cluster: FakeCluster) -> None:
    source = run()
    with cluster.lock:
        del cluster.log["orders"]
    assert wait_until(lambda: source.troubles)[0].kind == "TOPIC_MISSING"


def test_a_broken_connection_shows_and_heals(run: Run, cluster: FakeCluster) -> None:
    source = run()
    wait_until(lambda: source.ingest.state == "running")
    cluster.down = True
    wait_until(lambda: source.ingest.state == "reconnecting")
    cluster.down = False
    cluster.put(T0, record(1))
    source.reach(p0=1)
    assert source.ingest.state == "running"


def test_a_reader_that_will_not_recover_is_replaced(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kshell.ingest.fetch.REBUILD_S", 0.01)
    cluster.put(T0, record(0))
    source = run()
    source.reach(p0=1)
    cluster.faults = [ReaderFault(None, "_FATAL", "fenced", fatal=True)]
    wait_until(lambda: len(cluster.readers) == 2)
    cluster.put(T0, record(1))
    source.reach(p0=2)
    assert source.offsets() == [0, 1]
    assert source.ingest.status().last_error == "fenced"


def test_out_of_memory_is_tried_once_with_half_the_batch(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    source = run()
    source.ingest.pause()
    inserter = source.ingest._decoding.inserter
    fast, seen = inserter._fast, []

    def failing(segment: object, parcel: object) -> object:
        seen.append(parcel.rows)  # type: ignore[attr-defined]
        if len(seen) == 1:
            raise MemoryError
        return fast(segment, parcel)  # type: ignore[arg-type]

    monkeypatch.setattr(inserter, "_fast", failing)
    cluster.put(T0, *map(record, range(8)))
    source.ingest.resume()
    source.reach(p0=8)
    assert seen[:3] == [8, 4, 4]
    assert source.offsets() == list(range(8))


def test_out_of_memory_twice_stops_the_source_with_its_positions_unchanged(run: Run, cluster: FakeCluster,
                                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    source = run()

    def failing(segment: object, parcel: object) -> object:
        raise MemoryError

    monkeypatch.setattr(source.ingest._decoding.inserter, "_fast", failing)
    cluster.put(T0, *map(record, range(8)))
    with pytest.raises(InternalError, match="MemoryError"):
        source.ingest.wait_until({T0: 8}, 30)
    assert source.buffer.decoded()[T0] == 0
    assert source.offsets() == []


def test_a_failure_in_a_thread_is_raised_to_whoever_waits(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_TESTING", "1")
    monkeypatch.setenv("KSHELL_FAILPOINTS", "ingest.after_decode=raise:OSError")
    cluster.put(T0, record(0))
    source = run()
    with pytest.raises(InternalError, match="decoding orders failed"):
        source.ingest.wait_until({T0: 1}, 30)
    assert source.offsets() == []
    assert source.ingest.state == "failed"


def test_a_change_of_types_reads_the_buffer_again_and_no_row_vanishes(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(20)))
    source = run()
    source.reach(p0=20)
    wider = decode.make("json", "raw", (Column("id", "DOUBLE"), Column("name", "VARCHAR")), ())
    source.ingest.set_decoder(wider)
    assert source.offsets() == list(range(20))
    wait_until(lambda: source.sql("SELECT DISTINCT typeof(id) FROM orders") == [("DOUBLE",)])
    cluster.put(T0, record(20))
    source.reach(p0=21)
    assert source.offsets() == list(range(21))


def test_stopping_is_quick_when_the_reader_hangs(run: Run, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    source = run()
    wait_until(lambda: cluster.readers)
    monkeypatch.setattr(cluster.readers[0], "poll", lambda *_: release.wait(30))
    began = time.monotonic()
    source.ingest.stop(timeout_s=0.5)
    assert time.monotonic() - began < 2
    assert source.ingest.state == "stopped"
    release.set()


def test_the_status_says_how_far_behind_the_source_is(run: Run, cluster: FakeCluster) -> None:
    cluster.put(T0, *map(record, range(10)))
    source = run()
    source.reach(p0=10)
    wait_until(lambda: source.ingest.status().lag_messages == 0)
    source.ingest.pause()
    wait_until(lambda: cluster.readers[0].paused)
    cluster.put(T0, *map(record, range(4)))
    wait_until(lambda: source.ingest.status().lag_messages == 4)
    status = source.ingest.status()
    assert status.partitions[T0].log_end == 14
    assert status.lag_seconds is not None
    assert status.lag_seconds > 0
    assert status.rows_per_second > 0
