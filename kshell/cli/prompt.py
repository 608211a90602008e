"""The prompt: flags into the shell's own choices.

Invariant: loads prompt_toolkit; nothing headless imports this file."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

from kshell.cli.headless import read_script
from kshell.errors import Error, UsageError
from kshell.output._errors import error_text
from kshell.places import config_folder

if TYPE_CHECKING:
    from kshell.cli.flags import Flags


def start(flags: Flags) -> int:
    """The exit code of a session at the prompt."""
    from kshell.columns import literal, quote
    from kshell.lang.statements import DuckStatement
    from kshell.serve.offered import offer
    from kshell.session import Session
    from kshell.shell.background import Notes
    from kshell.shell.journal import Journal, default_path
    from kshell.shell.repl import Choices, Repl
    from kshell.shell.say import say
    from kshell.shell.settings import Settings

    notes = Notes(say)
    try:
        _only_headless(flags)
        init = _init(flags)
        session = Session(config=flags.settings, connect=False, read_only=False, interactive=True,
                          notes=lambda kind, text: notes.put(f"{kind}: {text}")
                          if kind not in ("commit", "info") or flags.log != "warning" else None)
        for name, value in flags.variables:
            session.execute(DuckStatement(text=f"SET VARIABLE {quote(name)} = {literal(value)}")).close()
    except Error as failed:
        sys.stderr.write(error_text(failed))
        return failed.exit
    signal.signal(signal.SIGINT, signal.default_int_handler)      # from here on Ctrl-C belongs to the prompt
    settings = Settings(mode=flags.mode, headers=flags.header, nullvalue=flags.nullvalue, limit=flags.limit)
    settings.highlight = settings.highlight and flags.color
    chosen = flags.settings
    if chosen is not None and chosen.profile:
        settings.prompt, settings.prompt_color = f"{chosen.profile}> ", chosen["prompt_color"]
    how = {"editing_mode": chosen["editing_mode"], "pager": chosen["pager"]} if chosen is not None else {}
    choices = Choices(**how, read_only=flags.read_only, flush_on_exit=flags.flush, init=init, quiet=flags.quiet,
                      journal=Journal(default_path(), tracebacks=True) if flags.log == "debug" else None)
    repl = Repl(session, notes, settings=settings, choices=choices, terminal=sys.stdout.isatty())
    session.ask, session.confirm = repl.no_echo, repl.confirm
    offer(session)
    session.begin_connecting()
    return repl.run()


def _only_headless(flags: Flags) -> None:
    """Flags that a prompt cannot keep are refused rather than ignored."""
    for given, flag in ((flags.output, "-o"), (flags.timeout_s, "--timeout"), (flags.stats, "--stats")):
        if given:
            hint = ".output FILE does it at the prompt" if flag == "-o" else None
            raise UsageError(f"{flag} needs something to run: -c SQL or -f FILE", hint=hint)


def _init(flags: Flags) -> tuple[str, str] | None:
    """The init file and its name: the one given, else the usual one where it exists."""
    if flags.no_init:
        return None
    if flags.init:
        return read_script(flags.init).text, flags.init
    usual = config_folder() / "init.sql"
    return (read_script(str(usual)).text, "init.sql") if usual.exists() else None


__all__ = ["start"]
