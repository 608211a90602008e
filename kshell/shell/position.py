"""Where the cursor stands in a half-typed statement, as one value that completion decides on.

Invariant: reads tokens only, so wrong and unfinished text has a position too. Only the statement around the cursor counts."""

from __future__ import annotations

from dataclasses import dataclass, field

from kshell.shell.tokens import Token, tokens
from kshell.shell.words import TABLE_BEFORE

_OPENS, _CLOSES = {"(", "[", "{"}, {")", "]", "}"}
_OBJECTS = frozenset({"SOURCE", "SINK", "TOPIC", "CATALOG", "CONNECTION"})
_OWN_HEADS = frozenset({"CREATE", "ALTER", "DROP", "PAUSE", "RESUME", "FLUSH", "WAIT", "REFRESH", "CHECK", "VERIFY", "OPTIMIZE", "SHOW",
                        "LIST", "DESCRIBE", "DESC", "ATTACH", "TAIL", "PRINT", "EXPLAIN", "REPLAY", "CALL"})
_READS_FILES = frozenset({"READ_CSV", "READ_PARQUET", "READ_JSON", "READ_TEXT", "READ_BLOB", "GLOB", "FROM", "TO", "COPY"})


@dataclass(slots=True)
class Position:
    kind: str = "expression"                  # see completion._at
    typed: str = ""                           # the word or string content that ends at the cursor
    words: tuple[str, ...] = ()               # the words left of it, in capitals, when there is nothing but words
    statement: str = ""                       # CREATE SOURCE, ATTACH KAFKA, DROP SINK ...
    named: bool = False                       # the object of the statement has been named
    wants: str = ""
    prefix: str = ""                          # a.b in `a.b.|`
    key: str = ""                             # the option or argument whose value is being typed, lower case
    given: frozenset[str] = frozenset()       # option keys or arguments already there, lower case
    function: str = ""
    cluster: str | None = None
    tables: list[str] = field(default_factory=list)
    aliases: dict[str, str] = field(default_factory=dict)


def read(before: str, after: str = "") -> Position:
    left = _last_statement(tokens(before, comments=True))
    at = Position()
    if left and left[-1].kind == "comment" and (left[-1].open or "\n" not in before[left[-1].start:]) and left[-1].end == len(before):
        at.kind = "nothing"
        return at
    left = [t for t in left if t.kind != "comment"]
    in_string = _take_typed(at, left, len(before))
    at.statement, at.named = _statement(left)
    right = _first_statement(tokens(after))
    _tables(at, [*left, *right])
    at.cluster = _cluster(left)
    _take_prefix(at, left)
    _judge(at, left, in_string)
    return at


def _last_statement(found: list[Token]) -> list[Token]:
    ends = [n for n, t in enumerate(found) if t.text == ";"]
    return found[ends[-1] + 1:] if ends else found


def _first_statement(found: list[Token]) -> list[Token]:
    ends = [n for n, t in enumerate(found) if t.text == ";"]
    return found[:ends[0]] if ends else found


def _take_typed(at: Position, left: list[Token], end: int) -> bool:
    """Move what ends at the cursor from the tokens into `typed`; True inside a string."""
    if not left or left[-1].end != end:
        return False
    last = left[-1]
    if last.kind == "string" and last.open:
        at.typed = left.pop().text.lstrip("eExX").lstrip("'")
        return True
    if last.kind == "word" or (last.kind == "quoted" and last.open):
        at.typed = left.pop().text
    return False


def _take_prefix(at: Position, left: list[Token]) -> None:
    parts: list[str] = []
    while len(left) >= 2 and left[-1].text == "." and left[-2].kind in ("word", "quoted"):
        left.pop()
        parts.insert(0, left.pop().name)
    at.prefix = ".".join(parts)


def _statement(left: list[Token]) -> tuple[str, bool]:
    """The statement's two leading words, with OR REPLACE and the like left out, and whether a name follows."""
    words = [t.text.upper() if t.kind == "word" else t.text for t in left]
    if not words:
        return "", False
    if words[0] == "ATTACH":
        return ("ATTACH ICEBERG" if "ICEBERG" in words else "ATTACH KAFKA"), len(words) > 1
    if words[0] == "REPLAY":
        words = ["REPLAY", *(w for w in words[1:] if w not in ("ERRORS", "OF"))]
    skip = {"OR", "REPLACE", "TEMPORARY", "PERSISTENT", "IF", "NOT", "EXISTS"}
    if words[0] == "EXPLAIN" and words[1:2] == ["CREATE"]:
        words = words[1:]
    if words[:2] == ["SHOW", "CREATE"]:
        del words[1]
    kept = [w for n, w in enumerate(words) if w not in skip or n > 6]
    if len(kept) > 1 and (kept[1] in _OBJECTS or kept[1] == "SECRET"):
        return f"{kept[0]} {kept[1]}", len(kept) > 2
    return kept[0], len(kept) > 1


def _tables(at: Position, all_tokens: list[Token]) -> None:
    """The tables named after FROM and JOIN, and what they are called in the query."""
    for n, token in enumerate(all_tokens):
        if token.kind != "word" or token.text.upper() not in ("FROM", "JOIN", "INTO", "UPDATE", "TAIL"):
            continue
        name, n = _dotted(all_tokens, n + 1)
        if not name:
            continue
        at.tables.append(name)
        at.aliases[name.rsplit(".", 1)[-1].lower()] = name
        rest = [t for t in all_tokens[n:n + 2] if t.text.upper() != "AS"]
        if rest and rest[0].kind in ("word", "quoted") and rest[0].text.upper() not in _AFTER_TABLE:
            at.aliases[rest[0].name.lower()] = name


_AFTER_TABLE = frozenset({
    "WHERE", "GROUP", "ORDER", "LIMIT", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "ASOF", "ON", "USING", "SELECT", "HAVING",
    "QUALIFY", "UNION", "EXCEPT", "INTERSECT", "SET", "VALUES", "SINCE", "LAST", "FROM", "EMIT", "NATURAL", "SEMI", "ANTI", "POSITIONAL",
    "WINDOW", "SAMPLE", "OFFSET", "TABLESAMPLE", "PIVOT", "TIMEOUT"})


def _dotted(found: list[Token], at: int) -> tuple[str, int]:
    parts: list[str] = []
    while at < len(found) and found[at].kind in ("word", "quoted"):
        parts.append(found[at].name)
        at += 1
        if at >= len(found) or found[at].text != ".":
            break
        at += 1
    return ".".join(parts), at


def _cluster(left: list[Token]) -> str | None:
    """The cluster named after FROM KAFKA, if one is."""
    for n, token in enumerate(left[:-1]):
        if token.text.upper() == "KAFKA" and n and left[n - 1].text.upper() == "FROM" and left[n + 1].kind in ("word", "quoted"):
            return left[n + 1].name
    return None


def _judge(at: Position, left: list[Token], in_string: bool) -> None:
    if not left and not at.prefix:
        at.kind = "nothing" if in_string else "start"
        return
    opened = _open_brackets(left)
    if opened and _in_brackets(at, left, opened, in_string):
        return
    previous = left[-1].text.upper() if left else ""
    head = left[0].text.upper() if left else ""
    if in_string:
        _in_string(at, previous, left)
    elif _before_cluster(head, previous, left):
        at.kind = "cluster"
    elif head in ("SET", "RESET") and len(left) == 1:
        at.kind = "setting"
    elif previous == "ICEBERG" and left[-2].text.upper() == "INTO":
        at.kind, at.wants = ("table", "") if at.prefix else ("word", "catalog")
    elif at.statement == "CREATE SINK" and previous == "FROM":
        at.kind, at.wants, at.named = "word", "source", False
    elif head in _OWN_HEADS and not opened and not at.prefix and _words(at, left):
        at.kind = "word"
    elif previous in TABLE_BEFORE or (previous == "," and _clause(left) in ("FROM", "JOIN")):
        at.kind = "table"


def _before_cluster(head: str, previous: str, left: list[Token]) -> bool:
    if previous == "KAFKA":
        return len(left) > 1 and left[-2].text.upper() == "FROM"
    return previous == "FROM" and head in ("SHOW", "LIST", "DESCRIBE")


def _in_string(at: Position, previous: str, left: list[Token]) -> None:
    at.kind = "string"
    if previous in ("TOPIC", "PRINT"):
        at.wants = "topic"
    elif previous in _READS_FILES or (previous == "(" and len(left) > 1 and left[-2].text.upper() in _READS_FILES):
        at.wants = "path"
    else:
        at.kind = "nothing"


def _words(at: Position, left: list[Token]) -> bool:
    """Fill in what a statement of words wants next; False where the words do not lead on."""
    at.words = tuple(t.text.upper() for t in left)
    second = at.statement.split(" ")[1].lower() if " " in at.statement else ""
    if second in ("source", "sink", "catalog"):
        at.wants = "new source" if at.statement == "CREATE SOURCE" and not at.named else second
        at.wants = "" if at.statement == "CREATE SINK" else at.wants
        return not (at.statement == "CREATE SINK" and "SELECT" in at.words)
    if at.words[0] == "TAIL":
        return at.words[-1] not in ("WHERE", "FROM")
    return len(left) == 1 or at.words[0] in ("SHOW", "LIST", "CREATE")


def _open_brackets(left: list[Token]) -> list[int]:
    opened: list[int] = []
    for n, token in enumerate(left):
        if token.text in _OPENS:
            opened.append(n)
        elif token.text in _CLOSES and opened:
            opened.pop()
    return opened


def _in_brackets(at: Position, left: list[Token], opened: list[int], in_string: bool) -> bool:
    """Arguments of kafka_scan and of a source, or the options of a statement; False for any other bracket."""
    outer = next((n for n in reversed(opened) if left[n].text == "("), opened[0])
    inside, nested = left[outer + 1:], left[opened[-1]].text != "("
    called = left[outer - 1].text if outer and left[outer - 1].kind in ("word", "quoted") else ""
    if called.lower() == "kafka_scan":
        at.function = "kafka_scan"
        return _argument(at, inside, in_string)
    if called.lower() in ("kshell_serve", "kshell_stop"):
        at.function = called.lower()
        return _server(at, inside, in_string)
    if at.statement in ("CREATE SOURCE", "CREATE SINK", "ATTACH KAFKA", "ATTACH ICEBERG", "CREATE SECRET", "ALTER SOURCE", "ALTER SINK"):
        return _option(at, left[:outer], inside, in_string=in_string, nested=nested)
    in_from = outer > 1 and left[outer - 2].text.upper() in ("FROM", "JOIN", ",") and _clause(left[:outer]) in ("FROM", "JOIN")
    if called and in_from and not in_string:
        at.function = called
        return _argument(at, inside, in_string)
    return False


def _argument(at: Position, inside: list[Token], in_string: bool) -> bool:
    at.given = frozenset(inside[n - 1].name.lower() for n, t in enumerate(inside) if t.text == ":=" and n)
    if not inside and at.function == "kafka_scan":
        at.kind, at.wants = ("string", "topic") if in_string else ("argument", "")
    elif inside and inside[-1].text == ":=" and len(inside) > 1:
        at.key = inside[-2].name.lower()
        at.kind = "string" if in_string else "argument value"
        at.statement = at.function
    elif in_string:
        at.kind = "nothing"
    elif not inside or inside[-1].text == ",":
        at.kind = "argument"
    else:
        return False
    return True


def _server(at: Position, inside: list[Token], in_string: bool) -> bool:
    """The kind of a server, then its arguments."""
    if not inside:
        at.kind, at.wants = ("string" if in_string else "server"), "server"
        return True
    kind = inside[0].text.strip("'").lower()
    found = _argument(at, inside, in_string)
    at.function = at.statement = f"{at.function}('{kind}')"
    return found


def _option(at: Position, outside: list[Token], inside: list[Token], *, in_string: bool, nested: bool) -> bool:
    words = [t.text.upper() for t in outside]
    if at.statement == "CREATE SOURCE" and "KAFKA" not in words:
        at.kind = "nothing"                   # the list of columns: names are the user's
        return True
    if at.statement == "CREATE SINK" and "ICEBERG" not in words:
        return False                          # inside the query
    keys = _keys(inside)
    at.given = frozenset(keys)
    if nested:
        at.key = keys[-1] if keys else ""
    elif inside and inside[-1].text != ",":
        at.key = next((t.name.lower() for t in reversed(inside) if t.text != "="), "")
    if at.key:
        at.given -= {at.key}
        at.wants = "topic" if at.key in ("topic", "topics") else ""
        at.kind = "string" if in_string else "option value"
    else:
        at.kind = "nothing" if in_string else "option key"
    return True


def _keys(inside: list[Token]) -> list[str]:
    keys, depth, fresh = [], 0, True
    for token in inside:
        if fresh and token.kind in ("word", "quoted", "string"):
            keys.append(token.text.strip("'\"").lower())
        depth += (token.text in _OPENS) - (token.text in _CLOSES)
        fresh = token.text == "," and depth == 0
    return keys


def _clause(left: list[Token]) -> str:
    """The clause word that governs the end of the text, at its depth."""
    depth = 0
    for token in reversed(left):
        depth += (token.text in _CLOSES) - (token.text in _OPENS)
        if depth < 0:
            return ""
        word = token.text.upper()
        if depth == 0 and word in ("SELECT", "FROM", "JOIN", "WHERE", "BY", "HAVING", "QUALIFY", "ON", "USING", "SET", "VALUES"):
            return word
    return ""
