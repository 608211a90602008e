"""Which format a topic has, whom its decoder asks for schemas, and which columns those schemas make; before the first row is decoded.

What is written holds. What is left out is asked of the registry: its newest schema under `<topic>-value`, else the schemas that the
newest records name, which is how RecordNameStrategy and TopicRecordNameStrategy are read. Without either it is JSON.

Invariant: an outage is an error here, never an answer: a topic does not become JSON because its registry is down."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Protocol

import pyarrow as pa

from kshell import decode
from kshell.columns import HEADERS, KEY, Column
from kshell.decode import Decoder
from kshell.decode.schema_types import proposal
from kshell.decode.types import of
from kshell.decode.values import Inference, Schemas
from kshell.errors import BadValueError, Error, NotFoundError, RefusedError, UnreachableError, did_you_mean
from kshell.schemas.asking import asking
from kshell.schemas.files import FileSchema, kind_of
from kshell.schemas.frame import FramesOnly, framed
from kshell.schemas.subjects import in_context, subject_of
from kshell.schemas.values import Schema, SchemaKind, SchemaSource, SchemaUnavailable, SchemaUnknown

if TYPE_CHECKING:
    from kshell.decode.isolated import Isolation

Part = Literal["value", "key"]
ONE_COLUMN = frozenset({"string", "raw"})                # formats that make one column of the whole value
WITH_SCHEMA = frozenset({"avro", "protobuf"})             # without a schema nothing of them can be read
MAY_HAVE_SCHEMA = WITH_SCHEMA | {"json"}
_MOST_LOOKED_AT = 200                         # records whose message is looked at
_MOST_SCHEMAS = 20                            # of a sample that are looked at
_FORMATS: dict[SchemaKind, str] = {"avro": "avro", "protobuf": "protobuf", "json": "json"}


class Registry(SchemaSource, Protocol):
    """A source that can be asked for subjects too."""

    @property
    def url(self) -> str: ...

    @property
    def secret(self) -> str | None:
        """The name of the secret that it is signed in to with."""

    def subjects(self, *, deleted: bool = False) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What was written about one or several topics. `format` None: not written. `columns` None: none declared."""

    topics: Sequence[str]
    format: str | None
    key_format: str = "raw"
    schema: str | None = None                 # a subject, or a file
    message: str | None = None
    registry: Registry | None = None
    columns: tuple[Column, ...] | None = None
    envelope: str | None = None               # what is wrapped around JSON values
    isolation: Isolation | None = None        # records are looked at in its process alone
    follows: bool = False                     # without a message the one that the newest records are, not the first of the schema


@dataclass(frozen=True, slots=True)
class Discovery:
    """`columns` None: inferred from records. `schemas` goes into the decoder. `schema`: what the columns come from."""

    format: str
    columns: tuple[Column, ...] | None
    schemas: Schemas = field(default_factory=Schemas)
    notices: tuple[str, ...] = ()
    schema: Schema | None = None

    @property
    def by_headers(self) -> bool:
        """Headers of the records are needed: a schema may be named there, or the envelope stand there."""
        named = any(source is not None and source.frames and not isinstance(source, FramesOnly)
                    for source in (self.schemas.values, self.schemas.keys))
        return named or self.schemas.envelope is not None

    @property
    def framed(self) -> bool:
        """A frame may stand before the values."""
        return self.schemas.values is not None and self.schemas.values.frames


Sample = Callable[[], pa.RecordBatch]         # the newest records with their headers, read when first asked for


def discover(asked: Asked, sample: Sample) -> Discovery:
    _check(asked)
    with asking(asked.registry.secret if asked.registry is not None else None):
        look = _Look(asked, sample)
        found = look.values()
        found = _enveloped(asked, found) if asked.envelope is not None else found
        keys, key = look.keys()
        message = asked.message or found.schemas.message
        return replace(found, schemas=replace(found.schemas, keys=keys, key=key, message=message, envelope=asked.envelope,
                                              isolation=asked.isolation))


def _enveloped(asked: Asked, found: Discovery) -> Discovery:
    """A schema of the registry is about the whole record; the columns are about what the envelope holds."""
    if found.format != "json":
        raise _not_json(found.format)
    return Discovery("json", asked.columns, Schemas(FramesOnly()) if found.schemas.values is not None else Schemas())


def _not_json(format: str) -> BadValueError:
    return BadValueError(f"ENVELOPE is about JSON, and the values are FORMAT {format}", hint="leave ENVELOPE out, or FORMAT json")


def _check(asked: Asked) -> None:
    """What contradicts itself before anybody is asked."""
    plain = asked.format is not None and asked.format not in MAY_HAVE_SCHEMA
    for name, value in (("SCHEMA", asked.schema), ("MESSAGE", asked.message)):
        if value is not None and plain:
            raise BadValueError(f"FORMAT {asked.format} has no schema, so {name} means nothing", hint=f"leave {name} out, or FORMAT")
    if asked.envelope is not None and asked.format not in (None, "json"):
        raise _not_json(asked.format)
    if asked.envelope is not None and asked.schema is not None:
        raise BadValueError("SCHEMA is about the whole record, and ENVELOPE takes something out of it",
                            hint="leave SCHEMA out; columns are declared, or inferred from what the envelope holds")
    if asked.message is not None and asked.format not in (None, "protobuf"):
        raise BadValueError("MESSAGE names a message of Protobuf", hint=f"FORMAT protobuf, or leave MESSAGE out with FORMAT {asked.format}")
    if asked.schema is not None and asked.format == "json" and asked.columns:
        raise BadValueError("SCHEMA and a column list both say what the columns of JSON are", hint="leave one of them out")
    if asked.schema is not None and kind_of(asked.schema) is None and asked.registry is None:
        raise NotFoundError(f"SCHEMA '{asked.schema}' is a subject, and no schema registry is known",
                            hint="SCHEMA_REGISTRY 'http://host:8081' here or in ATTACH; a file is named .avsc, .proto, .desc or .json")
    for option, chosen in (("FORMAT", asked.format), ("KEY_FORMAT", asked.key_format)):
        if chosen in WITH_SCHEMA and asked.registry is None and (asked.schema is None or option == "KEY_FORMAT"):
            raise NotFoundError(f"{option} {chosen} needs schemas, and no schema registry is known",
                                hint="SCHEMA_REGISTRY 'http://host:8081' here or in ATTACH"
                                     + (", or SCHEMA 'file.avsc' (.proto, .desc)" if option == "FORMAT" else ""))


@dataclass
class _Look:
    """One look at one topic's schemas."""

    asked: Asked
    sample: Sample
    _batch: pa.RecordBatch | None = field(default=None)

    def values(self) -> Discovery:
        asked = self.asked
        if asked.schema is not None:
            return self._named(asked.schema)
        if asked.format is not None and (asked.format not in MAY_HAVE_SCHEMA or asked.registry is None):
            return Discovery(asked.format, asked.columns)
        if asked.registry is None:
            return Discovery("json", asked.columns)
        if asked.format == "json":
            return self._json(asked.registry)
        if asked.format is not None and asked.columns is not None:
            return Discovery(asked.format, asked.columns, Schemas(asked.registry))       # a registry that is away is waited for by records
        schemas = self._of_topics(asked.registry)
        if schemas:
            return self._with(schemas, asked.registry)
        if asked.format is None:
            return Discovery("json", asked.columns)
        raise self._no_subject(asked.registry, asked.format)

    def _named(self, name: str) -> Discovery:
        """SCHEMA: a file, or a subject."""
        registry = self.asked.registry
        if kind_of(name) is not None:
            file = FileSchema(name, registry)
            return self._with([file.schema], file)
        assert registry is not None
        return self._with([self._subject(registry, name)], in_context(registry, name))

    def _subject(self, registry: Registry, name: str) -> Schema:
        try:
            return registry.latest(name)
        except SchemaUnknown:
            known = registry.subjects()
            if name not in known and name in registry.subjects(deleted=True):
                raise NotFoundError(f"subject {name} was deleted from the schema registry {registry.url}",
                                    hint="register it again, or SCHEMA 'file.avsc' (.proto, .json)") from None
            raise NotFoundError(f"the schema registry {registry.url} has no subject {name}",
                                hint=did_you_mean(name, known) or "SHOW SUBJECTS lists them") from None

    def _json(self, registry: Registry) -> Discovery:
        """JSON is JSON without a registry too: it is asked only where records have a frame."""
        frames = Schemas(FramesOnly())
        if self.asked.columns is not None:
            return Discovery("json", self.asked.columns, frames)
        if not _frames(self._sampled(), "value"):
            return Discovery("json", None)
        schemas = [s for s in self._of_topics(registry) if s.kind == "json"]
        return self._with(schemas, registry) if schemas else Discovery("json", None, frames)

    def _of_topics(self, registry: Registry) -> list[Schema]:
        found = [schema for topic in self.asked.topics if (schema := _latest(registry, subject_of(topic, "value"))) is not None]
        return found or schemas_named(registry, self._sampled(), "value")

    def _with(self, schemas: Sequence[Schema], source: SchemaSource) -> Discovery:
        """The first schema's columns, then what the others add."""
        asked, first = self.asked, schemas[0]
        format = asked.format or self._one_format(schemas)
        for schema in schemas:
            if _FORMATS[schema.kind] != format:
                raise BadValueError(f"{titled(schema)} is a schema of kind {schema.kind}, not {format}",
                                    hint=f"FORMAT {_FORMATS[schema.kind]}, or leave FORMAT out")
        if asked.columns is not None:
            return Discovery(format, asked.columns, Schemas(FramesOnly() if format == "json" else source), (), first)
        message, said = self._message(first, source) if format == "protobuf" else (None, ())
        inferred = [_inferred(format, schema, message) for schema in schemas]
        columns = inferred[0].columns
        for more in inferred[1:]:
            columns = _joined(columns, more.columns)
        notices = dict.fromkeys([*(notice for inference in inferred for notice in inference.notices), *said])
        return Discovery(format, columns, Schemas(source, message=message), tuple(notices), first)

    def _message(self, schema: Schema, source: SchemaSource) -> tuple[str | None, tuple[str, ...]]:
        """(the message to read, what is said about it). Where nobody names one, the newest records may."""
        from kshell.decode.protobuf_schemas import first_message

        asked = self.asked
        if asked.message is not None or asked.isolation is not None or not source.frames:
            return asked.message, ()
        named = _messages(source, self._sampled())
        if len(named) != 1 or named == {first_message(schema)}:
            return None, ()
        message = named.pop()
        if asked.follows:
            return message, ()
        return None, (f"the newest records are of the message {message}: MESSAGE '{message}' reads them",)

    def _one_format(self, schemas: Sequence[Schema]) -> str:
        kinds = dict.fromkeys(_FORMATS[schema.kind] for schema in schemas)
        if len(kinds) > 1:
            raise RefusedError(f"{', '.join(self.asked.topics)} has schemas of several kinds: {', '.join(kinds)}",
                               hint="say which one to read, for example FORMAT avro: the others are then quarantined")
        return next(iter(kinds))

    def _no_subject(self, registry: Registry, format: str) -> Error:
        wanted = [subject_of(topic, "value") for topic in self.asked.topics]
        return NotFoundError(f"the schema registry {registry.url} has no subject {wanted[0]}, and no record names a schema that it has",
                             hint=did_you_mean(wanted[0], registry.subjects()) or "SCHEMA 'subject' or SCHEMA 'file.avsc' names the schema"
                             if format else None)

    # ---- keys --------------------------------------------------------------------------------------------------------

    def keys(self) -> tuple[SchemaSource | None, Column | None]:
        registry, format = self.asked.registry, self.asked.key_format
        if registry is not None and format == "json":
            return FramesOnly(), None
        if registry is None or format not in WITH_SCHEMA:
            return None, None
        found = [schema for topic in self.asked.topics if (schema := _latest(registry, subject_of(topic, "key"))) is not None]
        found = found or schemas_named(registry, self._sampled(), "key")
        if not found:
            wanted = subject_of(self.asked.topics[0], "key")
            raise NotFoundError(f"the schema registry {registry.url} has no subject {wanted}, and no key names a schema that it has",
                                hint=did_you_mean(wanted, registry.subjects()) or "KEY_FORMAT raw keeps the bytes")
        if _FORMATS[found[0].kind] != format:
            raise BadValueError(f"{titled(found[0])} is a schema of kind {found[0].kind}, not {format}",
                                hint=f"KEY_FORMAT {_FORMATS[found[0].kind]}")
        return registry, decode.infer_key(format, found[0])

    def _sampled(self) -> pa.RecordBatch:
        if self._batch is None:
            self._batch = self.sample()
        return self._batch


@dataclass(frozen=True, slots=True)
class Reading:
    """How a topic is read once, its columns settled by a sample."""

    decoder: Decoder
    discovery: Discovery
    notices: tuple[str, ...]


def reading(asked: Asked, sample: Sample, include: Iterable[str] = ()) -> Reading:
    """Columns are those of the newest schema and of every schema that the sample names; without schemas, those of its values."""
    found = discover(asked, sample)
    notices, columns = found.notices, found.columns
    if columns is None and found.format not in ONE_COLUMN:
        look = decode.infer if asked.isolation is None else asked.isolation.infer
        inference = look(sample(), format=found.format, framed=found.framed, envelope=asked.envelope)
        columns, notices = inference.columns, (*notices, *inference.notices)
    decoder = decoder_of(found, asked.key_format, columns or (), include)
    if asked.columns is None and found.schema is not None:
        decoder = _widened(decoder, found, asked, sample(), include)
    return Reading(decoder, found, notices)


def decoder_of(found: Discovery, key_format: str, columns: Sequence[Column], include: Iterable[str] = (), *,
               evolves: bool = False) -> Decoder:
    schemas = found.schemas
    return decode.make(found.format, key_format, columns, include, schemas=schemas.values, key_schemas=schemas.keys,
                       message=schemas.message, key=schemas.key, evolves=evolves, envelope=schemas.envelope,
                       isolation=schemas.isolation)


def _widened(decoder: Decoder, found: Discovery, asked: Asked, batch: pa.RecordBatch, include: Iterable[str]) -> Decoder:
    for _ in range(_MOST_SCHEMAS):
        wanted = decoder.prepare(batch).proposal
        if not wanted:
            break
        decoder = decoder_of(found, asked.key_format, with_proposal(decoder.columns, wanted), include)
    return decoder


def with_proposal(columns: Sequence[Column], wanted: Sequence[Column]) -> tuple[Column, ...]:
    """The columns with the types that are proposed, and the missing ones after them."""
    changed = {column.name: column for column in wanted}
    return (*(changed.pop(column.name, column) for column in columns), *changed.values())


def _latest(registry: Registry, subject: str) -> Schema | None:
    try:
        return registry.latest(subject)
    except SchemaUnknown:
        return None


def schemas_named(source: SchemaSource, batch: pa.RecordBatch, part: Part) -> list[Schema]:
    """The schemas that the records of a sample name and the source has, in the order in which they appear."""
    found: list[Schema] = []
    for id, guid in _frames(batch, part)[:_MOST_SCHEMAS]:
        try:
            found.append(source.by_id(id) if id is not None else source.by_guid(guid or ""))
        except SchemaUnknown:
            continue                          # bytes that look like a frame, or a schema that is gone
        except SchemaUnavailable as outage:
            if outage.cause != "unconfirmed":
                raise
    return found


def _frames(batch: pa.RecordBatch, part: Part) -> list[tuple[int | None, str | None]]:
    values: Iterable[bytes | None] = batch["value" if part == "value" else KEY].to_pylist()
    headers = batch[HEADERS].to_pylist() if HEADERS in batch.schema.names else [None] * batch.num_rows
    seen = (framed(value, [(h["key"], h["value"]) for h in own or ()], part) for value, own in zip(values, headers, strict=True)
            if value is not None)
    return list(dict.fromkeys((frame.id, frame.guid) for frame in seen if frame.id is not None or frame.guid is not None))


def _messages(source: SchemaSource, batch: pa.RecordBatch) -> set[str]:
    """The Protobuf messages that the first records of a sample are."""
    from kshell.decode.protobuf_schemas import message_named

    found = set()
    for value in batch["value"].slice(0, _MOST_LOOKED_AT).to_pylist():
        frame = framed(value, None, "value") if value is not None else None
        if frame is None or frame.id is None:
            continue
        try:
            name = message_named(source.by_id(frame.id), value, frame.body_at)
        except SchemaUnknown:
            continue
        found |= {name} if name is not None else set()
    return found


def _inferred(format: str, schema: Schema, message: str | None) -> Inference:
    try:
        return decode.infer_schema(format, schema, message)
    except Error as error:
        if not isinstance(error, UnreachableError) and schema.subject is not None and schema.subject not in error.message:
            error.message = f"{titled(schema)}: {error.message}"
        raise


def _joined(columns: tuple[Column, ...], more: Sequence[Column]) -> tuple[Column, ...]:
    return with_proposal(columns, wanted_by(columns, more))


def newest(found: Discovery) -> tuple[Column, ...]:
    """What the newest schema of the subject that the columns come from says; nothing where they come from no subject."""
    subject = found.schema.subject if found.schema is not None else None
    if subject is None or found.schemas.values is None:
        return ()
    with asking():
        return _inferred(found.format, found.schemas.values.latest(subject), found.schemas.message).columns


def wanted_by(columns: Sequence[Column], more: Sequence[Column]) -> tuple[Column, ...]:
    """What the columns of another schema want of these."""
    return proposal(columns, [(column.source_path[0], of(column)) for column in more])


def titled(schema: Schema) -> str:
    """As a user knows it."""
    if schema.subject is not None:
        version = f" version {schema.version}" if schema.version is not None else ""
        return f"subject {schema.subject}{version}"
    return f"schema {schema.id or schema.guid}" if schema.id or schema.guid else "the schema file"
