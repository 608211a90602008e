"""`.profile [NAME]`: another section of the configuration file from here on; without a name the profiles there are.

Its brokers and catalogs take the place of the configured ones; tables, variables and whatever was attached by hand stay."""

from __future__ import annotations

from pathlib import Path

from kshell import config
from kshell.errors import BadValueError, ReadOnlyError
from kshell.shell.commands._arguments import words
from kshell.shell.commands.read import read_script
from kshell.shell.context import Context

USAGE, COMPLETES = "[NAME]", "profile"
HELP = "another profile of the configuration; shows them"
RUNS_SCRIPTS = True                           # that of the profile


def run(context: Context, arguments: str) -> None:
    given = words(arguments)
    if not given:
        _show(context)
        return
    if len(given) > 1:
        raise BadValueError(f".profile does not take {' '.join(given[1:])}", hint=f"write .profile {given[0]}")
    if context.session.read_only:
        raise ReadOnlyError("a read-only session keeps its profile", hint=f"start another: kshell -P {given[0]}")
    before = context.session.config
    wished = config.load(path=str(before.path) if before.path else None, profile=given[0], flags=before.typed())
    if wished["read_only"] and (sinks := context.session.names().sinks):
        raise ReadOnlyError(f"profile {given[0]} is read-only, and sink {sinks[0]} writes", hint=f"DROP SINK {sinks[0]} first")
    context.in_front(lambda: context.session.switch(wished))
    _put_on(context, wished)
    if wished["init"]:
        context.run_text(read_script(Path(wished["init"])), wished["init"])
    if wished["read_only"]:
        context.session.read_only = context.read_only = context.settings.read_only = True


def _show(context: Context) -> None:
    chosen = context.session.config
    names = config.profiles(chosen.path)
    if not names:
        context.note(f"{chosen.path or config.usual_file()} has no profile; kshell config init writes a file to start from")
    for name in names:
        context.print(f"{'*' if name == chosen.profile else ' '} {name}")


def _put_on(context: Context, chosen: config.Config) -> None:
    context.settings.prompt, context.settings.prompt_color = f"{chosen.profile}> ", chosen["prompt_color"]
    context.settings.editing_mode, context.pager_setting = chosen["editing_mode"], chosen["pager"]
    brokers = chosen["brokers"]
    context.note(f"profile {chosen.profile}: " + (f"cluster kafka is {brokers}" if brokers else "no brokers"))
