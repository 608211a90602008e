"""Every session that a document shows is what the program prints, against a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.parts.kafka import Broker
from tests.parts.server import free_ports
from tests.transcripts import setups
from tests.transcripts.document import Document
from tests.transcripts.replay import regenerate
from tests.transcripts.terminal import ADDRESS, REPOSITORY, Terminal

FOLDERS = ("examples", "tests/transcripts")
DOCUMENTS = [REPOSITORY / "README.md", *(path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*"))
                                         if path.suffix in (".md", ".txt"))]

FOUR_DIGITS = range(7000, 9990)               # as wide as the written one, so that the address fills its column as in the document


@pytest.fixture
def broker(kafka: Broker, tmp_path: Path) -> Iterator[Broker]:
    """A broker that has the document's topics and no others. `kafka` says first whether one can run here."""
    own = Broker(tmp_path / "broker", port=free_ports(2, FOUR_DIGITS))
    own.start()
    yield own
    own.crash()


def _home(document: Path, tmp_path: Path, bootstrap: str) -> Path:
    """An empty home, in an example with the files that stand beside its README, at the broker of this run."""
    home = tmp_path / "home"
    home.mkdir()
    for file in document.parent.iterdir() if "examples" in document.parts else ():
        if file.is_file() and file != document:
            (home / file.name).write_text(file.read_text().replace(ADDRESS, bootstrap))
    return home


def _asks_a_broker(path: Path) -> bool:
    text = path.read_text()
    return ADDRESS in text or bool(Document.parse(text).setups)


def _cases() -> Iterator[ParameterSet]:
    for path in DOCUMENTS:
        marks = [pytest.mark.kafka] if _asks_a_broker(path) else []
        yield pytest.param(path, marks=marks, id=str(path.relative_to(REPOSITORY)))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", list(_cases()))
def test_a_document_shows_what_the_program_prints(path: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    document = Document.parse(path.read_text())
    bootstrap = request.getfixturevalue("broker").bootstrap if _asks_a_broker(path) else ADDRESS
    home = _home(path, tmp_path, bootstrap)
    for name in document.setups:
        getattr(setups, name)(bootstrap, home)
    with Terminal(home, bootstrap) as terminal:
        replayed = regenerate(document, terminal.run)
    if request.config.getoption("--accept", default=False):
        path.write_text(replayed.text())
    shown, printed = path.read_text().split("\n"), replayed.text().split("\n")
    difference = list(unified_diff(shown, printed, "the document", "the program", lineterm=""))
    assert not difference, "\n".join([*difference, "", "make accept, if the program is right"])
