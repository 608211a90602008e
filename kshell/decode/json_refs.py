"""`$ref` of a JSON Schema: the place in the schema, or in one of its references, that it names.

Invariant: nothing is fetched. An address means what the schema or a reference calls itself; everything else is not found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote, urljoin

_MOST_LEVELS = 500                            # of the text that are searched for names
_NEWER = ("2019-09", "2020-12", "draft/next")


@dataclass(frozen=True, slots=True)
class Place:
    """A node and the address that relative references in it start from."""

    node: Any
    base: str

    def inside(self, node: Any) -> Place:
        return Place(node, _own(node, self.base))


class Places:
    """`others`: (the name by which the schema refers to it, its tree)."""

    def __init__(self, tree: Any, others: Sequence[tuple[str, Any]]) -> None:
        self.root = Place(tree, _own(tree, ""))
        told = tree.get("$schema") if isinstance(tree, Mapping) else None
        self.draft7 = not any(word in str(told or "") for word in _NEWER)
        self._named: dict[str, Place] = {}
        for name, other in [("", tree), *others]:
            address = _joined(self.root.base, name)
            place = Place(other, _own(other, address))
            self._named.setdefault(address, place)
            self._named.setdefault(name, place)
            for inner, found in _names(other, address, 0):
                self._named.setdefault(inner, found)
        self._named[self.root.base] = self.root

    def find(self, place: Place, ref: Any) -> Place | None:
        """None: it is not in the schema or its references."""
        if not isinstance(ref, str):
            return None
        address, fragment = _divided(_joined(place.base, ref) if not ref.startswith("#") else place.base + ref)
        fragment = unquote(fragment)
        document = self._named.get(address) or self._named.get(_divided(ref)[0])
        if document is None:
            return None
        if not fragment or fragment.startswith("/"):
            return _pointed(document, fragment)
        return self._named.get(f"{address}#{fragment}")


def _joined(base: str, address: str) -> str:
    """An address that begins at another one. What is no address stands for itself."""
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _divided(address: str) -> tuple[str, str]:
    """An address and the fragment behind it."""
    head, _, fragment = address.partition("#")
    return head, fragment


def _own(node: Any, base: str) -> str:
    """The base inside a node: its `$id`, unless that only names a fragment."""
    told = node.get("$id") if isinstance(node, Mapping) else None
    return _divided(_joined(base, told))[0] if isinstance(told, str) and not told.startswith("#") else base


def _names(node: Any, base: str, level: int) -> Iterator[tuple[str, Place]]:
    """Addresses and anchors that stand in a tree."""
    if level > _MOST_LEVELS:
        return
    if isinstance(node, Mapping):
        own = _own(node, base)
        if own != base:
            yield own, Place(node, own)
        for word in ("$anchor", "$dynamicAnchor", "$id"):
            told = node.get(word)
            if isinstance(told, str) and (word != "$id" or told.startswith("#")):
                yield f"{own}#{told.removeprefix('#')}", Place(node, own)
        for inner in node.values():
            yield from _names(inner, own, level + 1)
    elif isinstance(node, list):
        for inner in node:
            yield from _names(inner, base, level + 1)


def _pointed(document: Place, pointer: str) -> Place | None:
    place = document
    for step in pointer.split("/")[1:]:
        key, node = step.replace("~1", "/").replace("~0", "~"), place.node
        if isinstance(node, Mapping) and key in node:
            place = place.inside(node[key])
        elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
            place = place.inside(node[int(key)])
        else:
            return None
    return place
