"""`.peek TOPIC [n]`: the newest messages of a topic, read once; `.peek k.orders` names the cluster too."""

from __future__ import annotations

from kshell.columns import literal
from kshell.shell.commands._arguments import need, number, words
from kshell.shell.context import Context

USAGE, COMPLETES = "TOPIC [N]", "topic"
HELP = "the newest n messages of a topic (10)"


def run(context: Context, arguments: str) -> None:
    topic, *rest = words(need(arguments, ".peek TOPIC [N]"))
    count = number(rest[0], ".peek TOPIC [N]") if rest else 10
    cluster, _, name = topic.partition(".")
    inside = name and cluster in context.session.names().clusters
    connection = f", connection := {literal(cluster)}" if inside else ""
    context.query(f"FROM kafka_scan({literal(name if inside else topic)}{connection}, last := {count})")
