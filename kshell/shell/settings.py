"""What dot commands may change about showing: one value per process, read at each result.

Invariant: plain data; None for `mode` means the stream decides (a table on a terminal, csv into a pipe)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Settings:
    mode: str | None = None
    headers: bool = True
    nullvalue: str | None = None              # None: the mode's own
    maxrows: int = 40                         # rows of a table before its middle is left out; 0: all
    maxwidth: int = 0                         # columns of a table; 0: the width of the terminal
    timer: bool = False                       # seconds after each statement, also of those without a footer
    echo: bool = False                        # statements of scripts are shown before they run
    bail: bool = True                         # a script ends at its first error
    meta: bool = True                         # off: `_kafka_*` columns are folded in tables
    pager: bool = True
    highlight: bool = True
    progress_bar: bool = True
    large_numbers: str = "off"                # in tables: off, footer (below a single row), all
    prompt: str = "kshell> "
    prompt_color: str | None = None           # of the profile
    read_only: bool = False                   # the mark before the prompt
    editing_mode: str | None = None           # emacs or vi, from the next line on; None: as it is
    continuation: str = "...> "
    limit: int | None = None                  # rows of any result, --limit


MAIN_PROMPT, CONTINUATION_PROMPT = "kshell> ", "...> "
