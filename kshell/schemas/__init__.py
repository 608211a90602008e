"""Schemas of records: where they come from (a registry, a local file) and which one a record names.

Invariant: an outage is never an answer. Only a definite 404 says that a schema does not exist."""

from __future__ import annotations

from kshell.schemas.files import FileSchema
from kshell.schemas.frame import Frame, framed
from kshell.schemas.values import Reference, Schema, SchemaKind, SchemaSource, SchemaTooLarge, SchemaUnavailable, SchemaUnknown

__all__ = ["FileSchema", "Frame", "Reference", "Schema", "SchemaKind", "SchemaSource", "SchemaTooLarge", "SchemaUnavailable",
           "SchemaUnknown", "framed"]
