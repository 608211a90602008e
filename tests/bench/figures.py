"""Figures of rounds, and how they are written.

Invariant: a figure is the median of its rounds and is never shown without their least and greatest."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the report. `goal` is text: it is compared by the reader."""

    what: str
    figure: str
    goal: str = ""
    note: str = ""


def spread(values: Iterable[float], write: Callable[[float], str]) -> str:
    """`median (least - greatest)`."""
    found = sorted(values)
    return f"{write(statistics.median(found))} ({write(found[0])} - {write(found[-1])})"


def percentile(values: Sequence[float], share: float) -> float:
    found = sorted(values)
    return found[min(len(found) - 1, int(share * len(found)))]


def ratio(value: float) -> str:
    return f"{value:.2f}"


def milliseconds(seconds: float) -> str:
    ms = seconds * 1000
    return f"{ms:.2f} ms" if ms < 10 else f"{ms:,.0f} ms"


def seconds(value: float) -> str:
    return f"{value:.2f} s"


def rate(events_a_second: float) -> str:
    return f"{events_a_second / 1000:,.0f} k/s"


def cpu(seconds_an_event: float) -> str:
    return f"{seconds_an_event * 1e6:.2f} us"


def megabytes(bytes_: float) -> str:
    return f"{bytes_ / 1e6:,.0f} MB"
