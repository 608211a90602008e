"""What to write instead of what only PostgreSQL has, and the list of what is still missing here.

Invariant: a hint is for a name that DuckDB did not find; nothing that runs is looked up."""

from __future__ import annotations

import re

_SAYS = "You are writing DuckDB SQL, not PostgreSQL SQL"
_MISSING = re.compile(r'(?:Function|Type|Table|Macro)(?: Function)? with name "?([\w~@#&|<>?!*^-]+)"?', re.IGNORECASE)
_UNKNOWN = re.compile("does not exist|not found|No function matches")
_MOST_NOTED, _MOST_SHOWN = 1000, 4000         # texts; characters of each
_PROBE = re.compile(r"\b(pg_\w+|information_schema\.\w+)", re.IGNORECASE)
_INSTEAD = {
    "to_char": "strftime(x, '%Y-%m-%d %H:%M:%S')", "to_date": "strptime(text, '%Y-%m-%d')::DATE",
    "to_number": "CAST(text AS DECIMAL(18, 3))", "date_bin": "time_bucket(INTERVAL '5 minutes', x)",
    "clock_timestamp": "now()", "statement_timestamp": "now()",
    "transaction_timestamp": "now()", "timeofday": "now()::VARCHAR", "json_agg": "to_json(list(x))", "jsonb_agg": "to_json(list(x))",
    "json_object_agg": "json_group_object(key, value)", "jsonb_object_agg": "json_group_object(key, value)",
    "json_build_array": "json_array(x)", "jsonb_build_array": "json_array(x)", "json_array_elements": "unnest(x->'$[*]')",
    "jsonb_array_elements": "unnest(x->'$[*]')", "json_array_elements_text": "unnest(x->>'$[*]')",
    "jsonb_array_elements_text": "unnest(x->>'$[*]')", "json_object_keys": "unnest(json_keys(x))",
    "jsonb_object_keys": "unnest(json_keys(x))",
    "json_each": "json_each(x), with its columns key and value", "jsonb_each": "json_each(x)", "jsonb_typeof": "json_type(x)",
    "json_typeof": "json_type(x)", "jsonb_array_length": "json_array_length(x)", "jsonb_extract_path_text": "x->>'$.a.b'",
    "json_extract_path_text": "x->>'$.a.b'", "jsonb_pretty": "json_pretty(x)", "btrim": "trim(x)", "convert_from": "decode(x)",
    "convert_to": "encode(x)", "array_dims": "len(x)", "cardinality": "len(x)", "make_interval": "to_seconds(x), to_hours(x), to_days(x)",
    "crosstab": "PIVOT t ON x IN (...) USING sum(y)", "width_bucket": "floor((x - low) / (high - low) * n) + 1",
    "regexp_match": "regexp_extract(x, 'pattern', 1)", "initcap": "upper(x[1]) || lower(x[2:])", "money": "DECIMAL(18, 2)",
    "citext": "VARCHAR with lower(x)", "tsvector": "VARCHAR with ILIKE or regexp_matches", "hstore": "MAP(VARCHAR, VARCHAR)",
}
_UNTYPED = re.compile(r"STRING_LITERAL|values of type .+ and VARCHAR")
_PARAMETER = re.compile(r"\$\d+(?!\s*::)\b")
_noted: set[str] = set()


def hint(message: str, text: str = "") -> str | None:
    """For the message of an error that DuckDB gave about the text."""
    match = _MISSING.search(message)
    instead = _INSTEAD.get(match[1].lower()) if match else None
    if instead:
        return f"{_SAYS}: {instead}"
    untyped = _UNTYPED.search(message) and _PARAMETER.search(text)
    return f"a parameter without a type is text: write {untyped[0]}::TIMESTAMP, or the type it has" if untyped else None


def missing(text: str, message: str) -> str | None:
    """A line about a look at the catalog that failed, once for each text: together they are the list of what to add here."""
    if not _PROBE.search(text) or not _UNKNOWN.search(message) or text in _noted or len(_noted) == _MOST_NOTED:
        return None
    _noted.add(text)
    return f"a client asked for what kshell lacks of PostgreSQL ({message.splitlines()[0]}): {' '.join(text.split())[:_MOST_SHOWN]}"
