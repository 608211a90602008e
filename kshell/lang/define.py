"""ATTACH, DETACH, CREATE SOURCE, CREATE SINK and, as far as it is ours, CREATE SECRET.

Invariant: an ATTACH or CREATE SECRET that names no TYPE of kshell is DuckDB's and is given back untouched."""

from __future__ import annotations

from kshell.errors import StatementSyntaxError
from kshell.lang import dialects
from kshell.lang.declared import SECRETS
from kshell.lang.forms import FORMS
from kshell.lang.reader import Reader
from kshell.lang.statements import Attach, ColumnDefinition, CreateSecret, CreateSink, CreateSource, Detach, DropSecret, Statement
from kshell.lang.values import expect_options, read_options

# Words that end a column's type, and so cannot begin a part of it.
_NO_TYPE = frozenset([
    "PRIMARY", "KEY", "UNIQUE", "DEFAULT", "CHECK", "REFERENCES", "GENERATED", "AS", "COLLATE", "NULL", "CONSTRAINT", "METADATA",
])


def existing(reader: Reader, or_replace: bool) -> bool:
    """[IF NOT EXISTS], which excludes OR REPLACE."""
    start = reader.token.start
    if not reader.accept("IF", "NOT", "EXISTS"):
        return False
    if or_replace:
        place = reader.span_from(start)
        raise StatementSyntaxError("OR REPLACE and IF NOT EXISTS exclude each other", hint="leave one of them out", position=place.start,
                                   length=place.length)
    return True


# ---- ATTACH, DETACH --------------------------------------------------------------------------------------------

def attach(text: str) -> Statement | None:
    reader = Reader(text, FORMS["ATTACH"])
    kind = _attach_kind(reader)
    if kind is None:
        return None
    reader.expect("ATTACH")
    or_replace = reader.accept("OR", "REPLACE")
    reader.accept("DATABASE")
    if_not_exists = existing(reader, or_replace)
    uri = reader.string("the address in quotes")
    reader.expect("AS")
    name = reader.name("a name after AS")
    options = tuple(o for o in expect_options(reader) if o.key != "TYPE")
    reader.end()
    return Attach(text=text, kind="kafka" if kind == "kafka" else "iceberg", uri=uri, name=name, or_replace=or_replace,
                  if_not_exists=if_not_exists, options=options)


def _attach_kind(reader: Reader) -> str | None:
    """kafka, or iceberg where a CATALOG is named; None: DuckDB's. Looks for these words only: a mistake elsewhere is still ours to tell."""
    kind = _type_word(reader)
    if kind == "iceberg" and not _has_key(reader, "CATALOG"):
        return None
    return kind if kind in ("kafka", "iceberg") else None


def _type_word(reader: Reader) -> str | None:
    """What stands after TYPE at the top of the option list, in lower case."""
    for at in _keys(reader):
        if reader.tokens[at].upper == "TYPE":
            value = reader.tokens[at + 1]
            if value.text == "=":
                value = reader.tokens[at + 2]
            return value.text.strip("'\"").lower()
    return None


def _has_key(reader: Reader, key: str) -> bool:
    return any(reader.tokens[at].upper == key for at in _keys(reader))


def _keys(reader: Reader) -> list[int]:
    """Indexes of the tokens that begin an option: after ( or , at the first level."""
    depth, found = 0, []
    for at, token in enumerate(reader.tokens[:-1]):
        if token.kind != "op":
            continue
        depth += (token.text in "([{") - (token.text in ")]}")
        if depth == 1 and token.text in "(,":
            found.append(at + 1)
    return [at for at in found if at + 1 < len(reader.tokens)]


def detach(text: str) -> Statement | None:
    """Also of what DuckDB has attached: only who knows the names can tell. Text of any other form is DuckDB's."""
    reader = Reader(text, FORMS["DETACH"])
    reader.expect("DETACH")
    reader.accept("DATABASE")
    if_exists = reader.accept("IF", "EXISTS")
    if reader.token.kind not in ("word", "name") or reader.ahead().kind != "end" or reader.token.text == '""':
        return None
    return Detach(text=text, name=_any_name(reader), if_exists=if_exists)


def _any_name(reader: Reader) -> str:
    token = reader.next()
    return token.text[1:-1].replace('""', '"') if token.kind == "name" else token.text


# ---- CREATE ----------------------------------------------------------------------------------------------------

def secret(text: str) -> Statement | None:
    reader = Reader(text, FORMS["CREATE SECRET"])
    kind = _type_word(reader)
    if kind not in SECRETS:
        return None
    reader.expect("CREATE")
    or_replace = reader.accept("OR", "REPLACE")
    persistent = reader.one_of("TEMPORARY", "TEMP", "PERSISTENT") == "PERSISTENT"
    reader.expect("SECRET")
    if_not_exists = existing(reader, or_replace)
    name = reader.unqualified("the name of a secret")
    options = tuple(o for o in expect_options(reader) if o.key != "TYPE")
    reader.end()
    SECRETS[kind].check_names(options)
    return CreateSecret(text=text, kind=kind, name=name, or_replace=or_replace, if_not_exists=if_not_exists, persistent=persistent,
                        options=options)


def drop_secret(text: str) -> Statement | None:
    """Also of what DuckDB keeps: only who knows the names can tell. Text of any other form is DuckDB's."""
    reader = Reader(text, FORMS["DROP SECRET"])
    reader.expect("DROP", "SECRET")
    if_exists = reader.accept("IF", "EXISTS")
    if reader.token.kind not in ("word", "name") or reader.ahead().kind != "end" or reader.token.text == '""':
        return None
    return DropSecret(text=text, name=_any_name(reader), if_exists=if_exists)


def source(text: str) -> Statement:
    reader = Reader(text, FORMS["CREATE SOURCE"])
    reader.expect("CREATE")
    or_replace = reader.accept("OR", "REPLACE")
    reader.expect("SOURCE")
    if_not_exists = existing(reader, or_replace)
    start = reader.token.start
    name = reader.unqualified("the name of a source")
    name_span = reader.span_from(start)
    columns = _columns(reader) if reader.accept_op("(") else ()
    dialects.refuse_source(reader, name)
    reader.expect("FROM", "KAFKA")
    dialects.refuse_source(reader, name)
    is_address = reader.token.kind == "string"
    at = reader.token.start
    cluster = _cluster(reader)
    cluster_span = reader.span_from(at) if cluster is not None else None
    options = read_options(reader)
    dialects.refuse_source(reader, name)
    reader.end(*(() if options else ("( and options",)))
    return CreateSource(text=text, name=name, name_span=name_span, or_replace=or_replace, if_not_exists=if_not_exists, columns=columns,
                        cluster=cluster, cluster_is_address=is_address, cluster_span=cluster_span, options=options)


def _cluster(reader: Reader) -> str | None:
    if reader.token.kind == "string":
        return reader.string()
    if reader.token.kind in ("word", "name") and not reader.sees("WITH"):
        return reader.name("the name of a cluster")
    return None


def _columns(reader: Reader) -> tuple[ColumnDefinition, ...]:
    columns: list[ColumnDefinition] = []
    while True:
        columns.append(column(reader))
        if reader.accept_op(")"):
            return tuple(columns)
        reader.expect_op(",", ", or )")


def column(reader: Reader) -> ColumnDefinition:
    """name type [NOT NULL] [FROM '$.path']"""
    start = reader.token.start
    name = reader.name("the name of a column")
    type_ = _type(reader)
    not_null = reader.accept("NOT", "NULL")
    path = reader.string("a path such as '$.a.b'") if reader.accept("FROM") else None
    if reader.sees("NOT", "NULL"):
        reader.fail(", or )", hint="NOT NULL stands before FROM" if path is not None else "NOT NULL once is enough")
    return ColumnDefinition(name=name, type=type_, span=reader.span_from(start), path=path, not_null=not_null)


def _type(reader: Reader) -> str:
    """The text of a DuckDB type: up to FROM, NOT NULL, a comma or the closing bracket outside its own brackets."""
    first, depth = reader.at, 0
    while not reader.over:
        token = reader.token
        if depth == 0 and (token.upper in ("FROM", "NOT") or token.text in (",", ")")):
            break
        if depth == 0 and (token.upper in _NO_TYPE or token.kind in ("string", "number")):
            reader.fail("NOT NULL, FROM, a comma or )" if reader.at > first else "a type",
                        hint="a column has a type, NOT NULL and FROM '$.path', no more")
        if token.kind == "op":
            depth += (token.text in "([") - (token.text in ")]")
        reader.next()
    if reader.at == first:
        reader.fail("a type")
    if depth or reader.token.kind == "open":
        reader.fail(") of the type" if depth else "a type")
    return _joined(reader, first)


def _joined(reader: Reader, first: int) -> str:
    """The tokens from `first` on as text, comments left out and blanks made one."""
    parts: list[str] = []
    before = reader.tokens[first].start
    for token in reader.tokens[first:reader.at]:
        parts += [" "] if token.start > before else []
        parts.append(token.text)
        before = token.end
    return "".join(parts)


def sink(text: str, *, explain: bool = False) -> Statement:
    reader = Reader(text, FORMS["CREATE SINK"])
    if explain:
        reader.expect("EXPLAIN")
    reader.expect("CREATE")
    or_replace = reader.accept("OR", "REPLACE")
    reader.expect("SINK")
    if_not_exists = existing(reader, or_replace)
    start = reader.token.start
    name = reader.unqualified("the name of a sink")
    name_span = reader.span_from(start)
    dialects.refuse_sink(reader, name)
    source_name, select = _origin(reader)
    dialects.refuse_sink(reader, name)
    reader.expect("INTO", "ICEBERG")
    table = _table(reader)
    options = read_options(reader)
    dialects.refuse_sink(reader, name)
    reader.end(*(() if options else ("( and options",)))
    return CreateSink(text=text, name=name, name_span=name_span, table=table, source=source_name, select=select, or_replace=or_replace,
                      if_not_exists=if_not_exists, explain=explain, options=options)


def _origin(reader: Reader) -> tuple[str | None, str | None]:
    if reader.accept("FROM"):
        return reader.unqualified("the name of a source"), None
    if not reader.accept("AS"):
        reader.fail("FROM source or AS SELECT")
    return None, _select(reader)


def _select(reader: Reader) -> str:
    """The query up to the top-level INTO, which is reserved in DuckDB and so is never a name."""
    first = reader.token
    if first.upper not in ("SELECT", "FROM", "WITH", "VALUES") and first.text != "(":
        reader.fail("SELECT")
    depth = 0
    while not reader.over and not (depth == 0 and reader.sees("INTO")):
        token = reader.next()
        if token.kind == "op":
            depth += (token.text in "([{") - (token.text in ")]}")
    if reader.over:
        reader.fail("INTO ICEBERG after the query" if depth == 0 else "a closing bracket, then INTO ICEBERG")
    place = reader.span_from(first.start)
    return reader.text[place.start:place.end]


def _table(reader: Reader) -> tuple[str, ...]:
    """catalog.namespace...name. After a dot a reserved word is a name, as in DuckDB."""
    start = reader.token.start
    parts = [reader.name("a table: catalog.namespace.name")]
    while reader.accept_op("."):
        if reader.token.kind not in ("word", "name"):
            reader.fail("a name after the dot")
        parts.append(_any_name(reader))
    if len(parts) < 3 or not all(parts):
        place = reader.span_from(start)
        raise StatementSyntaxError(f"a table of a sink has three parts or more: {reader.text[place.start:place.end]}",
                                   hint=f"write catalog.namespace.table, for example local.{'.'.join(['shop', *parts][-2:])}",
                                   position=place.start, length=place.length)
    return tuple(parts)
