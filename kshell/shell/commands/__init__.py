"""Dot commands: a file's name is the word users type. Prefixes and the habits of psql are understood.

A command is a module with USAGE (its arguments), HELP (one line), COMPLETES (what its argument is, for completion; '' nothing) and
`run(context, arguments)`.

Invariant: nothing here imports prompt_toolkit or rich; the same commands serve `-c`, `-f`, stdin and the prompt."""

from __future__ import annotations

import sys
from types import ModuleType

from kshell import registry
from kshell.errors import Error, NotFoundError, did_you_mean
from kshell.shell.commands import _habits
from kshell.shell.context import Context

# what psql users type: (command, arguments put before theirs)
PSQL: dict[str, tuple[str, str]] = {
    "d": ("describe", ""), "dt": ("tables", ""), "dv": ("tables", ""), "l": ("databases", ""), "x": ("mode", "--toggle vertical"),
    "timing": ("timer", ""), "watch": ("watch", ""), "e": ("edit", ""), "o": ("output", ""), "i": ("read", ""), "q": ("quit", ""),
    "?": ("help", ""), "s": ("history", ""), "!": ("shell", ""), "echo": ("print", ""), "cd": ("cd", ""),
}


_FAMILY = sys.modules[__name__]


def names() -> list[str]:
    """The words, sorted. The file of `.run` is `run_`: a module named `run` would take the place of the function below."""
    return [name.removesuffix("_") for name in registry.names(_FAMILY)]


def module(name: str) -> ModuleType:
    return registry.load(_FAMILY, "run_" if name == "run" else name)


def run(context: Context, name: str, arguments: str) -> None:
    """Carry out `.name arguments`. `name` may stand with or without its dot or backslash."""
    command, before = resolve(name)
    try:
        module(command).run(context, f"{before} {arguments}".strip())
    except Error as error:
        error.position = None                 # a place in the statement that the command stands for, which nobody typed
        raise


def runs_scripts(name: str) -> bool:
    """Whether it runs statements through `context.run_text`, each of which is then a turn of its own."""
    return bool(getattr(module(name), "RUNS_SCRIPTS", False))


def resolve(name: str) -> tuple[str, str]:
    """The command that is meant, and arguments that come with it."""
    if name.startswith("\\"):
        return _psql(name[1:])
    word = name.removeprefix(".").lower()
    known = names()
    if word in known:
        return word, ""
    if word == "?":
        return "help", ""
    begin = [k for k in known if word and k.startswith(word)]
    if len(begin) == 1:
        return begin[0], ""
    if begin:
        raise NotFoundError(f".{word} may be {_list(begin)}", hint="type more of it")
    raise NotFoundError(f"there is no dot command .{word}", hint=_habits.hint_for(f".{word}") or _nearest(word))


def _psql(word: str) -> tuple[str, str]:
    if word in PSQL:
        return PSQL[word]
    if word.rstrip("+") in PSQL:              # \d+ and the like
        return PSQL[word.rstrip("+")]
    raise NotFoundError(f"there is no command \\{word}", hint=_habits.hint_for(f"\\{word}") or "\\? lists the commands")


def _nearest(word: str) -> str:
    return did_you_mean(f".{word}", [f".{k}" for k in names()]) or ".help lists them"


def _list(found: list[str]) -> str:
    dotted = [f".{f}" for f in found]
    return ", ".join(dotted[:-1]) + f" or {dotted[-1]}"


def split(line: str) -> tuple[str, str]:
    """`.mode csv` -> ('.mode', 'csv')."""
    name, _, rest = line.strip().partition(" ")
    return name, rest.strip().removesuffix(";").rstrip() if name not in (".shell", "\\!", ".print") else rest.strip()
