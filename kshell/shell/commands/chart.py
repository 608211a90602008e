"""`.chart line|bar|area|point X Y [BY] [--out FILE]`: the last result drawn: column X names, column Y measures, BY tells series apart."""

from __future__ import annotations

import shutil

from kshell.errors import BadValueError, NotFoundError
from kshell.output import _chart
from kshell.output._plot import MOST_BARS
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "line|bar|area|point X Y [BY] [--out FILE]", "chart"
HELP = "draw the last result, also into .png .svg .html .json"
_EXAMPLE = "write .chart bar url n, or .chart line minute n country --out n.svg"


def run(context: Context, arguments: str) -> None:
    wish, target = read(arguments)
    if target is not None:
        _chart.file_kind(target)
    if context.last is None:
        raise NotFoundError("there is no result yet", hint="run a query first")
    chart = _chart.make(context.last.columns, context.last.again(), *wish)
    if target is not None:
        chart.save(target)
        context.note(f"chart written to {target}")
    else:
        size = shutil.get_terminal_size()
        context.print(chart.text(size.columns, max(8, min(24, size.lines - 4))))
    _say_what_is_missing(context, chart, target)


def read(arguments: str) -> tuple[tuple[str, ...], str | None]:
    """(kind, x, y[, by]) and the file."""
    found, target = words(arguments), None
    if "--out" in found:
        at = found.index("--out")
        if at + 1 == len(found):
            raise BadValueError("--out takes a file", hint=_EXAMPLE)
        target = found[at + 1]
        del found[at:at + 2]
    if not 3 <= len(found) <= 4:
        raise BadValueError("a chart takes a kind, two columns and at most one more", hint=_EXAMPLE)
    return tuple(found), target


def _say_what_is_missing(context: Context, chart: _chart.Chart, target: str | None) -> None:
    if target is None and chart.kind == "bar" and chart.by is None and len(chart.points) > MOST_BARS:
        context.note(f"{MOST_BARS} bars shown, the result has {len(chart.points)} rows")
    if chart.left_out:
        context.note(f"{chart.left_out} rows have no value to draw")
