"""Regenerates a document by running its sessions.

Invariant: a step whose answer is equal up to the declared volatile values keeps the text that stands in the document."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.transcripts.document import Document, Step
from tests.transcripts.volatile import comparable

Run = Callable[[Step], Sequence[str]]


def regenerate(document: Document, run: Run) -> Document:
    return Document([_replayed(part, run) if isinstance(part, Step) else part for part in document.parts])


def _replayed(step: Step, run: Run) -> Step:
    output = list(run(step))
    if comparable(output) == comparable(step.output):
        output = step.output
    return Step(step.mark, step.written, output)
