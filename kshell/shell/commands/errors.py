"""`.errors [source]`: the newest records that did not decode."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "[SOURCE]", "source"
HELP = "the newest 20 records that did not decode"


def run(context: Context, arguments: str) -> None:
    where = f"WHERE source = {literal(words(arguments)[0])} " if arguments else ""
    context.query("SELECT source, _kafka_topic, _kafka_partition, _kafka_offset, code, message, seen_at "
                  f"FROM kshell.errors {where}ORDER BY seen_at DESC LIMIT 20")
