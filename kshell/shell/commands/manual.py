"""`.manual STATEMENT`: its form, its options and an example, from the files that define them."""

from __future__ import annotations

from kshell.errors import NotFoundError, did_you_mean
from kshell.lang.forms import EXAMPLES, FORMS
from kshell.shell import options
from kshell.shell.commands._arguments import need
from kshell.shell.context import Context

USAGE, COMPLETES = "STATEMENT", "statement"
HELP = "form, options and an example of a statement"


def run(context: Context, arguments: str) -> None:
    wanted = " ".join(need(arguments, ".manual CREATE SOURCE").rstrip(";").upper().split())
    known = {s.upper(): s for s in (*FORMS, *options.statements())}
    if wanted not in known:
        raise NotFoundError(f"there is no manual for {wanted}", hint=did_you_mean(wanted, known) or f"one of {', '.join(known)}")
    statement = known[wanted]
    parts = [[FORMS[statement]] if statement in FORMS else []]
    parts += [_listed(options.rows(of), of if len(sets) > 1 else "") for sets in [options.of_statement(statement)] for of in sets]
    parts.append(EXAMPLES.get(statement, "").split("\n") if statement in EXAMPLES else [])
    for number, part in enumerate(p for p in parts if p):
        for line in ([""] if number else []) + part:
            context.print(line)


def _listed(rows: list[tuple[str, str, str, str]], title: str) -> list[str]:
    """Option, what it takes, default, meaning: in columns."""
    widths = [max(len(row[n]) for row in rows) for n in range(3)]
    lines = ["  ".join([*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=True)), row[3]]).rstrip() for row in rows]
    return [f"{title}:", *lines] if title else lines
