"""What servers share in their tests: who may connect, and where."""

from __future__ import annotations

import pytest

from kshell.options import Secret
from kshell.serve.access import Access

PASSWORD = "open-sesame"


@pytest.fixture
def access() -> Access:
    """Loopback, a free port."""
    return Access(kind="pgwire", user="kshell", password=Secret(PASSWORD), token_file=None, host="127.0.0.1", port=0)
