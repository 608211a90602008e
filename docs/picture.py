"""The recorded session of the README as a picture: SVG, with the colours of a light and of a dark page.

Invariant: what is shown is copied from a session that the tests replay; nothing is typed here but which statements are taken. Every line
has the width of its characters, whatever font draws it, so boxes close."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from itertools import groupby

from kshell.output._width import width
from kshell.shell.words import keywords
from tests.transcripts.document import Document, Step

# the statements that the first screen shows, by how they begin
SHOWN = ("ATTACH", "CREATE SOURCE", "WAIT SOURCE", ".meta", "FROM clicks", "CREATE SINK", "FLUSH SINK", "SELECT _tier")
CHAR, LINE, SIZE, PAD, BAR = 8.4, 19, 14, 18, 34
_PROMPT = re.compile(r"^(kshell>|\s*\.\.\.>) ?")
_WORDS = re.compile(r"('[^']*')|([A-Za-z_][A-Za-z0-9_]*)|(.)", re.DOTALL)
STYLE = f"""
text{{font:{SIZE}px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;fill:#1f2328}}
.page{{fill:#ffffff;stroke:#d0d7de}}.bar{{fill:#f6f8fa}}
.p{{fill:#0550ae;font-weight:bold}}.k{{fill:#8250df}}.s{{fill:#0a6640}}.n{{fill:#59636e}}
@media(prefers-color-scheme:dark){{text{{fill:#e6edf3}}.page{{fill:#0d1117;stroke:#3d444d}}.bar{{fill:#161b22}}
.p{{fill:#79c0ff}}.k{{fill:#d2a8ff}}.s{{fill:#7ee787}}.n{{fill:#9198a1}}}}
"""


def session(text: str) -> list[str]:
    """The lines of the chosen steps."""
    chosen = [step for step in Document.parse(text).steps if step.typed.startswith(SHOWN)]
    return [line for step in chosen for line in _lines(step)]


def _lines(step: Step) -> list[str]:
    return [*step.written, *(line for line in step.output if line)]


def svg(text: str) -> str:
    lines = session(text)
    columns = max(map(width, lines))
    wide, high = round(columns * CHAR + 2 * PAD), BAR + 2 * PAD + LINE * len(lines)
    rows = "\n".join(_row(line, BAR + PAD + LINE * n + SIZE) for n, line in enumerate(lines))
    dots = "".join(f'<circle cx="{PAD + 4 + 20 * n}" cy="{BAR // 2}" r="6" fill="{colour}"/>'
                   for n, colour in enumerate(("#ff5f57", "#febc2e", "#28c840")))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img" '
            f'aria-label="a kshell session">\n<style>{STYLE}</style>\n'
            f'<rect class="page" x=".5" y=".5" width="{wide - 1}" height="{high - 1}" rx="8"/>\n'
            f'<path class="bar" d="M1 {BAR}V8a7 7 0 0 1 7-7H{wide - 8}a7 7 0 0 1 7 7V{BAR}z"/>{dots}\n{rows}\n</svg>\n')


def _row(line: str, y: int) -> str:
    """One element for each run of a style: not every reader of SVG stretches an element that holds several."""
    made, column = [], 0
    for style, run in _runs(line):
        made.append(_text(run, PAD + column * CHAR, y, style))
        column += width(run)
    return f"<g>{''.join(made)}</g>"


def _text(run: str, x: float, y: int, style: str) -> str:
    named = f'class="{style}" ' if style else ""
    return (f'<text {named}x="{x:.1f}" y="{y}" textLength="{width(run) * CHAR:.1f}" lengthAdjust="spacingAndGlyphs" xml:space="preserve">'
            f"{escape(run)}</text>")


def _runs(line: str) -> Iterator[tuple[str, str]]:
    """(style, text) pairs that make up the line."""
    prompt = _PROMPT.match(line)
    if prompt:
        yield "p", prompt.group()
        for style, parts in groupby(_coloured(line[prompt.end():]), key=lambda pair: pair[0]):
            yield style, "".join(text for _, text in parts)
    else:
        said = line.startswith(("note:", "warning:")) or re.match(r"\d[\d ]* rows? in ", line)
        yield ("n" if said else ""), line


def _coloured(typed: str) -> Iterator[tuple[str, str]]:
    known = keywords()
    for string, word, other in _WORDS.findall(typed):
        yield ("s", string) if string else ("k", word) if word in known else ("", word or other)
