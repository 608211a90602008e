"""Completion in the editor: candidates from the names last seen, which a thread of its own keeps fresh.

Invariant: a key press never waits: the names are read from an attribute, and replaced as a whole."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from kshell.errors import Error
from kshell.lang.forms import FORMS
from kshell.output._chart import KINDS
from kshell.session.status import Names
from kshell.shell import commands, options, queries, render
from kshell.shell.completion import Candidate, complete, paths, tables, topics

REFRESH_S = 30.0


class NameCache:
    """Asks the session for names every 30 s and whenever told to, on thread `kshell-names`."""

    def __init__(self, ask: Callable[[], Names]) -> None:
        self._ask = ask
        self._wanted, self._stopped = threading.Event(), False
        self.names = Names()
        self._thread = threading.Thread(target=self._run, name="kshell-names", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def refresh(self) -> None:
        self._wanted.set()

    def stop(self) -> None:
        self._stopped = True
        self._wanted.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=1.0)

    def _run(self) -> None:
        while not self._stopped:
            with suppress(Error):             # the names of before are better than none
                self.names = self._ask()
            self._wanted.wait(REFRESH_S)
            self._wanted.clear()


class SqlCompleter(Completer):
    """`last`: the columns of the last result."""

    def __init__(self, cache: NameCache, last: Callable[[], tuple[str, ...]] = tuple) -> None:
        self._cache, self._last = cache, last

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        names = replace(self._cache.names, last=self._last())
        answer = complete(document.text_before_cursor, document.text_after_cursor, names, dot=dot_candidates)
        for candidate in answer.candidates:
            yield Completion(candidate.text, start_position=-answer.start, display_meta=candidate.what)


def dot_candidates(line: str, names: Names) -> tuple[str, list[Candidate]]:
    """For `.name` the commands, behind it what the command declares that it takes."""
    name, blank, rest = line.partition(" ")
    if not blank:
        sign = name[:1]
        found = commands.names() if sign == "." else sorted(commands.PSQL)
        return name, [Candidate(f"{sign}{n}", "command") for n in found]
    typed = rest.rsplit(" ", 1)[-1]
    try:
        command, _ = commands.resolve(name)
    except Error:
        return typed, []
    return typed, _for_command(commands.module(command).COMPLETES, typed, rest.split()[:-1] if typed else rest.split(), names)


def _for_chart(earlier: list[str], names: Names) -> list[Candidate]:
    """The kind, then columns of the result that will be drawn."""
    if not earlier:
        return [Candidate(kind, "chart") for kind in KINDS]
    return [*(Candidate(shlex.quote(column), "column") for column in names.last), Candidate("--out", "file")]


def _for_server(earlier: list[str]) -> list[Candidate]:
    """The kind, then its arguments."""
    if not earlier:
        return [Candidate(kind, "server") for kind in options.kinds_of_servers()]
    given = {word.partition("=")[0].lower() for word in earlier}
    return [Candidate(f"{o.name}=", "argument") for o in options.of(f"kshell_serve('{earlier[0].lower()}')") if o.name not in given]


def _for_command(takes: str, typed: str, earlier: list[str], names: Names) -> list[Candidate]:
    """`earlier`: the words between the command and the one being typed."""
    match takes:
        case "path":
            return paths(typed)
        case "onoff":
            return [Candidate("on"), Candidate("off")]
        case "mode":
            return [Candidate(m, "mode") for m in render.modes()]
        case "table":
            return tables(names, "")
        case "topic":
            return topics(names, None)
        case "source":
            return [Candidate(s, "source") for s in names.sources]
        case "sink":
            return [Candidate(s, "sink") for s in names.sinks]
        case "server":
            return _for_server(earlier)
        case "query":
            return [Candidate(q, "query") for q in queries.found()]
        case "statement":
            return [Candidate(o, "statement") for o in dict.fromkeys((*FORMS, *options.statements()))]
        case "profile":
            return [Candidate(p, "profile") for p in names.profiles]
        case "chart":
            return _for_chart(earlier, names)
        case "large":
            return [Candidate(way) for way in ("off", "footer", "all")]
        case "command":
            return [Candidate(c, "command") for c in commands.names()]
    return []
