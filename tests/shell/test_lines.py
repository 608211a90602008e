"""What stands below the prompt and below a result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kshell.session.status import Awaited, SinkStatus, SourceStatus, Status
from kshell.shell import figures, footer, progress, toolbar

SOURCE = SourceStatus("orders", "running", 1234, 8400.0, 312_000, 96_000_000, 41.0, 0, 0.8)
SINK = SinkStatus("orders_lake", "running", 12.0, 312_000, 4102, "orders", "orders", 4_000_000)
BUSY = Status.of([SOURCE], [SINK])


@pytest.mark.parametrize(("value", "text"), [
    (0, "0"), (999, "999"), (1200, "1.2k"), (312_000, "312k"), (4_000_000, "4.0M"), (2.5e9, "2.5G")])
def test_counts_are_short(value: float, text: str) -> None:
    assert figures.count(value) == text


@pytest.mark.parametrize(("value", "text"), [(0, "0 B"), (96_000_000, "96 MB"), (1_500_000_000, "1.5 GB")])
def test_sizes_have_decimal_units(value: float, text: str) -> None:
    assert figures.size(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.8, "0.8 s"), (41, "41 s"), (720, "12 min"), (12_600, "3.5 h"), (200_000, "2.3 d")])
def test_ages_use_the_unit_that_fits(seconds: float, text: str) -> None:
    assert figures.age(seconds) == text


def test_the_toolbar_says_lag_rate_buffer_sinks_and_errors() -> None:
    assert toolbar.line(BUSY, 120) == "lag 1.2k · 8.4k rows/s · buffer 312k rows 96 MB, oldest 41 s · orders_lake ok 12 s ago · 0 errors"


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100])
def test_the_toolbar_fits_a_narrow_screen_and_keeps_the_errors(width: int) -> None:
    text = toolbar.line(BUSY, width)
    assert len(text) <= width
    assert text.endswith("0 errors")


def test_a_sink_in_trouble_is_named_with_its_state() -> None:
    stuck = Status((SOURCE,), (SinkStatus("orders_lake", "OUT_OF_RETENTION", None, 5, None),))
    assert "orders_lake OUT_OF_RETENTION, no commit yet" in toolbar.line(stuck, 200)


def test_a_source_in_trouble_comes_first() -> None:
    away = Status((SourceStatus("orders", "reconnecting", None, 0.0, 0, 0, None, 3),))
    assert toolbar.line(away, 80) == "orders reconnecting · lag unknown · 0 rows/s · buffer 0 rows 0 B · 3 errors"


def test_without_a_source_there_is_no_toolbar() -> None:
    assert toolbar.line(Status(), 80) == ""


def test_the_toolbar_names_configured_brokers_that_are_not_connected() -> None:
    waiting = Status.of([], [], [Awaited("kafka", "connecting")])
    assert toolbar.line(waiting, 80) == "kafka connecting"
    other = replace(BUSY, awaited=(Awaited("kafka", "not reached"),))
    assert toolbar.line(other, 120).startswith("kafka not reached · lag 1.2k")
    assert "kafka not reached" in toolbar.line(other, 60)


def test_the_toolbar_asks_for_a_snapshot_at_most_twice_a_second() -> None:
    asked, now = [], [0.0]

    def status() -> Status:
        asked.append(now[0])
        return BUSY

    bar = toolbar.Toolbar(status, clock=lambda: now[0])
    for step in range(100):                   # a hundred drawings within a second
        now[0] = step / 100
        bar.text(80)
    assert asked == [0.0, 0.5]


def test_the_footer_of_a_query_over_a_source_says_split_freshness_and_snapshot() -> None:
    text = footer.line(12, 0.034, BUSY.about({"orders"}))
    assert text == "12 rows in 0.034 s · live 312k + lake 4.0M · data up to 0.8 s ago · snapshot 4102"


def test_the_footer_of_another_query_says_rows_and_seconds_only() -> None:
    assert footer.line(1, 0.5, BUSY.about({"numbers"})) == "1 row in 0.500 s"


def test_the_footer_counts_the_sources_of_its_query_and_no_other() -> None:
    words = SourceStatus("words", "running", 0, 0.0, 9, 900, None, 0, 41.0)
    german = SinkStatus("german", "running", None, 2, 7, "words", "german", 30)
    status = Status.of([SOURCE, words], [SINK, german])
    assert footer.line(9, 0.1, status.about({"words"})) == "9 rows in 0.100 s · live 9 · data up to 41 s ago"
    assert footer.line(9, 0.1, status.about({"german"})) == "9 rows in 0.100 s · live 9 + lake 30 · data up to 41 s ago · snapshot 7"
    both = footer.line(9, 0.1, status.about({"orders", "words"}))
    assert both == "9 rows in 0.100 s · live 312k + lake 4.0M · data up to 0.8 s ago · snapshot 4102"


def test_the_footer_counts_folded_columns() -> None:
    assert footer.line(2, 0.1, Status(), folded=4) == "2 rows in 0.100 s · 4 metadata columns folded"


def test_a_source_without_a_sink_has_no_lake_part() -> None:
    read = Status.of([SOURCE], [])
    assert footer.line(1, 0.1, read) == "1 row in 0.100 s · live 312k · data up to 0.8 s ago"


def test_progress_shows_a_share_where_it_is_known() -> None:
    assert progress.line(0.5, 2.0) == "████████████░░░░░░░░░░░░  50%  2.000 s"
    assert progress.line(None, 12.0) == "12.0 s  Ctrl-C cancels"
