"""Which subjects belong to a topic, and a registry asked in the context of one.

Invariant: by TopicNameStrategy a topic has `<topic>-value` and `<topic>-key`; under any other strategy the records name their schemas,
and a subject is only known when the user names it."""

from __future__ import annotations

from typing import Literal

from kshell.schemas.values import Schema, SchemaSource

_CONTEXT = ":."                               # ":.eu:orders-value" is subject orders-value of context eu


def subject_of(topic: str, part: Literal["value", "key"]) -> str:
    return f"{topic}-{part}"


class InContext:
    """Ids of a context are its own: a subject of it goes along with each question."""

    def __init__(self, source: SchemaSource, subject: str) -> None:
        self._source, self._subject = source, subject

    @property
    def frames(self) -> bool:
        return self._source.frames

    @property
    def unframed(self) -> Schema | None:
        return self._source.unframed

    def by_id(self, id: int, subject: str | None = None) -> Schema:
        return self._source.by_id(id, subject or self._subject)

    def by_guid(self, guid: str) -> Schema:
        return self._source.by_guid(guid)

    def latest(self, subject: str) -> Schema:
        return self._source.latest(subject)


def in_context(source: SchemaSource, subject: str) -> SchemaSource:
    """The source itself where the subject names no context."""
    return InContext(source, subject) if subject.startswith(_CONTEXT) else source
