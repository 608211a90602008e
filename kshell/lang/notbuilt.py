"""Statements of the grammar that this version understands and does not carry out.

Invariant: each names what is missing and what to type instead; none of them changes anything."""

from __future__ import annotations

from kshell.lang.reader import Reader
from kshell.lang.statements import NotBuilt

_SECRETS = {
    "kafka": "give client settings to ATTACH: CONFIG MAP {'sasl.password': getenv('KAFKA_PASSWORD')}",
    "iceberg_catalog": "give the catalog's properties to ATTACH: PROPERTIES MAP {'token': getenv('ICEBERG_TOKEN')}",
    "schema_registry": "schema registries are not built yet; FORMAT json, string and raw need none",
}
_ALERTS = "run the query on a schedule: kshell -c \"SELECT ...\" and its exit code"
_SHOWN = {
    "ALERTS": _ALERTS,
    "SUBJECTS": "schema registries are not built yet",
    "SERVERS": "servers are not built yet",
    "SECRETS": "FROM duckdb_secrets() lists the secrets of DuckDB",
    "CONSUMER GROUPS": "kshell.partitions holds the positions of sources and sinks",
}


def secret(text: str, kind: str) -> NotBuilt:
    return NotBuilt(text=text, what=f"CREATE SECRET of TYPE {kind}", hint=_SECRETS[kind])


def alert(text: str, verb: str) -> NotBuilt:
    return NotBuilt(text=text, what=f"{verb} ALERT", hint=_ALERTS)


def show(text: str, what: str) -> NotBuilt | None:
    return NotBuilt(text=text, what=f"SHOW {what}", hint=_SHOWN[what]) if what in _SHOWN else None


def stream(reader: Reader) -> NotBuilt:
    """TAIL, PRINT, SUBSCRIBE: the hint names the target where it is a plain name or topic."""
    verb = reader.next().upper
    reader.accept("TO")
    target = reader.token
    if verb == "PRINT" or target.kind == "string":
        topic = target.text if target.kind == "string" else "'topic'"
        hint = f"FROM kafka_scan({topic}, last := 10) reads the newest records and ends"
    else:
        name = target.text if target.kind in ("word", "name") else "source"
        hint = f"SELECT * FROM {name} WHERE _kafka_timestamp > now() - INTERVAL '10 seconds' reads the newest rows and ends"
    return NotBuilt(text=reader.text, what=verb, hint=hint)


def emit_changes(text: str) -> NotBuilt:
    return NotBuilt(text=text, what="EMIT CHANGES", hint="leave EMIT CHANGES out: the query reads what is there and ends")


def optimize(reader: Reader) -> NotBuilt:
    return NotBuilt(text=reader.text, what="OPTIMIZE SINK", hint="another engine may compact the table between commits; the sink goes on")


def replay_errors(reader: Reader) -> NotBuilt:
    return NotBuilt(text=reader.text, what="REPLAY ERRORS", hint="the error table of the sink keeps the records with their bytes")
