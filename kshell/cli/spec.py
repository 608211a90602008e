"""`kshell --spec`: what this version understands, as one JSON document for editors, wrappers and other tools.

Invariant: everything is read from the declarations that the program itself uses, in their order or sorted by name, so two runs of one
version print the same bytes. `spec_version` changes when a key goes or changes its meaning; a further key does not change it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import kshell
from kshell import errors, output, registry
from kshell.cli import described, flags
from kshell.iceberg import catalogs
from kshell.lang import declared, forms
from kshell.lang.functions import FUNCTIONS
from kshell.options import Option, OptionSet
from kshell.shell import commands

SPEC_VERSION = 1


def text() -> str:
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


def document() -> dict[str, Any]:
    return {
        "spec_version": SPEC_VERSION, "name": "kshell", "version": kshell.__version__,
        "commands": [{"name": c.name, "takes": c.takes, "meaning": c.meaning} for c in described.all_commands()],
        "flags": [_flag(flag) for flag in described.all_flags()],
        "statements": [{"name": name, "form": form} for name, form in forms.FORMS.items()],
        "options": [{"of": owned.owner, "noun": owned.noun, "options": [_option(option) for option in owned.options],
                     "exclusive": [list(group) for group in owned.exclusive]} for owned in option_sets()],
        "functions": [dataclasses.asdict(function) | {"call": function.call} for function in FUNCTIONS],
        "dot_commands": [{"name": f".{name}", "takes": commands.module(name).USAGE, "meaning": commands.module(name).HELP}
                         for name in commands.names()],
        "psql_commands": {f"\\{word}": f".{name} {before}".rstrip() for word, (name, before) in sorted(commands.PSQL.items())},
        "output_modes": output.names(), "formats": list(declared.FORMATS.words), "catalogs": registry.names(catalogs),
        "error_codes": [{"code": code, "exit": exit_code} for exit_code, code in error_codes()],
        "exit_codes": [{"exit": code, "meaning": meaning} for code, meaning in flags.EXIT_CODES.items()],
    }


def _flag(flag: described.Flag) -> dict[str, Any]:
    return {"names": list(flag.names), "takes": flag.takes or None, "words": list(flag.words), "default": flag.default,
            "repeats": flag.repeats, "group": flag.group, "meaning": flag.meaning}


def _option(option: Option) -> dict[str, Any]:
    return {"name": option.name, "takes": option.kind.takes, "words": list(option.kind.words), "default": option.default_text,
            "meaning": option.doc, "built": option.built, "can_change": not option.fixed}


def option_sets() -> Iterator[OptionSet]:
    """Every set that `declared` declares, in its order; a dictionary of sets is one set for each key."""
    for value in vars(declared).values():
        if isinstance(value, OptionSet):
            yield value
        elif isinstance(value, dict):
            yield from (inner for inner in value.values() if isinstance(inner, OptionSet))


def error_codes() -> list[tuple[int, str]]:
    """(exit code, error code), sorted."""
    return sorted({(kind.exit, kind.code) for kind in _tree(errors.Error)})


def _tree(kind: type[errors.Error]) -> Iterator[type[errors.Error]]:
    """The branches that `errors` declares; a part of the program may refine one and keeps its codes."""
    yield kind
    for child in kind.__subclasses__():
        if child.__module__ == errors.__name__:
            yield from _tree(child)


__all__ = ["SPEC_VERSION", "document", "error_codes", "option_sets", "text"]
