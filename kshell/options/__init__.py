"""Options of statements, arguments and settings: values as written, kinds that read them, and the declarations that own both.

Invariant: an option is declared once; parsing, did-you-mean, completion and documentation read that declaration."""

from kshell.options.compound import ListOf, MapOf, OrNull, TableName
from kshell.options.declaration import Option, OptionSet, Parsed, read, unresolved
from kshell.options.kinds import (
    Address,
    Boolean,
    Context,
    Count,
    Duration,
    Enum,
    Kind,
    Misfit,
    Regex,
    Resolve,
    SecretText,
    Setting,
    Size,
    Text,
)
from kshell.options.position import Offsets, Position, PositionOf, position_text
from kshell.options.secret import Secret, learn, names_secret, redact, reveal, revealed
from kshell.options.units import duration_s, duration_text, size_bytes, size_text
from kshell.options.written import Lookup, Options, RawOption, Span, Typed, Value, Word, canonical, string_text, value_text

__all__ = [
    "Address", "Boolean", "Context", "Count", "Duration", "Enum", "Kind", "ListOf", "Lookup", "MapOf", "Misfit", "Offsets", "Option",
    "OptionSet", "Options", "OrNull", "Parsed", "Position", "PositionOf", "RawOption", "Regex", "Resolve", "Secret", "SecretText",
    "Setting", "Size", "Span", "TableName", "Text", "Typed", "Value", "Word", "canonical", "duration_s", "duration_text", "learn",
    "names_secret", "position_text", "read", "redact", "reveal", "revealed", "size_bytes", "size_text", "string_text", "unresolved",
    "value_text",
]
