"""`.watch [seconds] [-c N] [--diff] [query]`: a query again and again; default 2 s and the last query.

Invariant: it ends at Ctrl-C, after N results, or at the first error; never through the pager. On a terminal it draws in place,
elsewhere each result is written as ndjson."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass

from kshell import lang, output
from kshell.errors import BadValueError, NotFoundError
from kshell.query.result import Result
from kshell.shell import footer, frames
from kshell.shell.context import Context

USAGE, COMPLETES = "[SECONDS] [-c N] [--diff] [QUERY]", ""
HELP = "a query again and again; every 2 s the last query"


@dataclass(frozen=True, slots=True)
class Wish:
    query: str
    seconds: float = 2.0
    times: int | None = None                  # None: until Ctrl-C
    diff: bool = False


def run(context: Context, arguments: str) -> None:
    wish = read(arguments, context.last_query)
    screen = frames.Screen(context.out, diff=wish.diff) if context.terminal and context.destination is None else None
    done = 0
    while wish.times is None or done < wish.times:
        if done:
            context.pause(wish.seconds)
        began = time.monotonic()
        with context.session.execute(lang.parse(wish.query)) as found:
            _show(context, screen, found, wish.query, began)
        done += 1
    context.last_query = wish.query


def read(arguments: str, last: str) -> Wish:
    seconds, times, diff, rest = 2.0, None, False, arguments.strip()
    while match := re.match(r"(?:(?P<diff>--diff)|-c\s*(?P<times>\d+)|(?P<seconds>\d+(?:\.\d+)?)s?)(?:\s+|$)", rest):
        diff = diff or bool(match["diff"])
        times = int(match["times"]) if match["times"] else times
        seconds = float(match["seconds"]) if match["seconds"] else seconds
        rest = rest[match.end():]
    query = rest.rstrip("; \n") or last
    if not query:
        raise NotFoundError("there is no query to watch", hint="write .watch 2 SELECT count(*) FROM orders")
    if not 0.1 <= seconds <= 86_400:
        raise BadValueError(f"{seconds:g} seconds is not between 0.1 and 86400")
    return Wish(query, seconds, times, diff)


def _show(context: Context, screen: frames.Screen | None, found: Result, query: str, began: float) -> None:
    if screen is None:
        settings = output.Settings(terminal=context.terminal)
        output.write(found.columns, found.batches(), output.find("ndjson"), context.stream, settings)
        return
    table = found.arrow()
    context.before_rows()
    screen.draw(found.columns, table, footer.line(table.num_rows, time.monotonic() - began, query, context.session.status()))
