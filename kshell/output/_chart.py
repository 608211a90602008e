"""Chart: the values of two or three columns of a result, ready to be drawn on a terminal or into a file.

Invariant: a point has a name or place on X and a finite number on Y; a row that lacks one is left out and counted. At most MOST_POINTS are
held: more is an error, because a chart of a part looks like one of the whole."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import pyarrow as pa

from kshell.errors import BadValueError, LimitError, NotFoundError, UsageError, did_you_mean
from kshell.output._shape import OutColumn
from kshell.output._values import texts

Kind = Literal["line", "bar", "area", "point"]
Scale = Literal["quantitative", "temporal", "nominal"]
KINDS: tuple[str, ...] = get_args(Kind)
FILES = ("png", "svg", "html", "json")
MOST_POINTS = 50_000
_WHOLE = frozenset({"tinyint", "smallint", "integer", "bigint", "hugeint", "utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"})
_MOMENTS = frozenset({"date", "timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns", "timestamp with time zone"})


@dataclass(frozen=True, slots=True)
class Point:
    x: str | float | datetime                 # by the scale of the chart: a name, a number, an instant in UTC
    y: float
    series: str | None = None                 # None: the chart has one series


@dataclass(frozen=True, slots=True)
class Chart:
    """What a notebook shows by itself and `save` writes. `left_out` counts rows without a name or a number."""

    kind: str
    x: str
    y: str
    by: str | None
    scale: Scale
    points: tuple[Point, ...]
    left_out: int = 0
    whole: frozenset[str] = frozenset()       # of "x" and "y" the axes that count: their marks are whole numbers

    def text(self, width: int = 80, height: int = 20) -> str:
        """Drawn with characters. Raises UsageError where the extra is needed and missing."""
        from kshell.output import _plot
        return "\n".join(_plot.lines(self, width, height))

    def spec(self) -> dict[str, Any]:
        """The chart in Vega-Lite."""
        from kshell.output import _vega
        return _vega.spec(self)

    def save(self, path: str | Path) -> None:
        """Into a .png, .svg, .html (one file, nothing is fetched) or .json (Vega-Lite) file."""
        from kshell.output import _vega
        kind = file_kind(path)
        Path(path).expanduser().write_bytes(_vega.rendered(self, kind))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        from kshell.output import _vega
        return _vega.bundle(self)


def file_kind(path: str | Path) -> str:
    kind = Path(path).suffix.lower().removeprefix(".")
    if kind not in FILES:
        raise UsageError(f"a chart is not written to {Path(path).name}", hint=f"end the name in .{', .'.join(FILES)}")
    return kind


def make(columns: Sequence[OutColumn], batches: Iterable[pa.RecordBatch], kind: str, x: str, y: str, by: str | None = None) -> Chart:
    if kind not in KINDS:
        raise BadValueError(f"there is no chart {kind}", hint=did_you_mean(kind, KINDS) or f"one of {', '.join(KINDS)}")
    places = [_place(columns, name) for name in (x, y, *([by] if by is not None else []))]
    scale = _scale(columns[places[0]])
    points: list[Point] = []
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        if rows > MOST_POINTS:
            raise LimitError(f"a chart holds at most {MOST_POINTS} rows", hint="aggregate first: GROUP BY time_bucket(INTERVAL '1m', ...)")
        held = [texts(batch.column(place), columns[place].shape) for place in places]
        series = held[2] if by is not None else [None] * batch.num_rows
        points += [p for row in zip(held[0], held[1], series, strict=True) if (p := _point(scale, by is not None, y, *row)) is not None]
    whole = frozenset(axis for axis, place in zip("xy", places, strict=False) if columns[place].shape.id in _WHOLE)
    return Chart(kind, x, y, by, scale, tuple(points), rows - len(points), whole)


def _place(columns: Sequence[OutColumn], name: str) -> int:
    known = [c.name for c in columns]
    if name not in known:
        raise NotFoundError(f"the result has no column {name}", hint=did_you_mean(name, known) or f"columns: {', '.join(known)}")
    return known.index(name)


def _scale(column: OutColumn) -> Scale:
    if column.shape.numeric:
        return "quantitative"
    return "temporal" if column.shape.id in _MOMENTS else "nominal"


def _point(scale: Scale, several: bool, measure: str, x: str | None, y: str | None, series: str | None) -> Point | None:
    value = None if y is None else _number(y, measure)
    at = _at(scale, x)
    if value is None or at is None:
        return None
    return Point(at, value, ("NULL" if series is None else series) if several else None)


def _number(text: str, column: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        raise BadValueError(f"column {column} holds {text!r}, which is not a number") from None
    return value if math.isfinite(value) else None


def _at(scale: Scale, text: str | None) -> str | float | datetime | None:
    if scale == "nominal":
        return "NULL" if text is None else text
    if text is None:
        return None
    if scale == "quantitative":
        return _number(text, "")
    try:
        found = datetime.fromisoformat(text[:26].removesuffix("Z"))     # nanoseconds end at the microsecond
    except ValueError:                        # infinity, BC, years after 9999
        return None
    return found.replace(tzinfo=UTC)
