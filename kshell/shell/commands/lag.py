"""`.lag [source]`: how far each partition is behind the end of its log."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "[SOURCE]", "source"
HELP = "position, end, lag, committed of each partition"


def run(context: Context, arguments: str) -> None:
    where = f"WHERE source = {literal(words(arguments)[0])} " if arguments else ""
    context.query('SELECT source, "partition", position, log_end, greatest(log_end - position, 0) AS lag, committed '
                  f"FROM kshell.partitions {where}ORDER BY ALL")
