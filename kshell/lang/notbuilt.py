"""Statements of the grammar that this version understands and does not carry out.

Invariant: each names what is missing and what to type instead; none of them changes anything."""

from __future__ import annotations

from kshell.lang.statements import NotBuilt

_ALERTS = "run the query on a schedule: kshell -c \"SELECT ...\" and its exit code"


def alert(text: str, verb: str) -> NotBuilt:
    return NotBuilt(text=text, what=f"{verb} ALERT", hint=_ALERTS)


def show(text: str, what: str) -> NotBuilt | None:
    return NotBuilt(text=text, what=f"SHOW {what}", hint=_ALERTS) if what == "ALERTS" else None
