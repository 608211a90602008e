"""A family is a package and a member is a file in it; nothing is imported before it is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kshell import registry
from kshell.errors import NotFoundError


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    folder = tmp_path / "shapes_of_test"
    folder.mkdir()
    (folder / "__init__.py").write_text("HELPERS = ('ruler',)\n")
    for name in ("square", "circle", "_hidden", "ruler"):
        (folder / f"{name}.py").write_text(f"NAME = {name!r}\n")
    (folder / "broken.py").write_text("raise RuntimeError('imported')\n")
    (folder / "notes.txt").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("shapes_of_test")]:
        monkeypatch.delitem(sys.modules, name)
    return "shapes_of_test"


def test_members_are_files_that_are_not_hidden_and_no_helpers(family: str) -> None:
    assert registry.names(family) == ["broken", "circle", "square"]


def test_naming_a_family_imports_no_member(family: str) -> None:
    registry.names(family)
    assert f"{family}.square" not in sys.modules


def test_a_member_is_loaded_by_its_name(family: str) -> None:
    package = __import__(family)
    assert registry.load(package, "square").NAME == "square"
    assert registry.load(family, "circle").NAME == "circle"


@pytest.mark.parametrize(("name", "hint"), [("squar", "did you mean square?"), ("xyz", "known: broken, circle, square"),
("ruler", "known: "), ("_hidden", None),
                                            ("../circle", None), ("os", None)])
def test_an_unknown_member_is_told_the_nearest(family: str, name: str, hint: str | None) -> None:
    with pytest.raises(NotFoundError) as caught:
        registry.load(family, name)
    assert caught.value.message == f"there is no {name} in shapes_of_test"
    assert hint is None or hint in (caught.value.hint or "")
