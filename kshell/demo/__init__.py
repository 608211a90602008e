"""`kshell demo`: the main job with no server, on an embedded broker, generated events and a catalog in a temporary folder.

Does: play a guided tour; on a terminal, hand over to the prompt with the same topics and table. Does not: use anything
but the public API, or leave anything behind unless `--keep` names a folder."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

Prompt = Callable[[str], int]                 # the path of an init file -> exit code

TRY = """
The prompt has the same topics, and the sink goes on where its table says. Try:
    FROM clicks LIMIT 5;
    SELECT _tier, count(*) FROM clicks GROUP BY ALL;
    SHOW SINKS;
    .help
"""


def main(arguments: Sequence[str] = (), *, prompt: Prompt | None = None) -> int:
    """The exit code. `prompt` opens a prompt after the tour; None: the tour is all."""
    keep = _keep(arguments)
    from kshell.errors import Error
    from kshell.output._errors import error_text

    try:
        with _data(keep):
            return _play(prompt)
    except Error as failed:
        sys.stderr.write(error_text(failed))
        return failed.exit


def _play(prompt: Prompt | None) -> int:
    import kshell
    from kshell import output, sqlfile
    from kshell.demo.stage import stage
    from kshell.demo.tour import play

    settings = output.Settings(terminal=sys.stdout.isatty(), width=shutil.get_terminal_size((120, 40)).columns, maxrows=40)
    with stage() as bootstrap:
        address = f"kafka://{bootstrap}"
        with kshell.connect() as session:
            play(session, sqlfile.render("demo/tour.sql", address=address), sys.stdout.buffer, settings)
        if prompt is None:
            return 0
        print(TRY, flush=True)
        with tempfile.NamedTemporaryFile("w", suffix=".sql", prefix="kshell-demo-") as init:
            init.write(sqlfile.render("demo/init.sql", address=address))
            init.flush()
            return prompt(init.name)


@contextmanager
def _data(keep: Path | None) -> Iterator[None]:
    """The embedded catalog in a folder of the demo's own, for as long as it runs."""
    before = os.environ.get("KSHELL_DATA")
    with tempfile.TemporaryDirectory(prefix="kshell-demo-", ignore_cleanup_errors=True) as scratch:
        os.environ["KSHELL_DATA"] = str(keep.absolute()) if keep else scratch
        try:
            yield
        finally:
            os.environ.pop("KSHELL_DATA")
            if before is not None:
                os.environ["KSHELL_DATA"] = before


def _keep(arguments: Sequence[str]) -> Path | None:
    parser = argparse.ArgumentParser(prog="kshell demo", description="The main job with no server, on an embedded broker.")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="put the catalog and its tables here and leave them")
    keep: Path | None = parser.parse_args(list(arguments)).keep
    return keep
