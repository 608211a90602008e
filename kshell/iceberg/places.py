"""Where the files of a table lie.

Invariant: told by the table's own metadata; nothing is opened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kshell.places import lies_under

if TYPE_CHECKING:
    from pyiceberg.table import Table

_ELSEWHERE = ("write.data.path", "write.metadata.path")


def places_of(table: Table) -> tuple[str, ...]:
    """The table's location, and what of its data and metadata lies outside it."""
    found = [table.location()]
    for place in (*(table.properties.get(name) for name in _ELSEWHERE), table.metadata_location.rpartition("/")[0]):
        if place and not lies_under(place, found):
            found.append(place)
    return tuple(found)
