"""`.manual STATEMENT`: the options of a statement, from their declarations."""

from __future__ import annotations

from kshell.errors import NotFoundError, did_you_mean
from kshell.shell import options
from kshell.shell.commands._arguments import need
from kshell.shell.context import Context

USAGE, COMPLETES = "STATEMENT", "statement"
HELP = "options of CREATE SOURCE, CREATE SINK, ATTACH ..."


def run(context: Context, arguments: str) -> None:
    wanted = " ".join(need(arguments, ".manual CREATE SOURCE").rstrip(";").upper().split())
    known = {s.upper(): s for s in options.statements()}
    if wanted not in known:
        raise NotFoundError(f"there is no manual for {wanted}", hint=did_you_mean(wanted, known) or f"one of {', '.join(known)}")
    rows = options.rows(known[wanted])
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    for row in rows:
        context.print("  ".join([*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=True)), row[3]]).rstrip())
