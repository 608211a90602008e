"""`.doctor [--write]`: the checks of `kshell doctor`, of this session's connections too."""

from __future__ import annotations

from kshell.errors import BadValueError, CancelledError, ReadOnlyError, RefusedError, UnreachableError
from kshell.shell.commands._arguments import words
from kshell.shell.context import Context

USAGE, COMPLETES = "[--write]", ""
HELP = "checks the set-up and says how to repair it"


def run(context: Context, arguments: str) -> None:
    given = words(arguments)
    if given not in ([], ["--write"]):
        raise BadValueError(f".doctor does not take {' '.join(given)}", hint="write .doctor, or .doctor --write to try writing too")
    if given and context.session.read_only:
        raise ReadOnlyError("the session is read-only", hint="write .doctor: it writes nothing")
    found: dict[str, list[str]] = {}
    for check in context.session.doctor(write=bool(given)).checks():
        if context.cancelled.is_set():
            raise CancelledError("interrupted")
        context.print(check.line())
        found.setdefault(check.state, []).append(check.name)
    if "failed" in found:
        raise RefusedError(f"not as it should be: {', '.join(found['failed'])}", hint="each line above says what to do")
    if "unreachable" in found:
        raise UnreachableError(f"not reachable: {', '.join(found['unreachable'])}", hint="each line above says what to do")
