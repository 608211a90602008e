"""`--accept`: write what the program prints into the documents instead of comparing."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--accept", action="store_true", help="write what the program prints into the documents, for review")
