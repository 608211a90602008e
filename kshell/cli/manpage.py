"""The manual page kshell(1), in the man macros of troff, from the flags and commands.

Invariant: text is escaped, so a word of a help line is never a request of troff."""

from __future__ import annotations

import re

import kshell
from kshell.cli import flags
from kshell.cli.described import Command, Flag, all_commands, all_flags


def text() -> str:
    about = (flags.parser().description or "").rstrip(".")
    parts = [f'.TH KSHELL 1 "" "kshell {kshell.__version__}" "User Commands"',
             ".SH NAME", f"kshell \\- {_plain(about)}",
             ".SH SYNOPSIS", *_synopsis(),
             ".SH DESCRIPTION",
             _plain("Without -c, -f or a command kshell opens a prompt on a terminal and reads a script from standard input elsewhere. "
                    "Standard output holds rows; notes, warnings and errors go to standard error."),
             ".SH COMMANDS", *(line for command in all_commands() for line in _command(command)),
             ".SH OPTIONS", *_options(all_flags()),
             ".SH EXIT STATUS", *(line for code, what in flags.EXIT_CODES.items() for line in (".TP", f".B {code}", _plain(what))),
             ".SH ENVIRONMENT", *_environment(all_flags()),
             ".SH SEE ALSO", _plain("At the prompt: .help lists the dot commands, .manual CREATE SOURCE the options of a statement. "
                                    "kshell --spec prints all of them as JSON.")]
    return "\n".join(parts) + "\n"


def _synopsis() -> list[str]:
    lines = [f".B kshell\n{_plain('[flags]')}"]
    return [*lines, *(f".br\n.B kshell {c.name}\n{_plain(c.takes)}" for c in all_commands())]


def _command(command: Command) -> list[str]:
    return [".TP", f".B kshell {command.name}", _plain(command.meaning)]


def _options(found: list[Flag]) -> list[str]:
    lines: list[str] = []
    group = ""
    for flag in found:
        if flag.group != group:
            group = flag.group
            lines.append(f".SS {_plain(group[:1].upper() + group[1:])}")
        names = ", ".join(f"\\fB{_plain(name)}\\fR" for name in flag.names)
        lines += [".TP", names + (f" \\fI{_plain(flag.takes)}\\fR" if flag.takes else ""), _plain(flag.meaning)]
    return lines


def _environment(found: list[Flag]) -> list[str]:
    """The variables that help lines name, each with its flag."""
    named = {name: flag.names[-1] for flag in found for name in re.findall(r"\b(?:KSHELL_[A-Z_]+|NO_COLOR)\b", flag.meaning)}
    return [line for name, flag in sorted(named.items()) for line in (".TP", f".B {name}", _plain(f"stands in for {flag}"))]


def _plain(text: str) -> str:
    escaped = text.replace("\\", "\\e").replace("-", "\\-")
    return f"\\&{escaped}" if escaped.startswith((".", "'")) else escaped
