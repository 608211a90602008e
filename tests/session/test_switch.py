"""Another profile in a running session: what goes, what stays, and when nothing changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kshell import config
from kshell.errors import ConflictError, NotFoundError, UnreachableError
from kshell.kafka.embedded import EmbeddedBroker
from kshell.session import Session
from tests.support import Recorder

FILE = """[profiles.a]
brokers = "{a}"
buffer_bytes = "100MB"
catalogs.ice = {{ catalog = "sql", uri = "sqlite:///{folder}/a.db", warehouse = "file://{folder}/a" }}
[profiles.b]
brokers = "{b}"
[profiles.dead]
brokers = "127.0.0.1:1"
[profiles.none]
"""


@pytest.fixture(scope="module")
def brokers() -> Iterator[tuple[EmbeddedBroker, EmbeddedBroker]]:
    made = EmbeddedBroker(), EmbeddedBroker()
    for broker, topic in zip(made, ("of_a", "of_b"), strict=True):
        Recorder(broker.bootstrap).produce(topic, ['{"n": 1}'])
    yield made
    for broker in made:
        broker.close()


@pytest.fixture
def path(brokers: tuple[EmbeddedBroker, EmbeddedBroker], tmp_path: Path) -> str:
    file = tmp_path / "config.toml"
    file.write_text(FILE.format(a=brokers[0].bootstrap, b=brokers[1].bootstrap, folder=tmp_path))
    return str(file)


def profile(path: str, name: str) -> config.Config:
    return config.load(path=path, profile=name)


@pytest.fixture
def session(path: str) -> Iterator[Session]:
    with Session(config=profile(path, "a")) as opened:
        yield opened


def topics(session: Session) -> list[str]:
    return [row[0] for row in session.sql("SHOW TOPICS FROM kafka").fetchall()]


def test_brokers_catalogs_and_limits_are_those_of_the_other_profile_and_tables_stay(session: Session, path: str) -> None:
    session.sql("CREATE TABLE kept (a INTEGER)").close()
    assert topics(session) == ["of_a"]
    assert "ice" in session._connections.configured
    session.switch(profile(path, "b"))
    assert topics(session) == ["of_b"]
    assert session.config.profile == "b"
    assert "ice" not in session._connections.configured
    assert session._sources.budget.limit_bytes > 100_000_000
    assert session.sql("SELECT count(*) FROM kept").fetchall() == [(0,)]
    session.switch(profile(path, "none"))
    with pytest.raises(NotFoundError, match="no cluster kafka"):
        topics(session)


def test_what_is_in_use_keeps_its_profile(session: Session, path: str) -> None:
    session.sql("CREATE SOURCE of_a FROM KAFKA kafka").close()
    with pytest.raises(ConflictError, match="kafka is used by of_a"):
        session.switch(profile(path, "b"))
    assert topics(session) == ["of_a"]
    session.sql("DROP SOURCE of_a").close()
    session.switch(profile(path, "b"))


def test_brokers_that_do_not_answer_change_nothing(session: Session, path: str) -> None:
    with pytest.raises(UnreachableError):
        session.switch(profile(path, "dead"))
    assert topics(session) == ["of_a"]
    assert session.config.profile == "a"
    assert "ice" in session._connections.configured


def test_the_doctor_of_a_session_looks_at_what_it_has_attached(session: Session, brokers: tuple[EmbeddedBroker, EmbeddedBroker]) -> None:
    session.sql(f"ATTACH 'kafka://{brokers[1].bootstrap}' AS byhand (TYPE kafka)").close()
    found = {check.name: check.state for check in session.doctor().checks()}
    assert (found["brokers kafka"], found["brokers byhand"]) == ("ok", "ok")
    assert topics(session) == ["of_a"], "and attaches nothing anew"
