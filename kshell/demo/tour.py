"""The guided tour: a script whose comments are the narration, run statement by statement through the public API.

Invariant: every number shown is the answer of the statement above it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kshell import output

if TYPE_CHECKING:
    import kshell

COMMENT = "-- "


@dataclass(frozen=True, slots=True)
class Scene:
    narration: str
    statement: str


def scenes(script: str) -> Iterator[Scene]:
    """Scenes are separated by empty lines; a scene's comments come first."""
    for block in script.strip().split("\n\n"):
        lines = block.split("\n")
        said = [line.removeprefix(COMMENT) for line in lines if line.startswith(COMMENT)]
        yield Scene(" ".join(said), "\n".join(line for line in lines if not line.startswith(COMMENT)))


def play(session: kshell.Session, script: str, stream: output.Stream, settings: output.Settings) -> None:
    for scene in scenes(script):
        if scene.narration:
            _say(stream, f"\n{scene.narration}\n")
        typed = scene.statement.replace("\n", "\n   ...> ")
        _say(stream, f"\nkshell> {typed}\n")
        _show(session.sql(scene.statement), stream, settings)


def _show(result: kshell.Result, stream: output.Stream, settings: output.Settings) -> None:
    if result.note is not None:
        _say(stream, f"note: {result.note}\n")
    else:
        output.write(result.columns, result.batches(), output.find("table"), stream, settings)
    result.close()


def _say(stream: output.Stream, text: str) -> None:
    stream.write(text.encode())
    stream.flush()
