"""The audit log: a line for each statement, for its owner alone, bounded."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from kshell.options import Secret
from kshell.serve import audit
from kshell.serve.audit import AuditLog


def test_a_line_has_its_time_and_neither_secrets_nor_control_characters(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "servers" / "audit.log")
    Secret("canary-of-the-audit")
    log("pgwire 1 kshell@127.0.0.1: ok in 0.001 s: SELECT canary-of-the-audit\x1b[31m")
    line = (tmp_path / "servers" / "audit.log").read_text()
    assert line[10] == "T"
    assert line[24:] == " pgwire 1 kshell@127.0.0.1: ok in 0.001 s: SELECT ***\\e[31m\n"
    assert stat.S_IMODE((tmp_path / "servers" / "audit.log").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "servers").stat().st_mode) == 0o700


def test_it_never_holds_more_than_two_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "LARGEST", 1000)
    log = AuditLog(tmp_path / "audit.log")
    for number in range(200):
        log(f"statement {number:03d}")
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["audit.log", "audit.log.1"]
    assert all(file.stat().st_size <= 1000 for file in files)
    assert "statement 199" in files[0].read_text()


def test_a_log_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    AuditLog(tmp_path / "file" / "audit.log")("statement")
