"""Rules that stand outside the commit, each taken out of a copy of the code, and the quick test that has to notice it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    name: str
    file: str
    old: str                                  # stands there exactly once
    new: str
    test: str


_MIRROR_FIRST = """    mirror = metadata.properties.get(codec.state_key(sink.id))
    if mirror is not None:
        return Found(*codec.decode_mirror(mirror)[:2])
    walked: list[Snapshot] = []
"""

_DROPS_FIRST = """                shelf.drop_tables([*gone, *replaced])
                shelf._cursor.execute("COMMIT")
                shelf._cursor.execute("BEGIN TRANSACTION")
                shelf.put(c.views(without=gone))
"""

_VIEWS_ONE_BY_ONE = """                self._uncommitted[key] = text
                self._cursor.execute("COMMIT")
                self._cursor.execute("BEGIN TRANSACTION")
"""

GUARDS = (
    Guard("topic ids not compared", "kshell/iceberg/compare.py",
          "if topic.id is not None and facts.id is not None and topic.id != facts.id:", "if False:",
          "tests/iceberg/test_compare.py::test_a_contradiction_stops_with_its_cure"),
    Guard("a position that is gone resets to the earliest", "kshell/kafka/settings.py", '"auto.offset.reset": "error"',
          '"auto.offset.reset": "earliest"', "tests/kafka/test_embedded.py::test_deleted_records_are_out_of_range"),
    Guard("a range ends at the high watermark", "kshell/ingest/fetch.py",
          "return {tp: (at[tp], hi) for tp, hi in positions.items() if tp in at and hi > at[tp]}",
          "return {tp: (at[tp], self._cluster.log_ends([tp])[tp]) for tp, hi in positions.items() if tp in at and hi > at[tp]}",
          "tests/ingest/test_ingest.py::test_without_a_sink_the_oldest_rows_are_evicted_and_counted"),
    Guard("the cut of a later snapshot than the scan", "kshell/buffer/handover.py", "        cut, lake = sink.wanted\n        shelf, name",
          "        cut, lake = sink.wanted[0], sink.lake or sink.wanted[1]\n        sink.lake = sink.wanted[1]\n        shelf, name",
          "tests/buffer/test_handover.py::test_readers_under_fire_see_each_row_once"),
    Guard("segments dropped in a transaction before the views'", "kshell/buffer/handover.py",
          "                shelf.put(c.views(without=gone))\n                failpoint", _DROPS_FIRST + "                failpoint",
          "tests/buffer/test_handover.py::test_readers_under_fire_see_each_row_once"),
    Guard("each view in a transaction of its own", "kshell/buffer/shelf.py", "                self._uncommitted[key] = text\n",
          _VIEWS_ONE_BY_ONE,
          "tests/buffer/test_handover.py::test_readers_under_fire_see_each_row_once"),
    Guard("a verdict that knows where its batch begins", "kshell/decode/verdict.py", "            faults.append(bad(index, verdict))",
          "            faults.append(bad(index, Verdict('JSON_SYNTAX', 'not the first of its batch') if index else verdict))",
          "tests/ingest/test_ingest.py::test_a_bad_record_is_quarantined_with_its_bytes_and_the_rest_are_rows"),
    Guard("the mirror read before the ancestors", "kshell/iceberg/state.py", "    walked: list[Snapshot] = []\n    for snapshot",
          _MIRROR_FIRST + "    for snapshot",
          "tests/iceberg/test_state.py::test_a_rollback_while_nobody_ran_does_not_pass_for_a_restart"),
)
