"""A source of a topic whose records name schemas of a registry."""

from __future__ import annotations

from kshell.session import Session
from tests.support.stub_http import StubHttp

CAUGHT_UP = "WAIT SOURCE s UNTIL CAUGHT UP TIMEOUT '60s'"


def framed_source(session: Session, topic: str, stub: StubHttp, format: str, options: str = "", columns: str = "") -> None:
    """Source `s`, which has read everything."""
    session.sql(f"CREATE SOURCE s {columns} FROM KAFKA (TOPIC '{topic}', FORMAT {format}, SCHEMA_REGISTRY '{stub.url}' {options}); "
                f"{CAUGHT_UP}")
