"""`kshell run` over a broker: what it says of its commits, and what it leaves when it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kshell.kafka.embedded import EmbeddedBroker
from tests.support import Recorder, wait_until

SCRIPT = """
ATTACH 'kafka://{bootstrap}' AS k (TYPE kafka);
CREATE SOURCE orders (id BIGINT) FROM KAFKA k;
CREATE SINK lake FROM orders INTO ICEBERG local.shop.orders (COMMIT_INTERVAL '1h');
WAIT SOURCE orders UNTIL ROWS 12;
FLUSH ALL;
"""


@pytest.fixture
def script(tmp_path: Path) -> Iterator[str]:
    with EmbeddedBroker() as broker:
        broker.create_topic("orders")
        Recorder(broker.bootstrap).produce("orders", [f'{{"id": {i}}}' for i in range(12)])
        (tmp_path / "pipeline.sql").write_text(SCRIPT.format(bootstrap=broker.bootstrap))
        yield "pipeline.sql"


@pytest.mark.parametrize(("flags", "lines"), [(["--log", "info"], 1), ([], 0)])
def test_a_commit_is_one_line_at_log_info_and_none_otherwise(program: Callable[..., subprocess.Popen[str]], script: str, tmp_path: Path,
                                                             flags: list[str], lines: int) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify"))
        told.settimeout(60)
        process = program("run", script, "--quiet", *flags, env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "KSHELL_DATA": str(tmp_path)})
        assert told.recv(100) == b"READY=1"
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert len(err.splitlines()) == lines
    assert all(line.startswith("commit: lake: 12 rows") for line in err.splitlines()), err


def test_a_second_ctrl_c_leaves_at_once(program: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    (tmp_path / "slow.sql").write_text(".shell echo $$ > asleep; exec sleep 50\n")
    process = program("run", "slow.sql")
    asleep = tmp_path / "asleep"
    wait_until(lambda: asleep.exists() and asleep.read_text().strip(), 60)
    try:
        wait_until(lambda: process.send_signal(signal.SIGINT) or process.poll() is not None, 30, every_s=0.3)
        assert process.returncode == 130
    finally:
        os.kill(int(asleep.read_text()), signal.SIGKILL)
