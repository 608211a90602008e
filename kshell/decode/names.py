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
    """Names for the keys of one level, in order. Within structs `recall` tells the keys again."""
    before = list(taken)
    used = {name.lower() for name in before}
    # names of keys with a path below them first: what spells such a path yields
    paths = _paths(keys, types)
    held = set() if top else set(_recalled(before, paths))
    names: list[str] = []
    for key in keys:
        name = free(key, used | paths, top=top)
        if not top and name == key and _stands_for(name, used | paths, held) != key:
            name = free(key, used | paths | {key.lower()}, top=False)
        names.append(name)
        used.add(name.lower())
        held.add(key)
    return names


def recall(names: Sequence[str], types: Sequence[Type]) -> list[str]:
    """The keys that fields of a struct were named after, in the order in which they were named: beside `a`, `A_1` stands for `A`, and
    `A_1_1` for `A_1`. Of the empty key nothing can tell."""
    return _recalled(names, _paths(_recalled(names, set()), types))


def _recalled(names: Iterable[str], paths: set[str]) -> list[str]:
    taken, keys = set(paths), list[str]()
    for name in names:
        keys.append(_stands_for(name, taken, set(keys)))
        taken.add(name.lower())
    return keys


def _stands_for(name: str, taken: set[str], keys: set[str]) -> str:
    """The key of a name that these names, of these keys, stand before."""
    base, _, number = name.rpartition("_")
    if not base or not number.isdecimal() or number.startswith("0") or base in keys:
        return name
    return base if base.lower() in taken or _stands_for(base, taken, keys) != base else name


def _paths(keys: Sequence[str], types: Sequence[Type]) -> set[str]:
    return {f"{key or '_'}.{below}".lower() for key, type_ in zip(keys, types, strict=True) for below in dotted(type_)}


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
