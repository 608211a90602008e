"""The id of a server-sent event: the next offset of each partition, `0:1201,1:988`; of several topics `orders.eu/0:12,orders.us/0:7`.

Invariant: what a client has seen is exactly what lies below the offsets of its last id, so going on there neither leaves out nor repeats a
row, over connections and over restarts of the server."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kshell.columns import literal
from kshell.errors import BadValueError

_PLACE = re.compile(r"(?:([A-Za-z0-9._-]{1,249})/)?([0-9]{1,10}):([0-9]{1,19})")


class Places:
    """`topics`: the ids name the topic too. `begins`: where a stream begins."""

    def __init__(self, begins: Mapping[tuple[str, int], int], *, topics: bool) -> None:
        self._topics = topics
        self._next = {self._key(topic, partition): offset for (topic, partition), offset in begins.items()}

    def seen(self, topic: str | None, partition: int, offset: int) -> None:
        self._next[self._key(topic, partition)] = offset + 1

    def id(self) -> str:
        return ",".join([f"{topic}{partition}:{offset}" for (topic, partition), offset in sorted(self._next.items())])

    def _key(self, topic: str | None, partition: int) -> tuple[str, int]:
        return (f"{topic}/" if self._topics else "", partition)


def offsets(id_: str) -> str:
    """An id as SINCE takes it. BadValueError for what is none."""
    pairs = []
    for piece in id_.split(","):
        found = _PLACE.fullmatch(piece.strip())
        if found is None:
            raise BadValueError(f"Last-Event-ID is none of this server's: {piece.strip()[:40]}", hint="an id is such as 0:1201,1:988")
        topic, partition, offset = found.groups()
        key = literal(f"{topic}/{partition}") if topic else str(int(partition))
        pairs.append(f"{key}: {int(offset)}")
    return f"MAP {{{', '.join(pairs)}}}"


__all__ = ["Places", "offsets"]
