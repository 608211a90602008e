"""Records that are JSON objects: columns by key or path.

Invariant: `rows` and `select` are the SQL of `json_sql` around one parse of the record; `judge` is `json_exact`. A row that the SQL is
certain of is the row that `judge` gives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, cast

import pyarrow as pa

from kshell.columns import PARTITION, Column, literal, quote
from kshell.decode import json_schema
from kshell.decode.framing import body, body_sql
from kshell.decode.json_exact import Convert, converter, json_text
from kshell.decode.json_framed import FramedJson
from kshell.decode.json_grow import grow
from kshell.decode.json_look import Node, Path, count, look, nodes, strays
from kshell.decode.json_plan import Plan, Wrapping
from kshell.decode.json_rest import beside, held_at_the_top
from kshell.decode.json_sql import rest
from kshell.decode.json_text import Members, Value, read
from kshell.decode.metadata import DOUBT, Metadata
from kshell.decode.paths import spell
from kshell.decode.types import Type, of
from kshell.decode.values import Inference, Prepared, Schemas, SqlForm
from kshell.decode.verdict import RECORD_BYTES, BadRecord, Verdict, each
from kshell.errors import RefusedError
from kshell.schemas.frame import FramesOnly
from kshell.schemas.values import Schema

_RAISING = f"CASE WHEN {{}} THEN error({literal(DOUBT)}) ELSE r.{PARTITION} END AS {PARTITION}"
_IGNORED = 256                                # members that get no column, remembered
_UNDECIDED = 64                               # members that only null, {} or [] stood in, remembered
_WIDE_AFTER = 64                              # integers beyond 2^53 in one column until its SQL takes the form that holds them


def infer(schema: Schema, message: str | None = None) -> Inference:
    """Columns of a JSON Schema."""
    return json_schema.infer(schema)


def decoder(key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> JsonDecoder:
    if schemas.envelope is not None:
        from kshell.decode.json_enveloped import EnvelopedJson

        return EnvelopedJson(key_format, columns, include, schemas)
    return JsonDecoder(key_format, columns, include, schemas)


class JsonDecoder(SqlForm):
    """The SQL adapts to the data (never its result), so it is asked for before each batch. `judge` and the SQL may run on two threads."""

    def __init__(self, key_format: str, columns: Sequence[Column], include: Iterable[str], schemas: Schemas) -> None:
        self.columns = tuple(columns)
        self._types = [of(c) for c in columns]
        for column, type_ in zip(columns, self._types, strict=True):
            _check_map_keys(type_, column.name)
        self._meta = Metadata(key_format, include, schemas)
        self.metadata, self.key_type, self.sql = self._meta.columns, self._meta.key_type, self._meta.sql
        self._converters: list[Convert] = [converter(t, spell(c.source_path)) for c, t in zip(columns, self._types, strict=True)]
        held = held_at_the_top(columns)
        self._row, self._known = Type("STRUCT", fields=tuple(held.items())), frozenset(held)
        # integers beyond 64 bit are what DECIMAL(38,0) is inferred for
        self.wide = frozenset(c.name for c, t in zip(columns, self._types, strict=True) if t == Type("DECIMAL", 38, 0))
        self._large: dict[str, int] = {}
        self._built: tuple[object, Plan] | None = None
        self._where = self.columns, Wrapping()        # the columns with their paths in the record, and what is around them
        self.framed = schemas.values is not None and schemas.values.frames
        followed = schemas.values is not None and self.framed and not isinstance(schemas.values, FramesOnly)
        self._by_schema = FramedJson(schemas.values, columns) if schemas.values is not None and followed else None
        self.asks_all = self._by_schema is not None
        self._evolves = schemas.evolves and self._by_schema is None
        self._undecided: set[Path] = set()
        self._ignored: set[Path] = set()

    # ---- SQL ----------------------------------------------------------------------------------------------------

    def rows(self, batch: str) -> str:
        return self._sql(batch, careful=False, flag=_RAISING)

    def select(self, batch: str) -> str:
        return self._sql(batch, careful=True, flag="{} AS _suspect")

    def suspects(self, batch: str) -> str:
        suspect = self._suspect()
        return f"SELECT r._index FROM ({self._from(batch, careful=True)}) r WHERE {suspect}"

    def regular(self, batch: str) -> str | None:
        if not self._evolves or self._plan().cast is None:
            return None
        return self._sql(batch, careful=False, flag=_RAISING, strict=True)

    def look(self, batch: str, *, careful: bool) -> str | None:
        if not self._evolves:
            return None
        return look(batch, self._nodes(self._ignored | self._undecided), sorted(self._undecided, key=repr), careful=careful)

    def stray(self, batch: str) -> str | None:
        if self._evolves or self._meta.rest:
            return None
        return count(batch, self._nodes(()), body_sql("value") if self.framed else "value")

    def _sql(self, batch: str, *, careful: bool, flag: str, strict: bool = False) -> str:
        plan = self._plan()
        marked = flag.format(plan.suspect if strict else self._suspect())
        values = [f"{value} AS {quote(c.name)}" for value, c in zip(plan.values, self.columns, strict=True)]
        for sql, name in self._meta.values("r._rest"):
            values.append(marked if name == PARTITION and not careful else f"{sql} AS {name}")
        return f"SELECT {', '.join(values + ([marked] if careful else []))} FROM ({self._from(batch, careful=careful, strict=strict)}) r"

    def _from(self, batch: str, *, careful: bool, strict: bool = False) -> str:
        """The batch with `_t` (text), `_k` (key), `_j0`... (wire values), `_l` (kinds looked at): each expression written once."""
        plan = self._plan()
        data = body_sql("value") if self.framed else "value"
        text = [] if strict else [f"try(decode({data})) AS _t" if careful else f"decode({data}) AS _t"]
        # a failing TRY_CAST costs its row, a failing try() its vector of 2,048
        parse = "json_transform(TRY_CAST(r._t AS JSON), {})" if careful else "json_transform(r._t, {})"
        # the cast raises at a missing, a repeated and an unknown key, at every level, and costs what the transformation costs
        parsed = [f"CAST(r._t AS {plan.cast}) AS _j0"] if strict else [f"{parse.format(s)} AS _j{i}" for i, s in enumerate(plan.structures)]
        sql = f"SELECT {', '.join(['*', *text, *self._meta.prepare(careful)])} FROM {batch}"
        sql = f"SELECT *, {', '.join(parsed)} FROM ({sql}) r"
        looks = plan.looks + ([self._rest()] if self._meta.rest else [])
        looks += [self._within()] if self._deep() and not strict else []
        return f"SELECT *, {', '.join(looks)} FROM ({sql}) r" if looks else sql

    def _plan(self) -> Plan:
        wide, (placed, wrapping) = self.wide, self._where
        wanted = (wide, placed, wrapping)
        if self._built is None or self._built[0] != wanted:
            self._built = (wanted, Plan(placed, self._types, wide, self._meta, wrapping))
        return self._built[1]

    def _rest(self) -> str:
        return rest(self._known)

    def _nodes(self, ignored: Iterable[Path]) -> list[Node]:
        """Where objects stand whose members are columns or fields of columns; the row itself first."""
        return nodes(self.columns, self._types, ignored)

    def _deep(self) -> list[Node]:
        """Where members may stand that the rest keeps, inside of columns: the exact form finds them."""
        return self._nodes(())[1:] if self._meta.rest else []

    def _within(self) -> str:
        return f"CASE WHEN r._j0 IS NOT NULL THEN {strays(self._deep())} END AS _within"

    def _suspect(self) -> str:
        suspect = self._plan().suspect
        return f"(coalesce(r._within, false) OR {suspect})" if self._deep() else suspect

    # ---- members beside the columns ------------------------------------------------------------------------------

    def prepare(self, batch: pa.RecordBatch) -> Prepared:
        """What these rows want. What they leave undecided, and what gets no column, is not looked for again until it may decide."""
        keys = self._meta.waiting(batch)
        if self._by_schema is not None:
            own = self._by_schema.prepare(batch)
            return Prepared(own.proposal, {**keys, **own.waiting})
        if not self._evolves:
            return Prepared(waiting=keys)
        growth = grow(self.columns, self._types, self._objects(batch))
        self._ignored |= set(sorted(growth.ignored - self._ignored, key=repr)[:max(0, _IGNORED - len(self._ignored))])
        self._undecided |= set(sorted(growth.undecided - self._undecided, key=repr)[:max(0, _UNDECIDED - len(self._undecided))])
        return Prepared(growth.columns, keys)

    def _body(self, data: bytes) -> bytes:
        return body(data) if self.framed else data

    def _objects(self, batch: pa.RecordBatch) -> list[Members]:
        """The records that are objects."""
        return [found for data in self._inputs(batch) if (found := self._object(data)) is not None]

    def _object(self, data: Any) -> Members | None:
        try:
            return self._opened(data)
        except Verdict:
            return None

    # ---- exactly ------------------------------------------------------------------------------------------------

    def judge(self, batch: pa.RecordBatch) -> tuple[pa.Table, list[BadRecord]]:
        records = zip(self._inputs(batch), self._meta.keys(batch), strict=True)
        good, kept, faults = each(records, self._record)
        arrays = [pa.array([row[i] for row, _, _ in good], t.arrow()) for i, t in enumerate(self._types)]
        arrays += self._meta.arrays(batch, kept, [key for _, key, _ in good], [rest for _, _, rest in good])
        return pa.table(arrays, names=[c.name for c in (*self.columns, *self.metadata)]), faults

    def _inputs(self, batch: pa.RecordBatch) -> list[Any]:
        """What `_opened` takes, for each row."""
        return cast(list[Any], batch["value"].to_pylist())

    def _record(self, record: tuple[Any, Any]) -> tuple[list[Any], Any, str | None]:
        data, key = record
        members = self._opened(data)
        row = [self._value(members, i, column) for i, column in enumerate(self.columns)]
        rest = beside(members, self._row) if self._meta.rest else None
        return row, self._meta.key(key), json_text(rest, "_kafka_rest") if rest is not None else None

    def _opened(self, data: Any) -> Members:
        """The object that the columns are about."""
        if data is None:
            return Members()
        self._weigh(data)
        value = self._parsed(data)
        if not isinstance(value, Members):
            raise Verdict("JSON_NOT_OBJECT", "the record is not an object")
        return value

    def _weigh(self, data: bytes) -> None:
        if len(data) > RECORD_BYTES:
            raise Verdict("RECORD_TOO_LARGE", f"{len(data):,} bytes, the limit is {RECORD_BYTES:,}")

    def _parsed(self, data: bytes) -> Value:
        if data[:1] == b"\0" and not self.framed:
            raise Verdict("JSON_SYNTAX", "byte 0 begins no JSON; it begins the frame of a schema registry: is SCHEMA_REGISTRY missing?")
        return read(self._body(data))

    def _value(self, members: Members, index: int, column: Column) -> Any:
        found: Value = members
        for key in column.source_path:
            found = found.get(key) if isinstance(found, Members) else None
        value = self._converters[index](found)
        if value is None and column.not_null:
            raise Verdict("TYPE_MISFIT", f"{spell(column.source_path)}: NULL in column {column.name}, which is NOT NULL")
        if self._large.get(column.name, 0) < _WIDE_AFTER and _beyond_double(value):
            self._large[column.name] = self._large.get(column.name, 0) + 1
            if self._large[column.name] == _WIDE_AFTER:
                self.wide |= {column.name}
        return value


def _beyond_double(value: Any) -> bool:
    """An integer of 2^53 or more stands in the value, which the DOUBLE form cannot hold."""
    if isinstance(value, dict):
        return any(map(_beyond_double, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_beyond_double, value))
    return isinstance(value, int | Decimal) and not -(2**53) < value < 2**53


def _check_map_keys(type_: Type, column: str) -> None:
    if type_.kind == "MAP" and type_.fields[0][1].kind != "VARCHAR":
        raise RefusedError(f"Column {column}: the keys of a JSON object are text.", hint=f"use MAP(VARCHAR, {type_.item.declared()})")
    for _, inner in type_.fields:
        _check_map_keys(inner, column)
