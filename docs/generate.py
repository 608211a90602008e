"""Writes what the documents have from the declarations that the program reads: `python -m docs.generate`, or `--check`.

1. the tables of docs/reference.md  2. the manual page docs/kshell.1  3. the picture docs/session.svg, from the session of README.md

Invariant: of a document only text between `<!-- generated: NAME -->` and `<!-- end -->` is written; NAME is a function of TABLES with
its arguments. Prose around it is by hand."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

FOLDER = Path(__file__).parent
REFERENCE, README = FOLDER / "reference.md", FOLDER.parent / "README.md"
_BLOCK = re.compile(r"(<!-- generated: (?P<name>[\w ]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def generated(text: str) -> str:
    """The document with every block filled in anew."""
    return _BLOCK.sub(lambda block: block[1] + _fill(block["name"]) + "\n" + block[3], text)


def _fill(name: str) -> str:
    table, *arguments = name.split()
    return TABLES[table](*arguments)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in line) + " |" for line in lines)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def options(owner: str, kind: str = "") -> str:
    declared = getattr(importlib.import_module("kshell.lang.declared"), owner)
    declared = declared[kind] if kind else declared
    rows = ((_code(name), takes, default if option.otherwise or option.default is None else _code(default), meaning)
            for option, (name, takes, default, meaning) in zip(declared.options, declared.rows(), strict=True))
    return _table(("Name", "Takes", "Default", "Meaning"), rows)


def formats() -> str:
    from kshell.lang.declared import FORMATS

    return _members("kshell.decode", FORMATS.words)


def modes() -> str:
    return _members("kshell.output")


def catalogs() -> str:
    return _members("kshell.iceberg.catalogs")


def _members(package: str, names: Iterable[str] = ()) -> str:
    """One row for each member of a family (the files of its folder unless named), with the first sentence of its file."""
    from kshell import registry

    family = importlib.import_module(package)
    rows = ((_code(name), _first_sentence(registry.load(family, name).__doc__ or "")) for name in names or registry.names(family))
    return _table(("Name", "Is"), rows)


def _first_sentence(doc: str) -> str:
    paragraph = " ".join(doc.strip().split("\n\n")[0].split())
    return re.split(r"(?<=\.) ", paragraph)[0]


def commands() -> str:
    from kshell.shell import commands as family

    rows = ((_code(f".{name} {family.module(name).USAGE}".strip()), family.module(name).HELP) for name in family.names())
    return _table(("Command", "Does"), rows)


def psql() -> str:
    from kshell.shell.commands import PSQL

    rows = ((_code(f"\\{word}"), _code(f".{name} {before}".strip())) for word, (name, before) in PSQL.items())
    return _table(("Habit of psql", "Is"), rows)


def flags() -> str:
    from kshell.cli.described import all_flags

    return _table(("Flag", "Meaning"), ((_code(f"{', '.join(flag.names)} {flag.takes}".strip()), flag.meaning) for flag in all_flags()
                                        if not flag.meaning.startswith("the same as")))


def programs() -> str:
    from kshell.cli.described import all_commands

    rows = ((_code(f"kshell {command.name} {command.takes}".strip()), command.meaning) for command in all_commands())
    return _table(("Command", "Does"), rows)


def functions() -> str:
    from kshell.lang.functions import FUNCTIONS

    return _table(("Function", "Is", "Gives"), ((_code(function.call), function.kind, function.meaning) for function in FUNCTIONS))


def arguments(name: str) -> str:
    from kshell.lang.functions import FUNCTIONS, SOURCE

    function = next(f for f in FUNCTIONS if f.name == (SOURCE if name == "source" else name))
    return _table(("Name", "Takes", "Meaning"), ((_code(a.name), a.takes, a.meaning) for a in function.arguments))


def forms() -> str:
    from kshell.lang.forms import FORMS

    return "```\n" + "\n".join(FORMS.values()) + "\n```"


def exits() -> str:
    from kshell.cli.flags import EXIT_CODES
    from kshell.cli.spec import error_codes

    return _table(("Exit code", "Is", "Error codes"),
                  ((str(code), what, ", ".join(_code(c) for e, c in error_codes() if e == code)) for code, what in EXIT_CODES.items()))


TABLES: dict[str, Callable[..., str]] = {table.__name__: table for table in (
    options, formats, modes, catalogs, commands, psql, flags, programs, functions, arguments, forms, exits)}


def written() -> dict[Path, str]:
    """Every file that is made here, with its text."""
    from docs import picture
    from kshell.cli import manpage

    return {REFERENCE: generated(REFERENCE.read_text()), FOLDER / "kshell.1": manpage.text(),
            FOLDER / "session.svg": picture.svg(README.read_text())}


def main(words: Sequence[str]) -> int:
    files = written()
    if "--check" in words:
        return int(any(not path.exists() or path.read_text() != text for path, text in files.items()))
    for path, text in files.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
