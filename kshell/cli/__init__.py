"""The program: a command line into one run, an exit code out.

Does: flags, scripts, signals, exit codes, what stands on stdout and stderr. Does not: know SQL, Kafka or Iceberg.
Invariant: stdout holds rows; every failure is one error on stderr and the exit code of its branch of the error tree; --help and
--version load neither DuckDB nor Arrow."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

import kshell
from kshell.cli import flags as reading
from kshell.errors import Error


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        flags = reading.parse(words)
    except Error as wrong:
        return _usage(wrong, words)
    if flags.help or flags.version:
        from kshell.cli.streams import ReaderGone, Stdout
        with contextlib.suppress(ReaderGone):
            Stdout().write((flags.help or f"kshell {kshell.__version__}\n").encode())
        return 0
    if flags.command == "demo":
        from kshell import demo
        terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
        return demo.main(flags.arguments, prompt=_after_the_tour if terminal else None)
    if not flags.inputs and flags.command != "run" and sys.stdin is not None and sys.stdin.isatty():
        from kshell.cli.prompt import start
        return start(flags)
    from kshell.cli.headless import run
    return run(flags)


def _after_the_tour(init: str) -> int:
    from kshell.cli.prompt import start
    return start(reading.Flags(init=init))


def _usage(wrong: Error, words: Sequence[str]) -> int:
    """The flags could not be read, so whether --json is among them is all that is asked."""
    from kshell.output._errors import error_object, error_text
    sys.stderr.write(error_object(wrong) if {"--json", "--ndjson"} & set(words) else error_text(wrong))
    return wrong.exit


__all__ = ["main"]
