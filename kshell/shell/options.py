"""Option keys, argument names and their values for completion, from the declarations that the parser reads.

Invariant: nothing is listed here; an option that is declared is offered."""

from __future__ import annotations

from kshell.lang import declared
from kshell.options import Option, OptionSet

_SETS: dict[str, OptionSet] = {
    "CREATE SOURCE": declared.SOURCE, "ALTER SOURCE": declared.SOURCE, "CREATE SINK": declared.SINK, "ALTER SINK": declared.SINK,
    "ATTACH KAFKA": declared.ATTACH_KAFKA, "ATTACH ICEBERG": declared.ATTACH_ICEBERG, "kafka_scan": declared.KAFKA_SCAN,
    **{owned.owner: owned for owned in declared.SERVERS.values()},
}


def of(statement: str) -> list[Option]:
    found = _SETS.get(statement)
    return [o for o in found.options if o.built] if found else []


def values(statement: str, key: str) -> tuple[str, ...]:
    found = _SETS.get(statement)
    return found.words(key) if found else ()


def arguments() -> list[str]:
    return declared.KAFKA_SCAN.names()


def kinds_of_servers() -> list[str]:
    return list(declared.SERVERS)


def settings() -> list[str]:
    return declared.SETTINGS.names()


def statements() -> list[str]:
    return [name for name in (*_SETS, "SET") if not name.startswith("kshell_serve")]


def of_statement(statement: str) -> list[str]:
    """The option sets that belong to a statement."""
    if statement in ("ATTACH", "CREATE SECRET"):
        kinds = ("ATTACH KAFKA", "ATTACH ICEBERG") if statement == "ATTACH" else tuple(f"SECRET {kind}" for kind in declared.SECRETS)
        return list(kinds)
    if statement == "CALL kshell_serve":
        return [owned.owner for owned in declared.SERVERS.values()]
    return [statement] if statement in (*_SETS, "SET") else []


def rows(statement: str) -> list[tuple[str, str, str, str]]:
    """name, what it takes, default, meaning."""
    if statement.startswith("SECRET "):
        return declared.SECRETS[statement.removeprefix("SECRET ")].rows()
    return (declared.SETTINGS if statement == "SET" else _SETS[statement]).rows()
