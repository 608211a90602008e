"""`.watch [seconds] [-c N] [--diff] [--chart 'KIND X Y [BY]'] [query]`: a query again and again; default 2 s and the last query.

Invariant: it ends at Ctrl-C, after N results, or at the first error; never through the pager. On a terminal it draws in place,
elsewhere each result is written as ndjson, or drawn below the one before."""

from __future__ import annotations

import re
import shutil
import time
from dataclasses import dataclass

from kshell import lang, output
from kshell.errors import BadValueError, NotFoundError
from kshell.output import printable
from kshell.query.result import Result
from kshell.shell import footer, frames
from kshell.shell.commands import chart
from kshell.shell.context import Context

USAGE, COMPLETES = "[SECONDS] [-c N] [--diff] [--chart 'KIND X Y [BY]'] [QUERY]", ""
HELP = "a query again and again; every 2 s the last query"


@dataclass(frozen=True, slots=True)
class Wish:
    query: str
    seconds: float = 2.0
    times: int | None = None                  # None: until Ctrl-C
    diff: bool = False
    chart: tuple[str, ...] = ()               # kind, x, y[, by]; empty: a table


def run(context: Context, arguments: str) -> None:
    wish = read(arguments, context.last_query)
    screen = frames.Screen(context.out, diff=wish.diff) if context.terminal and context.destination is None else None
    done = 0
    while wish.times is None or done < wish.times:
        if done:
            context.pause(wish.seconds)
        began = time.monotonic()
        with context.session.execute(lang.parse(wish.query)) as found:
            _show(context, screen, found, wish, began)
        done += 1
    context.last_query = wish.query


_WORD = re.compile(r"""(?:(?P<diff>--diff)|-c\s*(?P<times>\d+)|--chart\s+(?P<chart>'[^']*'|"[^"]*")
                       |(?P<seconds>\d+(?:\.\d+)?)s?)(?:\s+|$)""", re.VERBOSE)


def read(arguments: str, last: str) -> Wish:
    drawn: tuple[str, ...] = ()
    seconds, times, diff, rest = 2.0, None, False, arguments.strip()
    while match := _WORD.match(rest):
        diff = diff or bool(match["diff"])
        times = int(match["times"]) if match["times"] else times
        seconds = float(match["seconds"]) if match["seconds"] else seconds
        drawn = _drawn(match["chart"]) if match["chart"] else drawn
        rest = rest[match.end():]
    query = rest.rstrip("; \n") or last
    if not query:
        raise NotFoundError("there is no query to watch", hint="write .watch 2 SELECT count(*) FROM orders")
    if not 0.1 <= seconds <= 86_400:
        raise BadValueError(f"{seconds:g} seconds is not between 0.1 and 86400")
    return Wish(query, seconds, times, diff, drawn)


def _drawn(text: str) -> tuple[str, ...]:
    wish, target = chart.read(text[1:-1])
    if target is not None:
        raise BadValueError(".watch draws on the screen", hint=".chart ... --out FILE writes the last result")
    return wish


def _show(context: Context, screen: frames.Screen | None, found: Result, wish: Wish, began: float) -> None:
    if screen is None:
        _append(context, found, wish)
        return
    table = found.arrow()
    context.before_rows()
    below = footer.line(table.num_rows, time.monotonic() - began, context.session.about(wish.query))
    if wish.chart:
        size = shutil.get_terminal_size()
        screen.lines(_lines(found, wish, size.columns, max(8, size.lines - 4)), below)
    else:
        screen.draw(found.columns, table, below)


def _append(context: Context, found: Result, wish: Wish) -> None:
    if wish.chart:
        context.print("\n".join(_lines(found, wish, shutil.get_terminal_size().columns, 20)))
        return
    settings = output.Settings(terminal=context.terminal)
    output.write(found.columns, found.batches(), output.find("ndjson"), context.stream, settings)


def _lines(found: Result, wish: Wish, columns: int, rows: int) -> list[str]:
    lines = found.chart(*wish.chart).text(columns, rows).split("\n")
    return [printable(line) for line in lines[:rows]]
