"""The line editor: prompt, history, colours, completion, toolbar, notes above the line.

Invariant: the only module that opens a prompt. While no prompt is open it draws nothing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import AnyFormattedText
from prompt_toolkit.history import History as ToolkitHistory
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.shortcuts import CompleteStyle

from kshell.shell.background import Notes
from kshell.shell.completer import NameCache, SqlCompleter
from kshell.shell.highlight import STYLE, SqlLexer
from kshell.shell.history import History
from kshell.shell.keys import bindings
from kshell.shell.settings import Settings
from kshell.shell.toolbar import REDRAWS_PER_SECOND, Toolbar

if TYPE_CHECKING:
    from prompt_toolkit.application import Application


_MODES = {"emacs": EditingMode.EMACS, "vi": EditingMode.VI}


class _Remembered(ToolkitHistory):
    """prompt_toolkit's view of our history; what may not be stored is not recalled either."""

    def __init__(self, own: History) -> None:
        super().__init__()
        self._own = own

    def load_history_strings(self) -> Iterable[str]:
        return reversed(self._own.entries())

    def append_string(self, string: str) -> None:
        if self._own.add(string):
            self._loaded_strings.insert(0, string)

    def store_string(self, string: str) -> None:
        """Done by `append_string`."""


class Editor:
    def __init__(self, settings: Settings, history: History, cache: NameCache, toolbar: Toolbar, notes: Notes, *,
                 editing_mode: str = "emacs", last: Callable[[], tuple[str, ...]] = tuple) -> None:
        self._settings, self._toolbar, self._notes = settings, toolbar, notes
        self._prompts: PromptSession[str] = PromptSession(
            message=self._message, multiline=True, prompt_continuation=self._continuation, lexer=SqlLexer(lambda: settings.highlight),
            completer=SqlCompleter(cache, last), complete_while_typing=False, complete_style=CompleteStyle.COLUMN, reserve_space_for_menu=8,
            history=_Remembered(history), auto_suggest=AutoSuggestFromHistory(), key_bindings=bindings(), style=STYLE,
            include_default_pygments_style=False, enable_open_in_editor=True, tempfile_suffix=".sql",
            editing_mode=_MODES[editing_mode],
            color_depth=ColorDepth.DEPTH_1_BIT if os.environ.get("NO_COLOR") else None)

    def read(self) -> str:
        """One submitted text. KeyboardInterrupt for Ctrl-C, EOFError for Ctrl-D on an empty line."""
        if self._settings.editing_mode:       # said once: afterwards the key that turns it around has the word
            self._prompts.editing_mode, self._settings.editing_mode = _MODES[self._settings.editing_mode], None
        shown = bool(self._toolbar.text(self._columns()))
        self._prompts.bottom_toolbar = self._bar if shown else None
        self._prompts.refresh_interval = 1 / REDRAWS_PER_SECOND if shown else 0
        try:
            return self._prompts.prompt(pre_run=self._listen)
        finally:
            self._notes.wake = None
            self._notes.drain()

    def line(self) -> str:
        """What stands in the line being typed."""
        return self._prompts.default_buffer.text

    def ask(self, question: str) -> str:
        """A line in answer to a question; '' for Ctrl-D, KeyboardInterrupt for Ctrl-C."""
        single: PromptSession[str] = PromptSession(color_depth=self._prompts.color_depth)
        try:
            return single.prompt(question)
        except EOFError:
            return ""

    def _listen(self) -> None:
        app, notes = self._prompts.app, self._notes
        notes.wake = _waker(app, notes)
        notes.wake()

    def _message(self) -> AnyFormattedText:
        mark = [("class:prompt.ro", "ro ")] if self._settings.read_only else []
        color = self._settings.prompt_color
        return [*mark, (f"class:prompt fg:ansi{color}" if color else "class:prompt", self._settings.prompt)]

    def _continuation(self, width: int, line: int, wrapped: int) -> AnyFormattedText:
        return [("class:prompt.more", " " * width if wrapped else self._settings.continuation.rjust(width))]

    def _bar(self) -> AnyFormattedText:
        return self._toolbar.text(self._columns())

    def _columns(self) -> int:
        return self._prompts.app.output.get_size().columns


def _waker(app: Application[str], notes: Notes) -> Callable[[], None]:
    """Called from any thread: lets the prompt step aside and print what waits."""

    def drain() -> None:
        if app.is_running and not app.is_done:
            run_in_terminal(notes.drain)

    def wake() -> None:
        loop = app.loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(drain)

    return wake
