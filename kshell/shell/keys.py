"""What the keys do beyond emacs and vi: when Enter submits, Esc-Enter, F4, Tab.

Invariant: Enter submits a finished statement, a dot command, a word like `exit`, or nothing at all; anything else gets another line."""

from __future__ import annotations

from prompt_toolkit.application import get_app
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from kshell import lang
from kshell.lang import habits


def submits(text: str) -> bool:
    """Whether Enter ends this text."""
    begin = text.lstrip()
    if not begin:
        return True
    if begin.startswith((".", "\\")) and "\n" not in begin.strip():
        return True
    return lang.is_complete(text) or habits.stands_alone(text)


@Condition
def _menu_open() -> bool:
    state = get_app().current_buffer.complete_state
    return state is not None and state.current_completion is not None


def bindings() -> KeyBindings:
    keys = KeyBindings()
    editing = has_focus("DEFAULT_BUFFER")

    @keys.add("enter", filter=editing & ~_menu_open)
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if submits(buffer.text):
            buffer.validate_and_handle()
        else:
            buffer.newline(copy_margin=False)

    @keys.add("enter", filter=editing & _menu_open)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.complete_state = None      # take what is chosen; a second Enter submits

    @keys.add("escape", "enter", filter=editing)
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.newline(copy_margin=False)

    @keys.add("f4")
    def _(event: KeyPressEvent) -> None:
        app = event.app
        app.editing_mode = EditingMode.VI if app.editing_mode == EditingMode.EMACS else EditingMode.EMACS

    return keys
