"""`kshell config init|show|validate`: writes a commented file, prints what holds and why, checks a file with all its profiles.

Invariant: nothing is connected, no secret is printed, and no file is written over."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from kshell import config
from kshell.cli.streams import ReaderGone, Stdout
from kshell.errors import Error, UsageError, did_you_mean

if TYPE_CHECKING:
    from kshell.cli.flags import Flags

ACTIONS = ("init", "show", "validate")


def run(flags: Flags) -> int:
    from kshell.cli.headless import failed_before

    try:
        Stdout().write(_text(flags).encode())
    except Error as failed:
        return failed_before(failed, flags)
    except ReaderGone:
        return 0
    return 0


def _text(flags: Flags) -> str:
    match flags.arguments[0]:
        case "init":
            return f"{config.write_example(flags.config)}\n"
        case "validate":
            profiles = config.validate(flags.config)
            return f"the file is right; profiles: {', '.join(profiles) or 'none'}\n"
        case "show":
            return _shown(flags)
        case other:
            raise UsageError(f"kshell config has no action {other}",
                             hint=did_you_mean(other, ACTIONS) or "kshell config init, show or validate")


def _shown(flags: Flags) -> str:
    from kshell.cli.flags import effective

    settings = effective(flags).settings
    assert settings is not None
    rows = config.rows(settings)
    if flags.mode in ("json", "ndjson"):
        listed = [json.dumps({"key": key, "value": value, "origin": origin}) for key, value, origin in rows]
        return "\n".join(listed) + "\n" if flags.mode == "ndjson" else "[" + ",\n ".join(listed) + "]\n"
    wide = max(len(key) for key, _, _ in rows)
    values = ["" if value is None else value for _, value, _ in rows]
    wider = min(60, max(len(value) for value in values))
    return "".join(f"{key:<{wide}}  {value:<{wider}}  # {origin}\n" for (key, _, origin), value in zip(rows, values, strict=True))


__all__ = ["run"]
