"""The terminal of a transcript: an empty home, a real pseudo-terminal for the prompt, a shell for `$ ` lines.

Invariant: what the author wrote as ADDRESS is the broker of this run, and `~` is its scratch folder; the program sees the
real values, the document the written ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import pexpect

from tests.support.terminal import spawn as spawn_terminal
from tests.transcripts.document import PROMPT, SHELL, Step

ADDRESS = "127.0.0.1:9092"                    # how documents write the broker's address
STEP_TIMEOUT_S = 90
SCREEN = (400, 220)                           # rows, columns: large enough that no box is cut and no pager opens
REPOSITORY = Path(__file__).resolve().parents[2]
_ESCAPES = re.compile(r"\x1b(\[[0-9;?]*[a-zA-Z]|\][^\x07]*\x07|[=>])")


class Terminal:
    """Runs steps in one scratch folder. A prompt is opened by the first `kshell> ` step and lives until `.exit` or the end."""

    def __init__(self, home: Path, bootstrap: str = ADDRESS) -> None:
        self.home = home
        self._bootstrap = bootstrap
        self._prompt: pexpect.spawn[str] | None = None
        self._environment = _environment(home)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._prompt is not None:
            self._prompt.close(force=True)

    def run(self, step: Step) -> list[str]:
        """What the program printed, line by line, in the document's words."""
        if step.mark == SHELL and step.typed == "kshell":
            printed = self._open()
        elif step.mark == SHELL:
            printed = self._shell(step.typed)
        else:
            printed = self._type(step.typed)
        return self._as_written(printed)

    def _shell(self, command: str) -> str:
        real = command.replace(ADDRESS, self._bootstrap)
        done = subprocess.run(["bash", "-c", real], cwd=self.home, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=STEP_TIMEOUT_S, check=False)
        return done.stdout

    def _open(self) -> str:
        self._prompt = spawn_terminal(str(self.home / "bin" / "kshell"), cwd=str(self.home), env=dict(self._environment),
                                     dimensions=SCREEN, echo=False, timeout=STEP_TIMEOUT_S)
        return self._until_prompt()

    def _type(self, text: str) -> str:
        if self._prompt is None or not self._prompt.isalive():
            self._open()
        assert self._prompt is not None
        self._prompt.send(text.replace(ADDRESS, self._bootstrap).replace("\n", "\r") + "\r")
        printed = self._until_prompt()
        return "\n".join(printed.split("\n")[text.count("\n") + 1:])          # without the echo

    def _until_prompt(self) -> str:
        assert self._prompt is not None
        self._prompt.expect_exact([PROMPT, pexpect.EOF])
        lines = re.split(r"\r*\n", _ESCAPES.sub("", str(self._prompt.before)))
        return "\n".join(line.rpartition("\r")[2] for line in lines)          # progress is drawn over itself

    def _as_written(self, printed: str) -> list[str]:
        text = printed.replace(self._bootstrap, ADDRESS).replace(str(self.home), "~")
        return [line.rstrip() for line in text.strip("\n").split("\n")] if text.strip() else []


def _environment(home: Path) -> Mapping[str, str]:
    """Nothing of the developer's settings; `kshell` is the one of this tree, run by this interpreter."""
    commands = home / "bin"
    commands.mkdir(parents=True, exist_ok=True)
    for name, start in (("kshell", "-c 'import sys; from kshell.cli import main; sys.exit(main())'"), ("python", "")):
        (commands / name).write_text(f'#!/bin/sh\nexec "{sys.executable}" {start} "$@"\n')
        (commands / name).chmod(0o755)
    return {"HOME": str(home), "PATH": f"{commands}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY), "KSHELL_DATA": str(home / "data"),
            "KSHELL_PAGER": "cat", "PAGER": "cat", "LANG": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "NO_COLOR": "1",
            "COLUMNS": str(SCREEN[1]), "LINES": str(SCREEN[0])}
