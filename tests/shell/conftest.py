"""A session for tests of the shell, ended with the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shell.fakes import FakeSession


@pytest.fixture
def session() -> Iterator[FakeSession]:
    fake = FakeSession()
    yield fake
    fake.runner.close()
    fake.engine.close()
