"""A schema in a local file: .avsc, .proto, .desc (a Protobuf descriptor set) or .json, with the files it refers to.

Invariant: a file is read once, when the source is made; what changes on disk afterwards changes nothing. Files it refers to are looked
for beside it and in the folders above the name they are referred to by, nowhere else."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kshell.errors import BadValueError, NotFoundError, RefusedError
from kshell.schemas.limits import MOST_REFERENCES, SCHEMA_BYTES
from kshell.schemas.values import Reference, Schema, SchemaKind, SchemaSource, SchemaUnknown

KINDS: dict[str, SchemaKind] = {".avsc": "avro", ".proto": "protobuf", ".desc": "protobuf", ".json": "json"}
_IMPORT = re.compile(r'\bimport\s+(?:public\s+|weak\s+)?"([^"]+)"\s*;')
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_KNOWN = ("google/protobuf/", "confluent/")   # what every compiler brings along


class FileSchema:
    """Values without a frame have the schema of the file. Framed ones are read by `registry` where there is one."""

    def __init__(self, path: str, registry: SchemaSource | None = None) -> None:
        self.path = path
        self.schema = read(path)
        self._registry = registry

    @property
    def frames(self) -> bool:
        return self._registry is not None

    @property
    def unframed(self) -> Schema | None:
        return self.schema

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        if self._registry is None:
            raise SchemaUnknown(f"schema {id}: {self.path} is the only schema, no registry is known")
        return self._registry.by_id(id, subject)

    def by_guid(self, guid: str) -> Schema:
        if self._registry is None:
            raise SchemaUnknown(f"schema {guid}: {self.path} is the only schema, no registry is known")
        return self._registry.by_guid(guid)

    def latest(self, subject: str) -> Schema:
        return self.schema


def kind_of(name: str) -> SchemaKind | None:
    """The kind of schema that a file of this name holds; None: it is not named like one."""
    return KINDS.get(Path(name).suffix.lower())


def read(path: str) -> Schema:
    """The schema of a file with what it refers to. NotFoundError, BadValueError and RefusedError name the file."""
    place = Path(path).expanduser()
    return _Reading(place).schema(place, place.name)


class _Reading:
    """One schema and the files that it refers to, each read once."""

    def __init__(self, top: Path) -> None:
        self._root = top.parent
        self._read: dict[Path, Schema | None] = {}                # None: it is being read, and so refers to itself

    def schema(self, place: Path, name: str) -> Schema:
        kind = kind_of(place.name)
        if kind is None:
            raise BadValueError(f"{place} is not named like a schema", hint=f"schema files end in {', '.join(KINDS)}")
        if place in self._read:
            known = self._read[place]
            if known is None:
                raise RefusedError(f"{place} imports itself", hint="take the import out of one of the files")
            return known
        if len(self._read) > MOST_REFERENCES:
            raise RefusedError(f"{self._root}: more than {MOST_REFERENCES} files refer to each other", hint="make one file of them")
        self._read[place] = None
        data = _bytes(place)
        text = base64.b64encode(data).decode() if place.suffix.lower() == ".desc" else _text(place, data)
        schema = Schema(kind, text, subject=None, references=tuple(self._references(kind, text, place, name)))
        self._read[place] = schema
        return schema

    def _references(self, kind: SchemaKind, text: str, place: Path, name: str) -> Iterator[Reference]:
        if place.suffix.lower() == ".desc":
            return                            # a descriptor set holds what it imports, or its compiler was told not to
        names = _imports(text) if kind == "protobuf" else _pointed_at(text, place) if kind == "json" else ()
        for wanted in dict.fromkeys(names):
            found = self._found(place, wanted)
            if found is None:
                raise NotFoundError(f"{name} refers to {wanted}, which is not beside it",
                                    hint=f"put {wanted} under {place.parent}, where {name} is")
            yield Reference(wanted, wanted, 1, self.schema(found, wanted))

    def _found(self, place: Path, wanted: str) -> Path | None:
        """Beside the file that names it, or from the folder of the first file. Never outside of that folder by `..`."""
        if Path(wanted).is_absolute() or ".." in Path(wanted).parts:
            return None
        return next((folder / wanted for folder in (place.parent, self._root) if (folder / wanted).is_file()), None)


def _bytes(place: Path) -> bytes:
    try:
        with place.open("rb") as file:
            data = file.read(SCHEMA_BYTES + 1)
    except FileNotFoundError:
        raise NotFoundError(f"there is no schema file {place}", hint="SCHEMA names a file, or a subject of the registry") from None
    except OSError as failed:
        raise BadValueError(f"{place}: {failed.strerror}", hint="SCHEMA names a file that this user may read") from None
    if len(data) > SCHEMA_BYTES:
        raise RefusedError(f"SCHEMA_TOO_LARGE: {place} is larger than {SCHEMA_BYTES:,} bytes", hint="a schema has at most 1 MiB")
    return data


def _text(place: Path, data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadValueError(f"{place} is not UTF-8 text", hint="a descriptor set of protoc is named .desc") from None


def _imports(text: str) -> list[str]:
    return [name for name in _IMPORT.findall(_COMMENT.sub("", text)) if not name.startswith(_KNOWN)]


def _pointed_at(text: str, place: Path) -> list[str]:
    """Files that a $ref of a JSON Schema names; addresses are left to who reads the schema."""
    try:
        tree = json.loads(text)
    except ValueError as wrong:
        raise BadValueError(f"{place} is no JSON: {wrong}", hint="a JSON Schema is one JSON object") from None
    except RecursionError:
        raise RefusedError(f"{place} is nested too deeply", hint="a schema has at most 32 levels") from None
    files = (ref.partition("#")[0] for ref in _refs(tree))
    return [name for name in files if name and "://" not in name and not name.startswith("urn:")]


def _refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        found = node.get("$ref")
        if isinstance(found, str):
            yield found
        node = list(node.values())
    if isinstance(node, list):
        for inner in node:
            yield from _refs(inner)
