"""The replayer itself: it reads documents without changing them, and notices what differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.transcripts import setups
from tests.transcripts.document import Document, Step
from tests.transcripts.replay import regenerate
from tests.transcripts.terminal import ADDRESS, Terminal
from tests.transcripts.test_transcripts import DOCUMENTS
from tests.transcripts.volatile import comparable

TEXT = """# A page
<!-- setup: one, two -->

    not a session

    kshell> SELECT 1,
       ...> 2;
     1  2
    -- --
     1  2

    kshell> .mode csv
    $ cat <<'END'
    > a
    > END
    a

The end.
"""

ECHO = """#!/usr/bin/env bash
while printf 'kshell> '; IFS= read -r line; do echo "$line"; echo "got $line"; done
"""


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_reading_a_document_changes_nothing(path: Path) -> None:
    assert Document.parse(path.read_text()).text() == path.read_text()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_asks_for_setups_that_exist(path: Path) -> None:
    assert [name for name in Document.parse(path.read_text()).setups if not hasattr(setups, name)] == []


def test_a_session_is_read_step_by_step() -> None:
    document = Document.parse(TEXT)
    assert [step.typed for step in document.steps] == ["SELECT 1,\n2;", ".mode csv", "cat <<'END'\na\nEND"]
    assert document.steps[0].output == [" 1  2", "-- --", " 1  2", ""]
    assert document.setups == ["one", "two"]
    assert document.text() == TEXT


def test_an_answer_that_differs_is_written_anew_and_the_prose_stays() -> None:
    replayed = regenerate(Document.parse(TEXT), lambda step: ["b"] if "cat" in step.typed else step.output)
    assert replayed.text() == TEXT.replace("    > END\n    a\n", "    > END\n    b\n")


@pytest.mark.parametrize(("one", "other"), [
    ("│ 2026-01-02 03:04:05.678+00 │", "│ 2025-12-31 23:59:59.123+00 │"),
    ("12 rows in 0.034 s", "12 rows in 1.2 s"),
    ("snapshot 4102774902117839461", "snapshot 410277490211783946"),
    ("┌───────┐", "┌──┐"),
    ("data up to 0.8 s ago", "data up to 14 min ago"),
])
def test_declared_values_may_differ(one: str, other: str) -> None:
    assert comparable([one]) == comparable([other])


@pytest.mark.parametrize(("one", "other"), [
    ("12 rows in 0.034 s", "13 rows in 0.034 s"),
    ("│ live │ 40 │", "│ lake │ 40 │"),
    ("COMMIT_INTERVAL '10s'", "COMMIT_INTERVAL '60s'"),
])
def test_nothing_else_may_differ(one: str, other: str) -> None:
    assert comparable([one]) != comparable([other])


def test_commands_see_the_real_address_and_the_document_the_written_one(tmp_path: Path) -> None:
    with Terminal(tmp_path, "127.0.0.1:7777") as terminal:
        assert terminal.run(Step("$ ", [f"$ echo {ADDRESS} | tr 7 x; echo {ADDRESS} $HOME"])) == ["12x.0.0.1:xxxx", f"{ADDRESS} ~"]


def test_a_prompt_is_typed_at_and_its_echo_is_left_out(tmp_path: Path) -> None:
    with Terminal(tmp_path) as terminal:
        (tmp_path / "bin" / "kshell").write_text(ECHO)
        assert terminal.run(Step("kshell> ", ["kshell> one"])) == ["got one"]
        assert terminal.run(Step("kshell> ", ["kshell> two"])) == ["got two"]
