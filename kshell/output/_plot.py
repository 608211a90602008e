"""A chart with the characters of a terminal: bars of one series are drawn here, everything else by plotext.

Invariant: no control sequence is in the lines; names went through `printable`.
Bars of one series are ours because plotext sets names by the number of their characters, which misplaces CJK names, and rounds the length
of a bar to whole characters; they also need no extra."""

from __future__ import annotations

import importlib
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from kshell.errors import UsageError
from kshell.output._base import printable
from kshell.output._width import cut, pad, width

if TYPE_CHECKING:
    from kshell.output._chart import Chart, Point

EXTRA = "pip install 'kshell[chart]'"
MOST_BARS, WIDEST_NAME = 40, 30
_TICKS, _WIDEST_TICK = 5, 16
_MARKERS = ("●", "▲", "◆", "○", "+", "■", "△", "*")
_EIGHTHS = " ▏▎▍▌▋▊▉"


def lines(chart: Chart, columns: int, rows: int) -> list[str]:
    if not chart.points:
        return []
    if chart.kind == "bar" and chart.by is None:
        return _bars(chart.points[:MOST_BARS], columns)
    return _plotted(chart, max(30, columns), max(8, rows))


def _bars(points: tuple[Point, ...], columns: int) -> list[str]:
    """One line a row; the longest bar fills the screen. A negative value has no bar."""
    names = [cut(printable(_name(p.x)), WIDEST_NAME) for p in points]
    numbers = [f"{p.y:g}" for p in points]
    left, right = max(map(width, names)), max(map(len, numbers))
    room = max(10, columns - left - right - 3)
    top = max(p.y for p in points)
    return [f"{pad(name, left)} {number:>{right}} {_bar(p.y / top * room if top > 0 else 0)}".rstrip()
            for name, number, p in zip(names, numbers, points, strict=True)]


def _bar(length: float) -> str:
    whole, eighths = divmod(round(max(0.0, length) * 8), 8)
    return "█" * whole + _EIGHTHS[eighths].strip()


def _name(x: str | float | datetime) -> str:
    if isinstance(x, datetime):
        return x.strftime("%Y-%m-%d" if x.hour == x.minute == x.second == x.microsecond == 0 else "%Y-%m-%d %H:%M:%S")
    return x if isinstance(x, str) else f"{x:g}"


def plotext() -> Any:
    try:
        return importlib.import_module("plotext")
    except ImportError:
        raise UsageError("this chart needs plotext, which is not installed", hint=EXTRA) from None


def _plotted(chart: Chart, columns: int, rows: int) -> list[str]:
    plot = plotext()
    plot.clear_figure()
    plot.theme("clear")
    plot.limit_size(False, False)
    plot.plotsize(columns, rows)
    series = list(dict.fromkeys(p.series for p in chart.points))
    if chart.kind == "bar":
        _grouped_bars(plot, chart, series)
    else:
        _curves(plot, chart, series)
    plot.xlabel(printable(chart.x))
    plot.ylabel(printable(chart.y))
    drawn = plot.uncolorize(plot.build())
    plot.clear_figure()
    return [line.rstrip() for line in drawn.rstrip("\n").split("\n")]


def _grouped_bars(plot: Any, chart: Chart, series: list[str | None]) -> None:
    names = list(dict.fromkeys(_name(p.x) for p in chart.points))[:MOST_BARS]
    sums: dict[tuple[str, str | None], float] = {}
    for p in chart.points:
        sums[_name(p.x), p.series] = sums.get((_name(p.x), p.series), 0.0) + p.y
    heights = [[sums.get((name, one), 0.0) for name in names] for one in series]
    if "y" in chart.whole:
        _set_whole(plot.yticks, [0.0, *(height for one in heights for height in one)])
    plot.multiple_bar([_tick(name) for name in names], heights, labels=[_tick(one or "") for one in series],
                      marker=[_MARKERS[n % len(_MARKERS)] for n in range(len(series))])


def _curves(plot: Any, chart: Chart, series: list[str | None]) -> None:
    names = {p.x: n for n, p in reversed(list(enumerate(chart.points)))} if chart.scale == "nominal" else {}
    order = {x: n for n, x in enumerate(sorted(names, key=lambda x: names[x]))}
    at = {p.x: _along(p.x, order) for p in chart.points}
    draw = plot.scatter if chart.kind == "point" else plot.plot
    for n, one in enumerate(series):
        points = [p for p in chart.points if p.series == one]
        if chart.scale != "nominal":
            points.sort(key=lambda p: at[p.x])
        marker = {"marker": "braille"} if len(series) == 1 and chart.kind != "point" else {"marker": _MARKERS[n % len(_MARKERS)]}
        label = {} if one is None else {"label": _tick(one)}
        draw([at[p.x] for p in points], [p.y for p in points], fillx=chart.kind == "area", **marker, **label)
    if chart.scale != "quantitative":
        _set_ticks(plot, at)
    elif "x" in chart.whole:
        _set_whole(plot.xticks, list(at.values()))
    if "y" in chart.whole:
        _set_whole(plot.yticks, [p.y for p in chart.points] + [0.0] * (chart.kind == "area"))


def _along(x: str | float | datetime, order: dict[Any, int]) -> float:
    return float(order[x]) if isinstance(x, str) else x.timestamp() if isinstance(x, datetime) else float(x)


def _set_ticks(plot: Any, at: dict[Any, float]) -> None:
    """A few of the names or instants that occur, from the first to the last."""
    known = sorted(at, key=lambda x: at[x])
    count = min(_TICKS, len(known))
    chosen = [known[round(n * (len(known) - 1) / max(1, count - 1))] for n in range(count)]
    plot.xticks([at[x] for x in chosen], [_tick(_name(x)) for x in chosen])


def _set_whole(set_ticks: Any, values: list[float]) -> None:
    marks = whole_ticks(min(values), max(values))
    set_ticks(marks, [str(mark) for mark in marks])


def whole_ticks(low: float, high: float, most: int = 7) -> list[int]:
    """Whole numbers from low to high, at most this many, 1, 2 or 5 times a power of ten apart. Both ends alike: the one number."""
    first, last = math.ceil(low), math.floor(high)
    least = max(1, -(-(last - first) // (most - 1)))
    power = 10 ** (len(str(least)) - 1)
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= least)
    return list(range(-(-first // step) * step, last + 1, step)) or [round(low)]


def _tick(text: str) -> str:
    return cut(printable(text), _WIDEST_TICK if len(text) != 19 else 19)
