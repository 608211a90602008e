"""What to type in kshell, for those who come from another dialect.

Invariant: an answer changes nothing; it is an error with a hint, or a hint added to DuckDB's own error."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import NoReturn

from kshell.errors import StatementSyntaxError, did_you_mean
from kshell.lang import habits
from kshell.lang.reader import Reader
from kshell.lang.tokens import leading_words, tokens

_INSIDE = "Use FORMAT json inside the options; brokers belong to ATTACH 'kafka://...' AS k (TYPE kafka)"
_KAFKA_COLUMNS = {
    "_partition": "_kafka_partition", "_offset": "_kafka_offset", "_timestamp": "_kafka_timestamp", "_key": "_kafka_key",
    "_topic": "_kafka_topic", "_headers": "_kafka_headers", "rowtime": "_kafka_timestamp",
    "rowpartition": "_kafka_partition", "rowoffset": "_kafka_offset",
    "_rw_kafka_offset": "_kafka_offset", "_rw_kafka_partition": "_kafka_partition", "_rw_kafka_timestamp": "_kafka_timestamp",
}
_MISSING_COLUMN = re.compile(r'column (?:named |with name )?"?([\w.]+)"?', re.IGNORECASE)
_CONNECTOR = re.compile(r"['\"]?connector['\"]?\s*=\s*'kafka'|\bkafka_topic\s*=", re.IGNORECASE)


# ---- statements of other dialects -------------------------------------------------------------------------------

def refuse_stream(text: str) -> NoReturn:
    """CREATE STREAM s (...) WITH (kafka_topic='t', value_format='json')"""
    reader = Reader(text)
    name = _name_after(reader, "STREAM")
    topic = _option(text, "kafka_topic") or "t"
    form = (_option(text, "value_format") or "json").lower()
    columns = " (...)" if re.search(r"\bSTREAM\s+[\w\".]+\s*\(", text, re.IGNORECASE) else ""
    _refuse(reader, "STREAM", "kshell has no STREAM", f"Use: CREATE SOURCE {name}{columns} FROM KAFKA (TOPIC '{topic}', FORMAT {form})")


def refuse_connection(text: str) -> NoReturn:
    """CREATE CONNECTION c TO KAFKA (BROKER 'b:9092')"""
    reader = Reader(text)
    address = _option(text, "broker") or "host:9092"
    _refuse(reader, "CONNECTION", "kshell has no CREATE CONNECTION",
            f"Use: ATTACH 'kafka://{address}' AS {_name_after(reader, 'CONNECTION')} (TYPE kafka)")


def refuse_materialized(text: str) -> NoReturn:
    reader = Reader(text)
    name = _name_after(reader, "VIEW")
    _refuse(reader, "MATERIALIZED", "kshell has no MATERIALIZED VIEW",
            f"Use: CREATE VIEW {name} (computed when read), or CREATE SINK {name} AS ... INTO ICEBERG ...")


def refuse_terminate(text: str) -> NoReturn:
    """TERMINATE q, DROP STREAM q"""
    reader = Reader(text)
    word = "TERMINATE" if reader.sees("TERMINATE") else "STREAM"
    name = _name_after(reader, word)
    _refuse(reader, word, f"kshell has no {word}", f"Use: PAUSE SINK {name}, or DROP SINK {name}")


def refuse_source(reader: Reader, name: str) -> None:
    """The clauses that others put before or after the options of a source."""
    if reader.sees("WITH") and not _after_kafka(reader):
        _fail(reader, f"CREATE SOURCE {name} takes its options after FROM KAFKA", _INSIDE)
    clause = reader.token.upper in ("FORMAT", "ENCODE", "KEY", "ENVELOPE", "INCLUDE") and reader.ahead().kind == "word"
    if clause and _after_options(reader):
        _fail(reader, f"{reader.token.text} stands inside the options", _INSIDE)
    if reader.sees("CONNECTION") and reader.ahead().kind in ("word", "name"):
        _fail(reader, "a cluster is named without CONNECTION", f"Use: FROM KAFKA {reader.ahead().text} (...)")


def _after_kafka(reader: Reader) -> bool:
    return any(token.upper == "KAFKA" for token in reader.tokens[:reader.at])


def _after_options(reader: Reader) -> bool:
    return reader.tokens[reader.at - 1].text == ")" or reader.tokens[reader.at - 1].upper == "KAFKA"


def refuse_sink(reader: Reader, name: str) -> None:
    """The clauses and targets of others."""
    use = f"Use: CREATE SINK {name} FROM source INTO ICEBERG catalog.namespace.table (...)"
    if reader.token.upper in ("FORMAT", "ENVELOPE", "KEY") and reader.ahead().kind == "word":
        _fail(reader, f"{reader.token.text} does not belong to a sink", use)
    if reader.sees("INTO", "KAFKA"):
        _fail(reader, "kshell writes to Iceberg, not to Kafka", use)


def _fail(reader: Reader, message: str, hint: str) -> NoReturn:
    raise StatementSyntaxError(message, hint=hint, position=reader.token.start, length=max(1, len(reader.token.text)))


def _refuse(reader: Reader, word: str, message: str, hint: str) -> NoReturn:
    place = next((token for token in reader.tokens if token.upper == word), reader.tokens[0])
    raise StatementSyntaxError(message, hint=hint, position=place.start, length=max(1, len(place.text)))


def _name_after(reader: Reader, word: str) -> str:
    """The name after a word and IF [NOT] EXISTS, as written."""
    at = next((i for i, token in enumerate(reader.tokens) if token.upper == word), -1) + 1
    while reader.tokens[min(at, len(reader.tokens) - 1)].upper in ("IF", "NOT", "EXISTS"):
        at += 1
    token = reader.tokens[min(at, len(reader.tokens) - 1)]
    return token.text if token.kind in ("word", "name") else "name"


def _option(text: str, key: str) -> str | None:
    found = re.search(rf"['\"]?\b{key}s?['\"]?\s*=?\s*\(?'([^']*)'", text, re.IGNORECASE)
    return found.group(1) if found else None


# ---- hints for DuckDB's own errors ------------------------------------------------------------------------------

def hint_for(text: str, message: str) -> str | None:
    """What to type instead, for an error that DuckDB gave for this text; None: nothing is known."""
    return (_offset_hint(text, message) or _column_hint(message) or _attach_hint(text) or _table_hint(text) or _copy_hint(text)
            or habits.hint_for(text))


def _offset_hint(text: str, message: str) -> str | None:
    """`offset` as a column: a reserved word, which DuckDB takes for the clause and so complains of whatever follows."""
    if "syntax error" not in message:
        return None
    after = [following for word, following in pairwise(tokens(text)) if word.upper == "OFFSET"]
    columns = [token for token in after if token.kind != "number" and token.text[:1] not in ("(", "?", "$")]
    return "the Kafka offset column is _kafka_offset" if columns else None


def _column_hint(message: str) -> str | None:
    found = _MISSING_COLUMN.search(message)
    name = found.group(1).rsplit(".", 1)[-1].lower() if found else ""
    return f"the column is {_KAFKA_COLUMNS[name]}" if name in _KAFKA_COLUMNS else None


def _attach_hint(text: str) -> str | None:
    if leading_words(text, 1) != ("ATTACH",):
        return None
    address = next((t.text for t in tokens(text) if t.kind == "string"), "")
    typed = next((after.text.strip("'") for word, after in pairwise(tokens(text)) if word.upper == "TYPE"), "")
    if typed and typed.lower() not in ("kafka", "iceberg") and (near := did_you_mean(typed, ("kafka", "iceberg"))):
        return near
    if address.lower().startswith("'kafka://"):
        return f"add the type: ATTACH {address} AS k (TYPE kafka)"
    if re.search(r"\bTYPE\s+'?iceberg\b", text, re.IGNORECASE):
        return "as the target of a sink add CATALOG rest; without CATALOG the database is DuckDB's own"
    return None


def _table_hint(text: str) -> str | None:
    """CREATE TABLE t (...) WITH ('connector' = 'kafka')"""
    if "TABLE" not in leading_words(text, 5)[1:] or not _CONNECTOR.search(text):
        return None
    return f"CREATE SOURCE {_name_after(Reader(text), 'TABLE')} FROM KAFKA"


def _copy_hint(text: str) -> str | None:
    if re.search(r"\bFORMAT\s+'?kafka\b", text, re.IGNORECASE) and leading_words(text, 1) == ("COPY",):
        return "kshell reads from Kafka and does not write to it; FROM kafka_scan('topic') reads a topic"
    if re.search(r"'kafka://", text) and leading_words(text, 1) != ("ATTACH",):
        return "ATTACH 'kafka://...' AS k (TYPE kafka), then FROM k.topic reads a topic once"
    return None
