"""`.chart bar|line X Y`: the last result drawn: column X names, column Y measures."""

from __future__ import annotations

import shutil

import pyarrow as pa

from kshell.errors import BadValueError, NotFoundError, did_you_mean
from kshell.output import printable
from kshell.output._width import cut, pad, width
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context
from kshell.shell.frames import sparkline
from kshell.shell.keep import Kept

USAGE, COMPLETES = "bar|line X Y", ""
HELP = "draw the last result: X names, Y measures"
MOST_BARS, WIDEST_NAME = 40, 30
_EIGHTHS = " ▏▎▍▌▋▊▉"


def run(context: Context, arguments: str) -> None:
    kind, *columns = [*words(arguments), ""][:4] if arguments else [""]
    if kind not in ("bar", "line") or len(columns) < 2:
        raise BadValueError("something is missing", hint="write .chart bar url n")
    if context.last is None:
        raise NotFoundError("there is no result yet", hint="run a query first")
    names, values = (_column(context.last, name) for name in columns[:2])
    pairs = [("NULL" if n is None else str(n), _number(v, columns[1])) for n, v in zip(names, values, strict=True) if v is not None]
    draw = bars if kind == "bar" else line
    for text in draw(pairs, shutil.get_terminal_size().columns):
        context.print(text)
    if kind == "bar" and len(pairs) > MOST_BARS:
        context.note(f"{MOST_BARS} bars shown, the result has {len(pairs)} rows")


def _column(kept: Kept, name: str) -> list[object]:
    known = [c.name for c in kept.columns]
    if name not in known:
        raise NotFoundError(f"the last result has no column {name}", hint=did_you_mean(name, known) or f"columns: {', '.join(known)}")
    table = pa.Table.from_batches(kept.again()) if kept.again() else None
    return list(table.column(known.index(name)).to_pylist()) if table is not None else []


def _number(value: object, name: str) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise BadValueError(f"column {name} holds {value!r}, which is not a number") from None


def bars(pairs: list[tuple[str, float]], screen: int) -> list[str]:
    """One line a row; the longest bar fills the screen. A negative value has no bar."""
    pairs = pairs[:MOST_BARS]
    names = [cut(printable(name), WIDEST_NAME) for name, _ in pairs]
    numbers = [f"{value:g}" for _, value in pairs]
    left, right = max(map(width, names), default=0), max(map(len, numbers), default=0)
    room = max(10, screen - left - right - 3)
    top = max((value for _, value in pairs), default=0)
    return [f"{pad(name, left)} {number:>{right}} {_bar(value / top * room if top > 0 else 0)}".rstrip()
            for name, number, (_, value) in zip(names, numbers, pairs, strict=True)]


def _bar(length: float) -> str:
    whole, eighths = divmod(round(max(0.0, length) * 8), 8)
    return "█" * whole + _EIGHTHS[eighths].strip()


def line(pairs: list[tuple[str, float]], screen: int) -> list[str]:
    """The course of Y over the rows, in one line between its first and last X."""
    if not pairs:
        return []
    step = max(1, -(-len(pairs) // max(10, screen)))
    values = [max(v for _, v in pairs[n:n + step]) for n in range(0, len(pairs), step)]
    return [sparkline(values), f"{printable(pairs[0][0])} to {printable(pairs[-1][0])}, {min(values):g} to {max(values):g}"]
