"""The program: a command line into one run, an exit code out.

Does: flags, scripts, signals, exit codes, what stands on stdout and stderr. Does not: know SQL, Kafka or Iceberg.
Invariant: stdout holds rows; every failure is one error on stderr and the exit code of its branch of the error tree; --help and
--version load neither DuckDB nor Arrow."""

from __future__ import annotations

import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence

import kshell
from kshell.cli import flags as reading
from kshell.cli.flags import Flags
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
    if flags.spec or flags.command == "completion":
        return _printed(flags)
    with _interruptible():
        return _run(flags)


def _printed(flags: Flags) -> int:
    """What is said about the program itself, from its declarations."""
    from kshell.cli.streams import ReaderGone, Stdout
    try:
        text = importlib.import_module(f"kshell.cli.{'spec' if flags.spec else 'completion'}").text(*flags.arguments)
    except Error as wrong:
        return _usage(wrong, [])
    with contextlib.suppress(ReaderGone):
        Stdout().write(text.encode())
    return 0


def _run(flags: Flags) -> int:
    if flags.command == "demo":
        return _demo(flags)
    if flags.command != "config":
        try:
            flags = reading.effective(flags)
        except Error as wrong:
            return _usage(wrong, [f"--{flags.mode}"])
    if flags.command in ("verify", "doctor", "config"):
        return importlib.import_module(f"kshell.cli.{flags.command}").run(flags)  # type: ignore[no-any-return]
    if not flags.inputs and flags.command not in reading.STAYS and sys.stdin is not None and sys.stdin.isatty():
        from kshell.cli.prompt import start
        return start(flags)
    from kshell.cli.headless import run
    return run(flags)


def _demo(flags: Flags) -> int:
    """The tour; on a terminal it goes on at the prompt."""
    from kshell import demo

    def prompt(init: str) -> int:
        from kshell.cli.prompt import start
        return start(Flags(init=init))

    signal.signal(signal.SIGINT, signal.default_int_handler)     # Ctrl-C unwinds: the broker and the scratch folder end with the tour
    try:
        return demo.main(list(flags.arguments), prompt=prompt if sys.stdin.isatty() and sys.stdout.isatty() else None)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Ctrl-C while libraries still load: nothing has begun, so leave. Whoever runs statements listens for himself later."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: os._exit(128 + number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _usage(wrong: Error, words: Sequence[str]) -> int:
    """The flags could not be read, so whether --json is among them is all that is asked."""
    from kshell.output._errors import error_object, error_text
    sys.stderr.write(error_object(wrong) if {"--json", "--ndjson"} & set(words) else error_text(wrong))
    return wrong.exit


__all__ = ["main"]
