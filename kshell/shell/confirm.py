"""Which statements a terminal asks about before they run. Scripts are not asked: there the statement is its own confirmation.

Invariant: a statement is asked about when it throws away something that cannot be had back by typing it again."""

from __future__ import annotations

from kshell.lang.statements import AlterSink, AlterSource, CreateSink, Drop, DuckStatement, Statement
from kshell.shell.tokens import tokens

_ACCEPTS = {"accept_rollback": "take the table's older state as the truth", "accept_new_topic": "go on with the new topic from its start",
            "accept_new_cluster": "go on with the other cluster's offsets"}


def question(statement: Statement) -> str | None:
    """What to ask, or None for a statement that just runs."""
    match statement:
        case Drop(cascade=True):
            return f"drop {statement.kind} {statement.name} and all that depends on it?"
        case AlterSource(action="seek"):
            return f"empty the buffer of {statement.name} and read again from there?"
        case AlterSink(action=action) if action in _ACCEPTS:
            return f"{statement.name}: {_ACCEPTS[action]}?"
        case CreateSink(or_replace=True, explain=False):
            return f"replace sink {statement.name}?"
        case DuckStatement():
            words = [t.text.upper() for t in tokens(statement.text) if t.kind == "word"]
            return "drop it and all that depends on it?" if words[:1] == ["DROP"] and words[-1:] == ["CASCADE"] else None
    return None
