"""What columns become when records bring members beside them: additional columns, and structs with additional fields.

Invariant: additive only. The type of a column that is there never changes but for fields at the end of its structs, whatever stands in
the records; names are given in the order in which the members were met."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from kshell.columns import Column
from kshell.decode import names
from kshell.decode.json_infer import MOST_INNER_KEYS, Seen, decide, in_order, see
from kshell.decode.json_look import Path, each_of
from kshell.decode.json_text import Members, Value
from kshell.decode.schema_types import column as column_of
from kshell.decode.types import Type


@dataclass(slots=True)
class Growth:
    """What a batch wants. `undecided`: nothing but null, {} and [] stood there. `ignored`: no column can have that name."""

    columns: tuple[Column, ...] = ()
    undecided: set[Path] = field(default_factory=set)
    ignored: set[Path] = field(default_factory=set)


def grow(columns: Sequence[Column], types: Sequence[Type], records: Iterable[Members]) -> Growth:
    known = {c.source_path[0] for c in columns}
    top = Seen()
    inside = [Seen() for _ in columns]
    for record in records:
        see(top, Members([m for m in in_order(record) if m[0] not in known]), 0)
        for column, type_, seen in zip(columns, types, inside, strict=True):
            if type_.fields:
                beside = _beside(_at(record, column.source_path), type_)
                if beside is not None:
                    see(seen, beside, len(column.source_path))
    growth = Growth()
    tops = [c.name.lower() for c in columns]
    grown = [(c, t, _grown(t, s, c.source_path, c.name, tops, growth)) for c, t, s in zip(columns, types, inside, strict=True)]
    changed = [_regrown(column, after) for column, before, after in grown if after != before]
    growth.columns = (*changed, *_added(top, columns, [after for _, _, after in grown], growth))
    return growth


def _added(top: Seen, columns: Sequence[Column], types: Sequence[Type], growth: Growth) -> list[Column]:
    keys, found = _decided(top, (), growth)
    taken = [name for c, t in zip(columns, types, strict=True) for name in (c.name, *(f"{c.name}.{below}" for below in names.dotted(t)))]
    assigned = names.assign(keys, found, taken)
    return [column_of(key, name, type_) for key, name, type_ in zip(keys, assigned, found, strict=True)]


def _decided(seen: Seen, path: Path, growth: Growth) -> tuple[list[str], list[Type]]:
    """The members whose type is decided, in their order."""
    keys, types = [], []
    for key, below in seen.fields.items():
        type_ = decide(below, (key,), [])
        if not names.nameable(key):
            growth.ignored.add((*path, key))
        elif type_ is None:
            growth.undecided.add((*path, key))
        else:
            keys.append(key)
            types.append(type_)
    return keys, types


def _regrown(column: Column, type_: Type) -> Column:
    """The column with another type; what was written down about it stays."""
    after = column_of(column.source_path[-1], column.name, type_)
    return replace(after, path=column.path, not_null=column.not_null)


def _grown(type_: Type, seen: Seen | None, path: Path, prefix: str, tops: Sequence[str], growth: Growth) -> Type:
    if seen is None or not seen.kinds:
        return type_
    if type_.kind == "STRUCT":
        return _struct(type_, seen, path, prefix, tops, growth)
    own, inner = type_.fields[-1]
    item = _grown(inner, seen.item, (*path, each_of(type_)), f"{prefix}.{'value' if type_.kind == 'MAP' else 'element'}", tops, growth)
    return replace(type_, fields=(*type_.fields[:-1], (own, item)))


def _struct(type_: Type, seen: Seen, path: Path, prefix: str, tops: Sequence[str], growth: Growth) -> Type:
    keys = [type_.key_of(name) for name, _ in type_.fields]
    fields = [(name, _grown(t, seen.fields.get(key), (*path, key), f"{prefix}.{name}", tops, growth))
              for (name, t), key in zip(type_.fields, keys, strict=True)]
    fresh = Seen(fields={key: below for key, below in seen.fields.items() if key not in keys})
    added, types = _decided(fresh, path, growth)
    room = max(0, MOST_INNER_KEYS - len(fields))
    growth.ignored.update((*path, key) for key in added[room:])
    added, types = added[:room], types[:room]
    # the table spells a field's path with dots: it may not be the name of a column
    spelled = [top[len(prefix) + 1:] for top in tops if top.startswith(f"{prefix.lower()}.")]
    fields += zip(names.assign(added, types, [*(name for name, _ in fields), *spelled], top=False), types, strict=True)
    keys += added
    return Type("STRUCT", fields=tuple(fields), keys=tuple(keys))


def _at(record: Value, path: tuple[str, ...]) -> Value:
    for key in path:
        record = record.get(key) if isinstance(record, Members) else None
    return record


def _beside(value: Value, type_: Type) -> Value:
    """Only what the type has no place for, in the same structure; values of a map stand as a list. None: nothing."""
    if isinstance(value, Members) and type_.kind == "STRUCT":
        inner = {type_.key_of(name): t for name, t in type_.fields}
        pairs = [(key, member if key not in inner else _beside(member, inner[key])) for key, member in in_order(value)]
        kept = [(key, member) for key, member in pairs if key not in inner or member is not None]
        return Members(kept) if kept else None
    if isinstance(value, Members) and type_.kind == "MAP":
        value = [member for _, member in in_order(value)]
    elif not (isinstance(value, list) and type_.kind == "LIST"):
        return None
    below: list[Value] = [found for item in value if (found := _beside(item, type_.item)) is not None]
    return below or None
