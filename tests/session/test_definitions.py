"""The definition of a sink: what decides which records are rows, and nothing that an absent option could change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from kshell.lang.declared import SOURCE
from kshell.session.sink import definition_of


def source(**options: Any) -> Any:
    parsed = SOURCE.parse((), lambda lookup: None, zone="UTC")
    parsed.update({"FORMAT": "json", **options})
    return SimpleNamespace(options=parsed, columns=(), declared=False, pattern=None, topics=("orders",))


def test_an_option_that_is_absent_leaves_a_definition_as_it_was() -> None:
    """The digits stand in snapshots of tables: another value here would stop every sink that runs."""
    assert definition_of(source()) == "6fb45a24c3692152"


def test_the_envelope_belongs_to_the_definition() -> None:
    found = {definition_of(source(ENVELOPE=kind)) for kind in (None, "connect", "debezium", "cloudevents")}
    assert len(found) == 4
