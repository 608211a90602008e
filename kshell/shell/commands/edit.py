"""`.edit [text]`: the last statement in $EDITOR; what is saved runs."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from pathlib import Path

from kshell.errors import RefusedError
from kshell.shell.context import Context

USAGE, COMPLETES = "", ""
HELP = "the last statement in $EDITOR; then it runs"
RUNS_SCRIPTS = True


def run(context: Context, arguments: str) -> None:
    if not context.interactive:
        raise RefusedError(".edit needs a terminal")
    with tempfile.TemporaryDirectory(prefix="kshell-edit-") as folder:
        file = Path(folder) / "statement.sql"
        file.write_text(arguments or context.last_query, encoding="utf-8")
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        with context.terminal_lent():
            code = subprocess.run([*shlex.split(editor), str(file)], check=False).returncode
        text = file.read_text(encoding="utf-8").strip()
    if code == 0 and text:
        context.echo(text)
        context.run_text(text, "")
