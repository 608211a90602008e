"""JSON in the frame of a schema registry: the frame is taken off, and the schema that it names may want columns.

JSON says itself what it holds, so a schema that the registry does not have, or that makes no columns, is no verdict on a record.

Invariant: no JSON text begins with byte 0, so what begins with it is framed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from kshell.columns import HEADERS, Column
from kshell.decode.framing import Writers, frames
from kshell.decode.json_schema import fields_of
from kshell.decode.schema_types import Field, proposal
from kshell.decode.values import Prepared
from kshell.decode.verdict import Verdict
from kshell.schemas.frame import PREFIX_BYTES, Frame
from kshell.schemas.values import SchemaSource, SchemaUnavailable

_MOST_HEADS = 1_000


class FramedJson:
    """The schemas that records of a source name."""

    def __init__(self, source: SchemaSource, columns: Sequence[Column]) -> None:
        self._source, self._columns = source, tuple(columns)
        self._schemas: Writers[list[Field]] = Writers(source, "JSON", fields_of)
        self._settled: set[bytes | None] = set()          # first bytes of values that are known to want nothing

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        heads = pc.unique(pc.binary_slice(batch["value"], 0, PREFIX_BYTES)).to_pylist() if _without_headers(batch) else None
        if heads is not None and self._settled.issuperset(heads):
            return Prepared()
        found = frames(batch, "value", self._source)
        fields = self._fields(found.named)
        prepared = Prepared(self._proposal(fields), self._schemas.waiting(found.named.items()))
        sure = len(fields) == sum(1 for frame in found.named if frame.id is not None)       # an unknown schema may appear yet
        if heads is not None and sure and not prepared.proposal and len(self._settled) < _MOST_HEADS:
            self._settled.update(heads)
        return prepared

    def _fields(self, named: Iterable[Frame]) -> list[list[Field]]:
        """Of the schemas that can be had and make columns."""
        found = []
        for frame in named:
            try:
                found.append(self._schemas.of(frame))
            except (Verdict, SchemaUnavailable):
                continue
        return found

    def _proposal(self, schemas: Iterable[list[Field]]) -> tuple[Column, ...]:
        """Each schema proposes on top of what those before it did."""
        columns = {c.name: c for c in self._columns}
        wanted: dict[str, Column] = {}
        for fields in schemas:
            more = {c.name: c for c in proposal(tuple(columns.values()), fields)}
            columns |= more
            wanted |= more
        return tuple(wanted.values())


def _without_headers(batch: pa.RecordBatch) -> bool:
    """No record has a header that could name its schema."""
    return HEADERS not in batch.schema.names or batch[HEADERS].null_count == batch.num_rows
