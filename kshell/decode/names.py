"""Names of columns and struct fields for the keys of a payload.

Invariant: whatever stands in a payload, the names that come out differ by more than case, none is reserved, and none spells the dotted
path of another column: a table of Iceberg takes them all. A name depends on what came before it, never on what comes later, except
that a dotted name yields to the struct, list or map whose path it spells."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kshell.columns import ICEBERG_RESERVED, METADATA_PREFIX, TIER
from kshell.decode.types import Type

LONGEST_BYTES = 255


def reserved(name: str) -> bool:
    """Names that kshell or Iceberg keeps for its own columns."""
    lower = name.lower()
    return lower.startswith(METADATA_PREFIX) or lower == TIER or lower in ICEBERG_RESERVED


def nameable(key: str) -> bool:
    """A key with control characters or of more than 255 bytes has no column."""
    return key.isprintable() or not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in key) if len(key.encode()) <= LONGEST_BYTES else False


def free(key: str, taken: set[str], *, top: bool = True) -> str:
    """The name for a key: itself, or with the next free suffix. `taken` holds lower case."""
    name = key or "_"
    if top and name.lower().startswith(METADATA_PREFIX):
        name = name[1:]                       # no suffix would free a name from a reserved prefix
    wanted, number = name, 0
    while wanted.lower() in taken or (top and reserved(wanted)):
        number += 1
        wanted = f"{name}_{number}"
    return wanted


def named_by_rule(name: str, path: Sequence[str]) -> bool:
    """Whether a column of this name over the key at `path` may be one that these rules have named."""
    if len(path) != 1:
        return not path
    key = path[0] or "_"
    base = key[1:] if key.lower().startswith(METADATA_PREFIX) else key
    return name == base or (name.startswith(f"{base}_") and name[len(base) + 1:].isdigit())


def assign(keys: Sequence[str], types: Sequence[Type], taken: Iterable[str] = (), *, top: bool = True) -> list[str]:
    """Names for the keys of one level, in order."""
    used = {name.lower() for name in taken}
    # names of keys with a path below them first: what spells such a path yields
    paths = {f"{key or '_'}.{below}".lower() for key, type_ in zip(keys, types, strict=True) for below in dotted(type_)}
    names: list[str] = []
    for key in keys:
        name = free(key, used | paths, top=top)
        names.append(name)
        used.add(name.lower())
    return names


def dotted(type_: Type) -> list[str]:
    """The paths that Iceberg gives to what stands below a column of this type."""
    if type_.kind == "STRUCT":
        parts = type_.fields
    elif type_.kind == "LIST":
        parts = (("element", type_.item),)
    elif type_.kind == "MAP":
        parts = (("key", type_.fields[0][1]), ("value", type_.item))
    else:
        return []
    return [path for name, below in parts for path in (name, *(f"{name}.{rest}" for rest in dotted(below)))]
