"""Each statement that a client sends before it shows anything gives rows, and where they are written down, these."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kshell.engine import Engine
from tests.support.pg_catalog import Client, process

PROBES = Path(__file__).parent / "probes"


class Probe(NamedTuple):
    client: str
    name: str
    text: str
    rows: list[list[str | None]] | None


def probes() -> Iterator[Probe]:
    for path in sorted(PROBES.glob("*.sql")):
        for block in re.split(r"\n\s*\n", path.read_text(encoding="utf-8")):
            lines = block.strip().splitlines()
            said = [line[3:] for line in lines if line.startswith("-- ")]
            text = "\n".join(line for line in lines if not line.startswith("-- "))
            rows = next((json.loads(line[2:]) for line in said if line.startswith("= ")), None)
            if text:
                yield Probe(path.stem, said[0], text, rows)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with process() as engine:
        yield engine


def _shown(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "t" if value else "f"
    return "{" + ",".join(str(_shown(item)) for item in value) + "}" if isinstance(value, list) else str(value)


@pytest.mark.parametrize("client", sorted(path.stem for path in PROBES.glob("*.sql")))
def test_every_look_at_the_catalog_is_answered(client: str, engine: Engine) -> None:
    session = Client(engine)
    asked = [probe for probe in probes() if probe.client == client]
    wrong = []
    for probe in asked:
        text = re.sub(r"\{([\w.]+)\}", lambda found: str(session.one(f"SELECT '{found[1]}'::regclass")), probe.text)
        try:
            rows = [[_shown(value) for value in row] for row in session.rows(text)]
        except Exception as error:                        # noqa: BLE001  whatever it is, the statement was not answered
            wrong.append(f"{probe.name}: {error}")
            continue
        if probe.rows is not None and rows != probe.rows:
            wrong.append(f"{probe.name}: {rows}")
    assert asked
    assert not wrong, "\n".join(wrong)
