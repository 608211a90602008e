"""What the documents claim: generated tables are fresh, links lead somewhere, every decision has the same four parts."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from docs import generate, picture
from kshell.iceberg.values import StopState
from kshell.lang import declared
from kshell.options import OptionSet

REPOSITORY = Path(__file__).parents[1]
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md"), *(REPOSITORY / "examples").rglob("*.md")])
DECISIONS = sorted((REPOSITORY / "docs" / "adr").glob("[0-9]*.md"))


FILES = sorted(generate.written().items())


@pytest.mark.parametrize(("path", "text"), FILES, ids=[path.name for path, _ in FILES])
def test_what_is_made_from_the_declarations_is_fresh(path: Path, text: str) -> None:
    assert path.read_text() == text, "make docs"


def test_a_stale_table_is_noticed() -> None:
    stale = "Prose.\n<!-- generated: exits -->\n| stale |\n<!-- end -->\nMore prose.\n"
    fresh = generate.generated(stale)
    assert fresh != stale
    assert "| 130 | Ctrl-C | `interrupted` |" in fresh
    assert fresh.startswith("Prose.\n")
    assert fresh.endswith("\nMore prose.\n")


def test_every_table_of_the_reference_is_used() -> None:
    used = {block["name"].split()[0] for block in generate._BLOCK.finditer(generate.REFERENCE.read_text())}
    assert used == set(generate.TABLES)


def test_every_set_of_options_has_a_table() -> None:
    used = {block["name"] for block in generate._BLOCK.finditer(generate.REFERENCE.read_text())}
    sets = {name for name, value in vars(declared).items() if isinstance(value, OptionSet)}
    assert {f"options {name}" for name in [*sets, *(f"SECRETS {kind}" for kind in declared.SECRETS),
                                         *(f"SERVERS {kind}" for kind in declared.SERVERS)]} <= used


def test_the_picture_shows_the_session_line_by_line_and_fits_a_readme() -> None:
    readme = generate.README.read_text()
    drawn = ElementTree.fromstring(picture.svg(readme))
    rows = ["".join(text.itertext()) for text in drawn.iter("{http://www.w3.org/2000/svg}g")]
    assert rows == picture.session(readme)
    assert {word for word in picture.SHOWN if any(row.startswith(f"kshell> {word}") for row in rows)} == set(picture.SHOWN)
    assert 20 <= len(rows) <= 50
    assert "prefers-color-scheme:dark" in picture.STYLE


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_links_lead_to_files_that_exist(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.name)
def test_a_decision_says_what_would_change_it(page: Path) -> None:
    assert re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE) == ["Context", "Decision", "Consequences", "What would change our mind"]


def test_every_decision_is_listed() -> None:
    listed = re.findall(r"\((\d{4}-[\w-]+\.md)\)", (REPOSITORY / "docs" / "adr" / "README.md").read_text())
    assert listed == [page.name for page in DECISIONS]


def test_the_architecture_fits_in_its_page_and_names_every_folder() -> None:
    text = (REPOSITORY / "ARCHITECTURE.md").read_text()
    folders = {path.parent.name for path in (REPOSITORY / "kshell").glob("*/__init__.py")}
    assert text.count("\n") <= 150
    assert {name for name in folders if f"`{name}/`" not in text} == set()


def test_operating_says_what_to_type_in_every_state_in_which_a_sink_stops() -> None:
    table = (REPOSITORY / "docs" / "operating.md").read_text().partition("| State | It means | What to type |")[2].partition("\n\n")[0]
    states = {state for row in table.split("\n") for state in re.findall(r"`([A-Z_]+)`", row.split("|")[1] if "|" in row else "")}
    assert states == set(StopState)


def test_files_that_the_architecture_points_to_exist() -> None:
    named = re.findall(r"`((?:kshell|tests|sql|examples)/[\w/.]+)`", (REPOSITORY / "ARCHITECTURE.md").read_text())
    assert [name for name in named if not (REPOSITORY / name).exists()] == []


def test_make_help_names_every_target_that_documents_use() -> None:
    shown = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=True).stdout
    targets = {word for page in PAGES for word in re.findall(r"(?:^    |`)make ([a-z]+)", page.read_text(), re.MULTILINE)}
    assert targets
    assert {target for target in targets if f"make {target} " not in shown} == set()
