"""Families of alternatives: a family is a package, a member is a file in it, and the file's name is what users type.

Invariant: to add a member is to add a file. Files that begin with `_`, and those that the package lists in `HELPERS`, are no members;
nothing is imported before it is asked for."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

from kshell.errors import NotFoundError, did_you_mean


def names(package: ModuleType | str) -> list[str]:
    """The members of a family, in the order of their names. The package, or its dotted name."""
    package = _package(package)
    helpers = frozenset(getattr(package, "HELPERS", ()))
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if not name.startswith("_") and name not in helpers)


def load(package: ModuleType | str, name: str) -> ModuleType:
    """The module of one member."""
    package = _package(package)
    known = names(package)
    if name not in known:
        family = package.__name__.rpartition(".")[2]
        raise NotFoundError(f"there is no {name} in {family}", hint=did_you_mean(name, known) or f"known: {', '.join(known)}")
    return importlib.import_module(f"{package.__name__}.{name}")


def _package(package: ModuleType | str) -> ModuleType:
    return importlib.import_module(package) if isinstance(package, str) else package
