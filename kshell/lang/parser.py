"""One statement's text into its value.

Invariant: the first words decide whose statement it is. What DuckDB can run becomes a DuckStatement with the text untouched; what is ours
and wrong raises StatementSyntaxError with the place, what was expected there and the form of the statement."""

from __future__ import annotations

import re
from collections.abc import Callable

import duckdb

from kshell.errors import StatementSyntaxError
from kshell.lang import change, define, dialects, habits, inspect, notbuilt, serving, stream
from kshell.lang.statements import DotCommand, DuckStatement, Statement
from kshell.lang.tokens import leading_words, tokens

_Parser = Callable[[str], Statement | None]     # None: DuckDB's after all

_CREATE: dict[str, _Parser] = {
    "SOURCE": define.source, "SINK": define.sink, "SECRET": define.secret, "ALERT": lambda text: notbuilt.alert(text, "CREATE"),
    "STREAM": dialects.refuse_stream, "CONNECTION": dialects.refuse_connection, "MATERIALIZED": dialects.refuse_materialized,
}
_ALTER: dict[str, _Parser] = {
    "SOURCE": change.alter_source, "SINK": change.alter_sink, "ALERT": lambda text: notbuilt.alert(text, "ALTER"),
}
_DROP: dict[str, _Parser] = {
    "SECRET": define.drop_secret,
    "SOURCE": change.drop, "SINK": change.drop, "ALERT": lambda text: notbuilt.alert(text, "DROP"), "STREAM": dialects.refuse_terminate,
}
_FIRST: dict[str, _Parser] = {
    "ATTACH": define.attach, "DETACH": define.detach,
    "PAUSE": change.pause, "RESUME": change.pause, "FLUSH": change.flush, "WAIT": change.wait, "REFRESH": change.refresh,
    "CHECK": change.check, "VERIFY": change.check,
    "SHOW": inspect.show, "LIST": inspect.show, "DESCRIBE": inspect.describe, "DESC": inspect.describe,
    "SET": inspect.setting, "RESET": inspect.setting,
    "TAIL": stream.tail, "PRINT": stream.print_, "SUBSCRIBE": stream.subscribe,
    "OPTIMIZE": change.optimize, "REPLAY": stream.replay_errors,
    "TERMINATE": dialects.refuse_terminate,
    "CALL": serving.call,
}
_MODIFIERS = ("OR", "REPLACE", "TEMPORARY", "TEMP", "PERSISTENT")
_DOT = re.compile(r"\s*([.\\])([A-Za-z?]\S*)[ \t]*(.*)", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")      # half a character, or a byte that is not UTF-8
_EMIT = re.compile(r"\bEMIT\b.*\bCHANGES\b", re.IGNORECASE | re.DOTALL)


def parse(text: str, *, grammar: bool = True) -> Statement:
    """The statement in a piece of `split`. Without `grammar` only kshell's own settings are ours (SET kshell_grammar = off)."""
    text = _without_semicolon(text)
    dot = _DOT.match(text)
    if dot:
        return _dot_command(text, dot)
    if half := _SURROGATE.search(text):
        raise StatementSyntaxError("the statement is not UTF-8 text", hint="iconv -t utf-8 converts a file", position=half.start())
    words = leading_words(text, 6)
    parser = _parser(words) if grammar else inspect.setting if words[:1] in (("SET",), ("RESET",)) else None
    statement = _parsed(parser, text) if parser else None
    if statement is None and grammar and _EMIT.search(text[-200:]) and _ends_in_emit_changes(text):
        return stream.emit_changes(text)
    return statement or DuckStatement(text=text)


def _parsed(parser: _Parser, text: str) -> Statement | None:
    """An error in a statement of ours that is somebody's habit says what it is here."""
    try:
        return parser(text)
    except StatementSyntaxError as error:
        error.hint = habits.hint_for(text) or error.hint
        raise


def _parser(words: tuple[str, ...]) -> _Parser | None:
    """Which of ours these first words begin, if any."""
    if not words:
        return None
    if words[0] == "CREATE":
        nouns = [word for word in words[1:] if word not in _MODIFIERS]
        return _CREATE.get(nouns[0]) if nouns else None
    if words[0] == "EXPLAIN":
        return _explained(words)
    if words[0] in ("ALTER", "DROP"):
        return (_ALTER if words[0] == "ALTER" else _DROP).get(words[1] if len(words) > 1 else "")
    if words[0] == "FROM":
        return serving.call if words[1:2] in ((serving.SERVE,), (serving.STOP,)) else None
    return _FIRST.get(words[0])


def _explained(words: tuple[str, ...]) -> _Parser | None:
    rest = words[1:]
    if rest[:2] == ("CREATE", "SINK") or rest[:4] == ("CREATE", "OR", "REPLACE", "SINK"):
        return lambda text: define.sink(text, explain=True)
    return None


def _without_semicolon(text: str) -> str:
    """A piece of `split` has none; text from elsewhere may end in some."""
    if not text.rstrip().endswith(";"):
        return text
    found = tokens(text)
    last = len(found) - 2
    while last >= 0 and found[last].text == ";":
        last -= 1
    if last < len(found) - 2 and found[-2].text == ";":
        return text[:found[last].end] if last >= 0 else ""
    return text


def _dot_command(text: str, found: re.Match[str]) -> DotCommand:
    """`.name arguments`. A command in psql's manner keeps its backslash: `\\d`."""
    mark, name, arguments = found.groups()
    if "\n" in text.strip():
        raise StatementSyntaxError("a dot command ends with its line", hint="begin it on a line of its own", position=found.start(1))
    return DotCommand(text=text, name=name if mark == "." else mark + name, arguments=arguments.strip())


def _ends_in_emit_changes(text: str) -> bool:
    """EMIT CHANGES as the last two words, before LIMIT. `FROM emit changes` is a table with an alias, and DuckDB reads it."""
    found = [token for token in tokens(text) if token.kind != "end"]
    if len(found) > 2 and found[-2].upper == "LIMIT":
        found = found[:-2]
    if [token.upper for token in found[-2:]] != ["EMIT", "CHANGES"]:
        return False
    try:
        with duckdb.connect(":memory:") as connection:
            connection.extract_statements(text)
    except duckdb.Error:
        return True
    return False
