"""The log: what ran and how it ended; no secret, no control character, nobody else's to read."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from kshell import lang
from kshell.errors import Error, RefusedError
from kshell.shell.context import Context
from kshell.shell.journal import Journal
from tests.shell.fakes import FakeSession
from tests.shell.test_commands import REPOSITORY, Script


def test_a_line_for_each_statement_with_its_seconds_and_its_end(session: FakeSession, tmp_path: Path) -> None:
    script = Script(session)
    script.type(f".log '{tmp_path}/my log'")
    for text in ("SELECT 1\n  AS a", "SELECT missing"):
        _logged(script.context, text)
    script.type(".log off")
    _logged(script.context, "SELECT 3")
    lines = (tmp_path / "my log").read_text().splitlines()
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z \d+\.\d{3} s "
    assert re.fullmatch(stamp + "ok: SELECT 1 AS a", lines[0])
    assert re.fullmatch(stamp + "not_found: SELECT missing", lines[1])
    assert "missing" in lines[2]
    assert len(lines) == 3
    assert stat.S_IMODE((tmp_path / "my log").stat().st_mode) == 0o600


def _logged(context: Context, text: str) -> None:
    with suppress(Error), context.logged(text):
        context.run(lang.parse(text))


def test_on_is_the_usual_place(session: FakeSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    script = Script(session)
    script.type(".log on")
    assert script.said == [f"note: log: {tmp_path}/kshell/kshell.log"]


def test_a_log_that_cannot_be_written_is_refused(session: FakeSession) -> None:
    with pytest.raises(RefusedError):
        Script(session).type(".log /proc/nothing/x")


def test_neither_secrets_nor_control_characters_enter_it(tmp_path: Path) -> None:
    log = Journal(tmp_path / "log")
    log.ran("CREATE SECRET p (TYPE kafka, SASL_PASSWORD 'canary-9')", 0.1)
    log.ran("SELECT '\x1b[2J'", 0.1)
    text = (tmp_path / "log").read_text()
    assert "canary" not in text
    assert "\x1b" not in text
    assert "CREATE SECRET ... (it holds a secret)" in text


def test_a_log_that_is_taken_away_fails_no_statement(tmp_path: Path) -> None:
    log = Journal(tmp_path / "folder" / "log")
    (tmp_path / "folder").write_text("a file where the folder was")
    log.ran("SELECT 1", 0.1)


def test_log_debug_writes_tracebacks_without_values_into_the_log_file_only(tmp_path: Path) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run([sys.executable, "-m", "kshell", "--log", "debug", "-c", "SET VARIABLE v = 'canary-value'",
                           "-c", "SELECT getvariable('v')::INT"],
                          env=environment, capture_output=True, text=True, timeout=60, check=False)
    text = (tmp_path / ".local/state/kshell/kshell.log").read_text()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Traceback (most recent call last)" in text
    assert text.count("canary-value") <= 1 + done.stderr.count("canary-value") * 3, "in the statement, and where DuckDB itself says it"
