"""JSON records with an envelope: the columns are about what it holds.

The SQL looks for each column where it stands in the whole record, so that one parse is enough, and is certain only of records that are
seen to have the envelope; the exact form unwraps first.

Invariant: as in `json`: a row that the SQL is certain of is the row that `judge` gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

import pyarrow as pa

from kshell.columns import HEADERS, Column, literal
from kshell.decode import envelopes
from kshell.decode.envelopes import ATTRIBUTE, DATA, MARK, OPERATION, PAYLOAD, VERSION, Header, Kind
from kshell.decode.framing import body
from kshell.decode.json import JsonDecoder
from kshell.decode.json_infer import infer_json
from kshell.decode.json_look import Node, Path, look, nodes, spelled
from kshell.decode.json_plan import Wrapping
from kshell.decode.json_sql import rest
from kshell.decode.json_text import Members, write
from kshell.decode.values import Inference, Schemas
from kshell.decode.verdict import Verdict

_TURN_AFTER = 64                              # change events of the other form until the SQL looks for that one
_INSIDE = Wrapping(root="""coalesce(json_type(r._t, '$."payload"') IN ('OBJECT', 'NULL'), false)""")
# a change event without a wrapper, and nothing that could be one
_BARE = Wrapping(evidence=(OPERATION,), sure=("""NOT contains(r._t, '"payload"')""", r"NOT contains(r._t, '\u00')"))
_NAMES = f"coalesce(list_transform(r.{HEADERS}, lambda h: h.key), [])"
_NO_HEADER = f"(NOT list_contains({_NAMES}, '{MARK}'))"
_CONTENT = f"list_extract(list_filter(r.{HEADERS}, lambda h: lower(h.key) = 'content-type'), 1).value"
# in binary mode; other spellings of its kind are left to the exact form
_UNREADABLE = f"lambda h: starts_with(h.key, '{ATTRIBUTE}') AND h.value IS NOT NULL AND try(decode(h.value)) IS NULL"
_NO_CONTENT = f"NOT list_contains(list_transform({_NAMES}, lambda k: lower(k)), 'content-type')"
_HEADER = (f"list_contains({_NAMES}, '{MARK}')", f"(NOT list_contains({_NAMES}, '{ATTRIBUTE}datacontenttype'))",
           f"len(list_filter(r.{HEADERS}, {_UNREADABLE})) = 0", f"coalesce({_CONTENT} = 'application/json'::BLOB, {_NO_CONTENT})")
_NOT_WRAPPED = f"""_t IS NOT NULL AND json_type(_t, '$."{PAYLOAD}"') IS NULL"""
_OTHER_DATA = f"""json_type(_t, '$."{DATA}"') NOT IN ('OBJECT', 'NULL')"""
_TEXTS = frozenset({"VARCHAR", "TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE", "TIME", "UUID"})


class EnvelopedJson(JsonDecoder):
    def __init__(self, key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> None:
        super().__init__(key_format, columns, include, schemas)
        self._kind = cast(Kind, schemas.envelope)
        # whether the SQL looks for change events in a wrapper, or CloudEvents in one object; and how many stood otherwise
        self._wrapped, self._others = True, 0
        self._wraps()
        self._by_record = any(envelopes.place(self._kind, c.source_path) is None for c in self.columns)
        if self._by_record or (self._kind == "cloudevents" and self._meta.rest):
            self.sql = False

    def stray(self, batch: str) -> str | None:
        return None if self._by_record else super().stray(batch)

    @property
    def description(self) -> str:
        if self._kind == "cloudevents" and not self.sql:
            return "exact: a column of the data as a whole, or of the rest, is found record by record"
        return super().description

    def _wraps(self) -> None:
        places = [envelopes.place(self._kind, c.source_path, wrapped=self._wrapped) for c in self.columns]
        placed = tuple(replace(c, path=place or c.source_path) for c, place in zip(self.columns, places, strict=True))
        self._where = placed, self._form()

    def _form(self) -> Wrapping:
        if self._kind == "cloudevents" and self._wrapped:
            return Wrapping(evidence=(VERSION,), sure=(_NO_HEADER,), tombstone=(_NO_HEADER,))
        if self._kind == "cloudevents":
            beside = tuple(map(_attribute, self.columns))
            return Wrapping("true", sure=(*_HEADER, *self._readable()), tombstone=(_NO_HEADER,), beside=beside)
        if self._kind == "connect":
            return _INSIDE
        return Wrapping(root=_INSIDE.root, evidence=(PAYLOAD, OPERATION)) if self._wrapped else _BARE

    def _readable(self) -> list[str]:
        """Attributes that are no text are left to the exact form."""
        return ["false" for c in self.columns if c.source_path[0].startswith(ATTRIBUTE) and _attribute(c) is None]

    def _rest(self) -> str:
        inside = self._wrapped and self._kind != "cloudevents"
        return rest(self._known, f"""json_extract(r._t, '$."{PAYLOAD}"')""" if inside else "r._t")

    def regular(self, batch: str) -> str | None:
        return None

    def look(self, batch: str, *, careful: bool) -> str | None:
        """As for records without envelope, at the places where the members stand; and the records of another form than the SQL's."""
        if not self._evolves:
            return None
        undecided = [place for path in sorted(self._undecided, key=repr) if (place := self._place(path)) is not None]
        found = look(batch, self._nodes(self._ignored | self._undecided), undecided, careful=careful)
        other = self._other()
        if other is None:
            return found
        text = "CASE WHEN json_valid(_t) THEN _t END" if careful else "_t"
        return f"{found} UNION ALL SELECT _index, 'form' FROM (SELECT * REPLACE ({text} AS _t) FROM {batch}) r WHERE {other}"

    def _other(self) -> str | None:
        """SQL of records that `look` does not see through. None: there are none."""
        if self._kind == "cloudevents":
            if self._wrapped:
                return f"NOT {_NO_HEADER} OR {_OTHER_DATA}"
            known = ", ".join(literal(key) for key in sorted(self._known | {MARK}) if key.startswith(ATTRIBUTE))
            strange = f"len(list_filter({_NAMES}, lambda k: starts_with(k, '{ATTRIBUTE}') AND k NOT IN ({known}))) > 0"
            return f"NOT {' OR NOT '.join((_HEADER[0], _HEADER[-1]))} OR json_type(_t) <> 'OBJECT' OR {strange}"
        return _NOT_WRAPPED if self._kind == "debezium" and self._wrapped else None

    def _place(self, path: Path) -> Path | None:
        head = path[0]
        place = envelopes.place(self._kind, (head,), wrapped=self._wrapped) if isinstance(head, str) else None
        return None if place is None else (*place, *path[1:])

    def _nodes(self, ignored: Iterable[Path]) -> list[Node]:
        """In the whole record."""
        top, *below = nodes(self.columns, self._types, ignored)
        placed = [Node(place, node.known, spelled(place)) for node in below if (place := self._place(node.path)) is not None]
        if self._kind != "cloudevents" or not self._wrapped:
            start: Path = (PAYLOAD,) if self._wrapped else ()
            return [Node(start, top.known, spelled(start)), *placed]
        attributes = {key.removeprefix(ATTRIBUTE) for key in top.known if key.startswith(ATTRIBUTE)}
        return [Node((), frozenset(attributes | {DATA}), "$"), Node((DATA,), top.known, spelled((DATA,))), *placed]

    def _deep(self) -> list[Node]:
        own = 2 if self._kind == "cloudevents" and self._wrapped else 1       # of the row itself: attributes and data
        return self._nodes(())[own:] if self._meta.rest else []

    # ---- exactly ------------------------------------------------------------------------------------------------

    def judge(self, batch: pa.RecordBatch) -> Any:
        self._others = 0
        judged = super().judge(batch)
        if self._others >= _TURN_AFTER:
            self._wrapped = not self._wrapped
            self._wraps()
        return judged

    def _inputs(self, batch: pa.RecordBatch) -> list[Any]:
        return list(zip(batch["value"].to_pylist(), headers_of(batch), strict=True))

    def _opened(self, data: Any) -> Members:
        value, headers = data
        binary = self._kind == "cloudevents" and envelopes.is_binary(headers)
        if value is None:
            return envelopes.opened(self._kind, None, headers)
        self._weigh(value)
        parsed = self._parsed(value) if not binary or envelopes.is_json(headers) else None
        if self._kind == "cloudevents":
            self._others += binary is self._wrapped
        elif self._kind == "debezium" and isinstance(parsed, Members) and envelopes.is_wrapped(parsed) is not self._wrapped:
            self._others += 1
        return envelopes.unwrap(self._kind, parsed, value, headers)


def _attribute(column: Column) -> str | None:
    """SQL of the text of a CloudEvent's attribute in its header. None: it is none, or no text."""
    name = column.source_path[0]
    if not name.startswith(ATTRIBUTE) or len(column.source_path) > 1 or column.json_text or column.type not in _TEXTS:
        return None
    held = f"list_extract(list_filter(r.{HEADERS}, lambda h: h.key = {literal(name)}), 1).value"
    return f"try(decode({_CONTENT if name == f'{ATTRIBUTE}datacontenttype' else held}))"


def headers_of(batch: pa.RecordBatch) -> list[list[Header]]:
    if HEADERS not in batch.schema.names:
        return [[] for _ in range(batch.num_rows)]
    return [[(h["key"], h["value"]) for h in own or ()] for own in batch[HEADERS].to_pylist()]


def infer(batch: pa.RecordBatch, envelope: str, *, framed: bool = False) -> Inference:
    """Columns from a sample, of what the envelope holds. The time of a CloudEvent is one."""
    texts: list[bytes | None] = []
    for value, headers in zip(batch["value"].to_pylist(), headers_of(batch), strict=True):
        try:
            texts.append(write(envelopes.opened(envelope, body(value) if framed and value is not None else value, headers)).encode())
        except Verdict:
            continue                          # a bad record decides nothing
    columns, notices = infer_json(texts)
    if envelope == "cloudevents":
        columns = tuple(replace(c, type="TIMESTAMP WITH TIME ZONE") if c.source_path == ("ce_time",) and c.type == "VARCHAR" else c
                        for c in columns)
    return Inference(columns, notices)
