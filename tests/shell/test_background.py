"""Messages of other threads come between the lines, never inside them."""

from __future__ import annotations

from kshell.shell.background import KEEP, Notes


def test_without_a_prompt_a_note_is_printed_at_once() -> None:
    lines: list[str] = []
    Notes(lines.append).put("warning: k: reconnecting")
    assert lines == ["warning: k: reconnecting"]


def test_inside_a_table_it_waits() -> None:
    lines: list[str] = []
    notes = Notes(lines.append)
    notes.hold()
    notes.put("note: committed")
    assert lines == []
    notes.release()
    assert lines == ["note: committed"]


def test_with_a_prompt_it_waits_for_the_prompt_to_step_aside() -> None:
    lines: list[str] = []
    woken: list[bool] = []
    notes = Notes(lines.append)
    notes.wake = lambda: woken.append(True)
    notes.put("note: committed")
    assert (lines, woken) == ([], [True])
    notes.drain()
    assert lines == ["note: committed"]


def test_no_control_character_of_a_record_is_printed() -> None:
    lines: list[str] = []
    Notes(lines.append).put("note: source s: new column \"\u202egpj\x1b[2J\" BIGINT")
    assert lines == ['note: source s: new column "\\u202egpj\\e[2J" BIGINT']


def test_a_flood_is_counted() -> None:
    lines: list[str] = []
    notes = Notes(lines.append)
    notes.hold()
    for n in range(KEEP + 7):
        notes.put(f"note: {n}")
    notes.release()
    assert len(lines) == KEEP + 1
    assert lines[-1] == "note: 7 more messages"
