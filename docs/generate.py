"""Writes the tables of docs/reference.md from the declarations that the program reads: `python docs/generate.py`, or `--check`.

Invariant: only text between `<!-- generated: NAME -->` and `<!-- end -->` is written; NAME is a function of TABLES with its
arguments. Prose around it is by hand."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

REFERENCE = Path(__file__).with_name("reference.md")
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


def options(owner: str) -> str:
    declared = getattr(importlib.import_module("kshell.lang.declared"), owner)
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


def flags() -> str:
    from kshell.cli.flags import parser

    rows = []
    for action in parser()._actions:
        if action.help and action.help != "==SUPPRESS==":
            takes = action.metavar or "|".join(action.choices or ())
            metavar = f" {takes}" if takes else ""
            rows.append((_code(", ".join(action.option_strings) + metavar), action.help.replace("%%", "%")))
    return _table(("Flag", "Meaning"), rows)


def errors() -> str:
    from kshell.errors import Error

    kinds = sorted({(kind.exit, kind.code) for kind in _below(Error)})
    return _table(("Exit code", "Error codes"), [(str(code), ", ".join(_code(c) for e, c in kinds if e == code)) for code in
                                                 sorted({code for code, _ in kinds})])


def _below(kind: type) -> list[type]:
    return [kind, *(below for child in kind.__subclasses__() if child.__module__ == "kshell.errors" for below in _below(child))]


TABLES: dict[str, Callable[..., str]] = {"options": options, "formats": formats, "modes": modes, "catalogs": catalogs, "commands": commands,
                                         "flags": flags, "errors": errors}


def main(arguments: Sequence[str]) -> int:
    text = REFERENCE.read_text()
    fresh = generated(text)
    if "--check" in arguments:
        return int(fresh != text)
    REFERENCE.write_text(fresh)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
