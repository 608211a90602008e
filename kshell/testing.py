"""Failpoints: named places where a test makes the program fail, sleep, stop or die.

Invariant: without KSHELL_TESTING=1 a failpoint does nothing at all, whatever KSHELL_FAILPOINTS says.

    KSHELL_TESTING=1 KSHELL_FAILPOINTS='commit.after_catalog=kill@3;commit.before_catalog=raise:OSError@p0.1;expire.before=sleep:5'

An action is `kill` (SIGKILL), `stop` (SIGSTOP), `raise:Name` (a built-in exception) or `sleep:seconds`; `@n` lets only the n-th
hit act, `@p0.1` each hit with that probability (KSHELL_SEED makes the draws repeatable), `@~text` those about data with this text,
nothing means every hit."""

from __future__ import annotations

import builtins
import os
import random
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

FAILPOINTS = frozenset({
    "decode.in_child", "ingest.after_poll", "ingest.after_decode", "buffer.before_append", "buffer.after_append", "buffer.after_seal",
    "flush.before_parquet", "flush.after_parquet", "schema.before_commit", "schema.after_commit",
    "compact.after_parquet", "compact.before_catalog", "compact.after_catalog",
    "errors.before_commit", "errors.after_commit", "commit.after_load", "commit.after_validate", "commit.after_manifest",
    "commit.before_catalog", "commit.after_catalog", "publish.before_begin", "publish.after_views", "publish.after_drop",
    "publish.after_commit", "kafka.before_offset_commit", "rebalance.in_assign", "rebalance.in_revoke", "rebalance.in_lost",
    "observe.before_move", "select.before_execute", "select.mid_scan", "expire.before", "expire.after", "orphan.before_delete",
    "shutdown.before_flush", "shutdown.after_flush", "create.after_table", "create.after_errors_table", "create.after_start",
    "replay.after_decode", "replay.after_parquet", "replay.after_commit", "replay.after_rewrite", "replay.after_mark",
})


@dataclass(slots=True)
class _Action:
    kind: str
    argument: str
    only_hit: int | None = None               # None: every hit
    probability: float | None = None
    about: bytes | None = None
    hits: int = field(default=0)


_lock = threading.Lock()
_parsed: tuple[str, dict[str, _Action]] = ("", {})
_draws = random.Random(os.environ.get("KSHELL_SEED", "1"))


def failpoint(name: str, about: Callable[[], bytes] = bytes) -> None:
    """Act as KSHELL_FAILPOINTS says for this name. `about`: the data at hand."""
    if os.environ.get("KSHELL_TESTING") != "1":
        return
    action = _actions().get(name)
    if action is not None and (action.about is None or action.about in about()) and _due(action):
        _act(action, name)


def child_environment() -> dict[str, str]:
    """All that a child of ours finds in its environment: nothing of ours, but for the plan of a test."""
    passed = ("KSHELL_TESTING", "KSHELL_FAILPOINTS") if os.environ.get("KSHELL_TESTING") == "1" else ()
    return {"LANG": "C.UTF-8", **{name: os.environ[name] for name in passed if name in os.environ}}


def _actions() -> dict[str, _Action]:
    global _parsed
    text = os.environ.get("KSHELL_FAILPOINTS", "")
    with _lock:
        if _parsed[0] != text:
            _parsed = (text, parse(text))
        return _parsed[1]


def parse(text: str) -> dict[str, _Action]:
    """The plan of a KSHELL_FAILPOINTS text; a name or an action that does not exist is a ValueError, so that no test tests nothing."""
    plan = {}
    for entry in filter(None, (part.strip() for part in text.split(";"))):
        name, _, action = entry.partition("=")
        if name not in FAILPOINTS:
            raise ValueError(f"no failpoint is named {name!r}")
        plan[name] = _parse_action(action)
    return plan


def _parse_action(text: str) -> _Action:
    what, _, when = text.partition("@")
    kind, _, argument = what.partition(":")
    if kind not in ("kill", "stop", "raise", "sleep"):
        raise ValueError(f"no failpoint action is named {kind!r}")
    if when.startswith("~"):
        return _Action(kind, argument, about=when[1:].encode())
    if when.startswith("p"):
        return _Action(kind, argument, probability=float(when[1:]))
    return _Action(kind, argument, only_hit=int(when) if when else None)


def _due(action: _Action) -> bool:
    with _lock:
        action.hits += 1
        if action.probability is not None:
            return _draws.random() < action.probability
        return action.only_hit is None or action.hits == action.only_hit


def _act(action: _Action, name: str) -> None:
    if action.kind == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif action.kind == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    elif action.kind == "sleep":
        time.sleep(float(action.argument))
    else:
        raise getattr(builtins, action.argument)(f"failpoint {name}")
