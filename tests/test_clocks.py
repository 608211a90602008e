"""How far a server's clock is from ours."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from kshell.clocks import Skew


@pytest.mark.parametrize(("date", "seconds"), [
    ("Wed, 25 Nov 2026 12:00:00 GMT", 0.0), ("Wed, 25 Nov 2026 12:01:34 GMT", 94.0), ("Wed, 25 Nov 2026 11:59:00 GMT", -60.0),
    ("Wed, 25 Nov 2026 13:00:00 +0100", 0.0), ("Wed, 25 Nov 2026 12:00:00", 0.0)])
def test_a_date_tells_how_far_the_server_is_ahead(monkeypatch: pytest.MonkeyPatch, date: str, seconds: float) -> None:
    monkeypatch.setattr("kshell.clocks.time", SimpleNamespace(time=lambda: 1_795_608_000.5))       # 2026-11-25 12:00:00.5 UTC
    skew = Skew()
    skew.saw(date)
    assert skew.seconds == seconds


@pytest.mark.parametrize("date", [None, "", "today", "Wed, 99 Nov 2026 12:00:00 GMT", "\x1b[31m", "-1"])
def test_what_is_no_date_tells_nothing(date: str | None) -> None:
    skew = Skew()
    skew.saw(date)
    assert skew.seconds is None
