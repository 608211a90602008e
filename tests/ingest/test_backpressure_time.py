"""The time in which a full buffer holds up reading: counted while it lasts, and kept afterwards."""

from __future__ import annotations

from kshell.ingest.shared import Shared
from tests.support import wait_until


def test_time_counts_while_reading_is_held_up_and_no_longer() -> None:
    shared = Shared(lambda text: None)
    assert (shared.holding, shared.held_s()) == (False, 0.0)
    shared.hold(True)
    wait_until(lambda: shared.held_s() > 0.01)
    shared.hold(True)
    assert shared.holding
    assert shared.held_s() > 0.01, "holding on goes on counting"
    shared.hold(False)
    total = shared.held_s()
    assert total > 0.01
    shared.hold(False)
    assert shared.held_s() == total


def test_two_times_add_up() -> None:
    shared = Shared(lambda text: None)
    for _ in range(2):
        before = shared.held_s()
        shared.hold(True)
        wait_until(lambda before=before: shared.held_s() > before)
        shared.hold(False)
    assert shared.held_s() > before > 0
