"""The flags and commands as values, for what is generated from them: completion, the manual page, --spec, the reference.

Invariant: nothing is declared here; what the parser does not know is not described. Loads neither DuckDB nor Arrow."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kshell.cli import flags

Value = Literal["nothing", "words", "file", "profile", "text"]
_FILES = frozenset({"FILE", "DIR"})
_FAMILIES = {"MODE": "output"}                # a value that is a member of a family: the files of its folder


@dataclass(frozen=True, slots=True)
class Flag:
    names: tuple[str, ...]                    # ("-c", "--command")
    takes: str                                # "SQL", "stop|continue"; "": a switch
    meaning: str
    group: str
    value: Value
    words: tuple[str, ...] = ()               # what the value may be; (): not a closed list
    default: Any = None
    repeats: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    name: str
    takes: str
    meaning: str
    value: Value
    words: tuple[str, ...] = ()
    own_flags: tuple[str, ...] = ()           # the only flags it reads; (): all


def all_flags() -> list[Flag]:
    """In the order of --help; the short spellings of --format, such as --csv, after it."""
    made = flags.parser()
    found = [_flag(action, group.title or "") for group in made._action_groups for action in group._group_actions]
    shown = [flag for flag in found if flag.meaning != argparse.SUPPRESS]
    place = next(n for n, flag in enumerate(shown) if "--format" in flag.names) + 1
    return [*shown[:place], *(_short(flag) for flag in found if flag.meaning == argparse.SUPPRESS), *shown[place:]]


def _flag(action: argparse.Action, group: str) -> Flag:
    switch = action.nargs == 0
    words = tuple(str(choice) for choice in action.choices or ())
    metavar = action.metavar if isinstance(action.metavar, str) else ""
    takes = "" if switch else metavar or "|".join(words)
    value = _value(action, takes, words)
    default = None if switch or action.default in ([], None) else action.default
    return Flag(tuple(action.option_strings), takes, (action.help or "").replace("%%", "%"), group, value,
                words or _members(takes), default, repeats=isinstance(action, argparse._AppendAction | flags._Input))


def _value(action: argparse.Action, takes: str, words: tuple[str, ...]) -> Value:
    if action.nargs == 0:
        return "nothing"
    if "--profile" in action.option_strings:
        return "profile"
    return "file" if takes in _FILES else "words" if words or takes in _FAMILIES else "text"


def _members(takes: str) -> tuple[str, ...]:
    if takes not in _FAMILIES:
        return ()
    folder = Path(flags.__file__).parents[1] / _FAMILIES[takes]
    return tuple(sorted(file.stem for file in folder.glob("[a-z]*.py")))


def _short(flag: Flag) -> Flag:
    return Flag(flag.names, "", f"the same as --format {flag.names[0][2:]}", flag.group, "nothing")


def all_commands() -> list[Command]:
    return [_command(name) for name in flags.COMMANDS]


def _command(name: str) -> Command:
    takes = flags.TAKES[name]
    first = takes.split()[0]
    words = tuple(first.split("|")) if re.fullmatch(r"[a-z]+(\|[a-z]+)+", first) else ()
    own = tuple(re.findall(r"--[a-z]+", takes)) if name == "demo" else ()
    value: Value = "words" if words else "file" if first.strip("[]") in _FILES else "nothing" if first.startswith("[") else "text"
    return Command(name, takes, flags.COMMANDS[name], value, words, own)
