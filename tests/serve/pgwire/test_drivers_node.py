"""node-postgres against a served session."""

from __future__ import annotations

import pytest

from kshell.serve import Served
from tests.parts import node_postgres
from tests.serve.conftest import PASSWORD
from tests.serve.pgwire.conftest import ROWS


@pytest.mark.skipif(node_postgres.missing() is not None, reason=str(node_postgres.missing()))
def test_node_postgres_reads_types_sends_parameters_and_is_told_what_went_wrong(server: Served) -> None:
    found = node_postgres.outcomes(int(server.address.rpartition(":")[2]), PASSWORD)
    assert found.pop("insert") == ["25006", "clients of a kshell server only read: INSERT is refused"]
    assert found == {
        "count": [{"n": ROWS}], "parameters": [{"i": 3, "name": "row 3"}], "untyped": [{"name": "row 0"}, {"name": "row 1"}],
        "list": [{"n": 2}], "moment": [{"t": "1970-01-01T01:00:00.000Z"}], "after": [{"one": 1}],
        "types": [{"flag": True, "amount": "1.50", "instant": "2026-01-01T00:00:00.000Z", "list": [1, None], "texts": ["a b", None, '"'],
                   "nested": {"a": 1}, "bytes": {"type": "Buffer", "data": [170, 0]}, "span": {"days": 1, "hours": 2}, "d": 0.1}],
    }
