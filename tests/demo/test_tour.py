"""The tour: what it tells, and that what it shows is the answer of the statement above it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from kshell.demo.tour import scenes
from tests.support.terminal import spawn

REPOSITORY = Path(__file__).parents[2]
SCRIPT = (REPOSITORY / "sql" / "demo" / "tour.sql").read_text()


def _demo(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    start = "import sys; from kshell.cli import main; sys.exit(main(['demo', *sys.argv[1:]]))"
    return subprocess.run([sys.executable, "-c", start, *arguments], cwd=REPOSITORY, env={**os.environ, "HOME": str(home), "NO_COLOR": "1"},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)


def _answers(tour: str, statement: str) -> list[str]:
    """What the tour shows under each run of a statement: the cells of the last row."""
    shown = [part.partition(";\n")[2].split("\nkshell>")[0] for part in tour.split("kshell> ") if part.startswith(statement)]
    return [" ".join(re.findall(r"[\w.,']+", next(line for line in text.split("\n") if re.search(r"\d", line)))) for text in shown]


def test_a_scene_is_its_comment_and_its_statement() -> None:
    first, second, *_ = scenes("-- Look\n-- here.\nSELECT 1,\n2;\n\nSHOW SINKS;\n")
    assert (first.narration, first.statement) == ("Look here.", "SELECT 1,\n2;")
    assert (second.narration, second.statement) == ("", "SHOW SINKS;")


def test_every_scene_holds_one_statement() -> None:
    assert [scene.statement for scene in scenes(SCRIPT) if scene.statement.count(";") != 1 or not scene.statement.endswith(";")] == []


@pytest.mark.slow
def test_the_demo_shows_both_tiers_and_equal_counts_before_and_after_a_commit(tmp_path: Path) -> None:
    done = _demo(home=tmp_path)
    assert done.returncode == 0, done.stderr
    before, after = _answers(done.stdout, "SELECT _tier, count(*) AS n, sum(user_id) AS checksum FROM clicks(stop := 1000)")
    assert before.startswith("live 2000 ")
    assert after == before.replace("live", "lake")
    assert re.search(r"lake\W+\d+.*\n.*live\W+\d+", done.stdout)
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_demo_leaves_nothing_behind_unless_told_to_keep_it(tmp_path: Path) -> None:
    home, kept = tmp_path / "home", tmp_path / "kept"
    home.mkdir()
    assert _demo("--keep", str(kept), home=home).returncode == 0
    assert list(home.iterdir()) == []
    assert list(kept.rglob("*.parquet")) != []


@pytest.mark.slow
def test_on_a_terminal_the_demo_ends_at_the_prompt_over_the_table_it_made(tmp_path: Path) -> None:
    environment = {**os.environ, "HOME": str(tmp_path), "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1", "KSHELL_PAGER": "cat"}
    terminal = spawn(sys.executable, ["-m", "kshell", "demo"], cwd=str(REPOSITORY), env=environment, dimensions=(40, 120), timeout=30)
    try:
        terminal.expect_exact("kshell> CHECK SINK")
        terminal.expect("kshell>\x1b")         # the tour prints its prompts; this one is drawn
        terminal.send("SELECT 'lake: ' || (count(*) >= 2000) AS answer FROM lake.clicks;\r")
        terminal.expect_exact("lake: true")
        terminal.expect("kshell>\x1b")
        terminal.send("\x04")
        if terminal.expect(["leave them in Kafka", pexpect.EOF]) == 0:     # the topic goes on while one looks
            terminal.send("n\r")
            terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0
    finally:
        terminal.close(force=True)
