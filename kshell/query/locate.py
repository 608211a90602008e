"""Where a statement names Kafka: calls of kafka_scan and kafka_*, and `cluster.topic` in table position. Found by tokens.

Invariant: a name counts only where a table may stand: after FROM, JOIN, DESCRIBE, SUMMARIZE or TABLE, after a comma in a
FROM clause, and inside parentheses that stand there. Text inside strings, comments and quoted names is never looked at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from kshell.errors import StatementSyntaxError
from kshell.lang.tokens import Token

SCAN = "kafka_scan"
LISTINGS = ("kafka_topics", "kafka_groups", "kafka_offsets")
_OPENS = frozenset({"FROM", "JOIN", "DESCRIBE", "DESC", "SUMMARIZE", "TABLE", "PIVOT", "UNPIVOT", "SHOW"})
_NO_ALIAS = frozenset({"DESCRIBE", "DESC", "SUMMARIZE", "TABLE", "SHOW"})
_CLOSES = frozenset({"SELECT", "WHERE", "GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "QUALIFY", "WINDOW", "ON", "USING", "UNION",
                     "INTERSECT", "EXCEPT", "VALUES", "SET", "RETURNING", "WITH", "INTO", "SAMPLE", "TABLESAMPLE"})
# words that go on after a table and are therefore not its alias
_GO_ON = _CLOSES | {"JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "NATURAL", "ASOF", "POSITIONAL", "ANTI",
                               "SEMI", "FETCH", "FOR", "AT", "PIVOT", "UNPIVOT", "FROM", "LATERAL", "WHEN", "THEN", "END"}


@dataclass(frozen=True, slots=True)
class Found:
    """One place. `start` and `end` count characters of what is replaced; `arguments` is [first, after last) in tokens, inside the
    parentheses."""

    kind: str                                 # kafka_scan, kafka_topics, kafka_groups, kafka_offsets or topic
    start: int
    end: int
    name: str = ""                            # of the topic
    connection: str = ""
    arguments: tuple[int, int] = (0, 0)
    table: bool = True                        # False: a call where no table may stand
    alias: str | None = None                  # what the text must be given as a name; None: it has one, or needs none


def find(tokens: Sequence[Token], connections: Collection[str]) -> list[Found]:
    """Every place, from left to right. `connections` are the clusters' names."""
    return list(_Walk(tokens, {c.lower(): c for c in connections}).run())


def limit_of(tokens: Sequence[Token], places: Sequence[Found]) -> int | None:
    """n of a statement that is no more than `[SELECT columns] FROM place LIMIT n`: any n rows will do. None: all are needed."""
    outside = [t for t in tokens if t.kind != "end" and t.text != ";" and not any(p.start <= t.start < p.end for p in places)]
    if len(places) != 1 or len(outside) < 3 or outside[-2].upper != "LIMIT" or not outside[-1].text.isdecimal():
        return None
    plain = all(t.kind in ("word", "name") or t.text in ("*", ",", ".") for t in outside[:-2])
    words = [t.upper for t in outside[:-2] if t.upper in _CLOSES | _OPENS | {"DISTINCT", "UNNEST", "CASE", "JOIN"}]
    return int(outside[-1].text) if plain and sorted(words) in (["FROM"], ["FROM", "SELECT"]) and "," not in _after_from(outside) else None


def _after_from(outside: Sequence[Token]) -> list[str]:
    """What stands between FROM and SELECT or LIMIT: a comma there is a join."""
    texts = [t.upper or t.text for t in outside]
    rest = texts[texts.index("FROM"):]
    return rest[:rest.index("SELECT")] if "SELECT" in rest else rest


class _Walk:
    def __init__(self, tokens: Sequence[Token], connections: dict[str, str]) -> None:
        self._tokens, self._connections = tokens, connections
        self._opened: list[tuple[bool, str]] = []     # per open parenthesis: the state outside
        self._table = False                           # a table may stand here
        self._clause = ""                             # the word that opened the clause

    def run(self) -> list[Found]:
        found, at = [], 0
        while self._tokens[at].kind != "end":
            here = self._at(at)
            if here is None:
                self._step(self._tokens[at], at)
                at += 1
            else:
                found.append(here[0])
                at, self._table = here[1], False
        return found

    def _at(self, at: int) -> tuple[Found, int] | None:
        """What stands here, and the index of the token after it."""
        token = self._tokens[at]
        if token.kind not in ("word", "name") or (at and self._tokens[at - 1].text == "."):
            return None
        name, following = _name(token).lower(), self._tokens[at + 1].text
        if following == "(" and (name == SCAN or name in LISTINGS):
            return self._call(at, name)
        if following == "." and self._table and name in self._connections:
            return self._topic(at, self._connections[name])
        return None

    def _call(self, at: int, name: str) -> tuple[Found, int]:
        depth, end = 1, at + 2
        while depth and self._tokens[end].kind not in ("end", "open"):
            depth += {"(": 1, ")": -1}.get(self._tokens[end].text, 0)
            end += 1
        if depth:
            raise StatementSyntaxError(f"{name}(...) is not closed", position=self._tokens[at].start, length=len(name))
        start, stop = self._tokens[at].start, self._tokens[end - 1].end
        return Found(name, start, stop, arguments=(at + 2, end - 1), table=self._table, alias=self._alias(end, name)), end

    def _topic(self, at: int, connection: str) -> tuple[Found, int] | None:
        """`k.orders`; further parts belong to the name, since topics are called web.clicks."""
        end, parts = at + 1, []
        while self._tokens[end].text == "." and self._tokens[end + 1].kind in ("word", "name"):
            parts.append(_name(self._tokens[end + 1]))
            end += 2
        if not parts:
            return None
        name = ".".join(parts)
        alias = self._alias(end, parts[-1])
        return Found("topic", self._tokens[at].start, self._tokens[end - 1].end, name=name, connection=connection, alias=alias), end

    def _alias(self, end: int, name: str) -> str | None:
        if self._clause in _NO_ALIAS:
            return None
        following = self._tokens[end]
        given = following.kind == "name" or (following.kind == "word" and following.upper not in _GO_ON)
        return None if given else name

    def _step(self, token: Token, at: int) -> None:
        if token.text == "(":
            self._opened.append((self._table, self._clause))
            before = self._tokens[at - 1] if at else token
            if before.kind in ("word", "name") and not self._opens(before):
                self._table, self._clause = False, ""
        elif token.text == ")" and self._opened:
            self._table, self._clause = self._opened.pop()
            self._table = False
        elif token.text == ",":
            self._table = self._clause in ("FROM", "JOIN")
        elif token.upper in _CLOSES or token.upper in _OPENS:
            self._word(token, at)
        elif token.upper != "LATERAL":
            self._table = False

    def _opens(self, token: Token) -> bool:
        return token.upper in _OPENS or token.upper in _CLOSES or token.upper in ("IN", "EXISTS", "ALL", "ANY", "SOME", "NOT", "AND", "OR")

    def _word(self, token: Token, at: int) -> None:
        """TABLE reads one only where a query may begin: CREATE TABLE k.x and DROP TABLE k.x do not."""
        if token.upper in ("TABLE", "SHOW", "DESC") and at and self._tokens[at - 1].text != "(":
            self._table, self._clause = False, ""
            return
        self._table = token.upper in _OPENS
        self._clause = token.upper


def _name(token: Token) -> str:
    return token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text
