"""What a schema is, who can be asked for one, and the three ways in which there is none.

Invariant: a Schema is complete. Its references are resolved, so whoever decodes with it asks nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

SchemaKind = Literal["avro", "protobuf", "json"]
Cause = Literal["network", "time", "certificate", "credentials", "redirect", "address", "server", "unconfirmed"]


@dataclass(frozen=True, slots=True)
class Reference:
    """Another schema under the name by which the text refers to it."""

    name: str
    subject: str
    version: int
    schema: Schema


@dataclass(frozen=True, slots=True)
class Schema:
    """`text`: source text; of a Protobuf descriptor set (file .desc) its bytes in base64. `id`, `guid`, `subject` and `version` are None
    where the source does not say: a file has none of them."""

    kind: SchemaKind
    text: str
    id: int | None = None
    guid: str | None = None
    subject: str | None = None
    version: int | None = None
    references: tuple[Reference, ...] = ()


class SchemaUnavailable(Exception):
    """It cannot be had at the moment: outage, time-out, 401, 5xx, redirect. Never a verdict on a record.

    `cause` says which part of the set-up would help."""

    def __init__(self, reason: str, cause: Cause = "network") -> None:
        super().__init__(reason)
        self.reason = reason
        self.cause = cause


class SchemaUnknown(Exception):
    """It does not exist: a definite 404."""


class SchemaTooLarge(Exception):
    """It exists, and is beyond the limits on the size of a text or the number of its references."""


class SchemaSource(Protocol):
    """Whoever answers for schemas. Each call raises one of the three above; what `by_id` and `by_guid` answer is kept, so that asking
    again is cheap; `latest` may ask each time."""

    @property
    def frames(self) -> bool:
        """Whether a value may name its schema. False: the whole value is the body, whatever it begins with."""

    @property
    def unframed(self) -> Schema | None:
        """The schema of values that name none. None: such a value is bad."""

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        """The schema a record names. `subject` helps where ids belong to contexts of subjects."""

    def by_guid(self, guid: str) -> Schema:
        """The schema that a record names in a header."""

    def latest(self, subject: str) -> Schema:
        """The newest version of a subject."""
