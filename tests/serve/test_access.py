"""Who may connect, and where: addresses, passwords, token files, certificates."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kshell.errors import BadValueError, ConflictError, RefusedError
from kshell.lang import declared
from kshell.options import Secret, reveal
from kshell.serve import addresses
from kshell.serve.access import Access, access_of
from kshell.serve.attempts import MOST_ADDRESSES, Attempts


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "kshell"


def access(kind: str = "pgwire", **given: Any) -> Access:
    """`port` is any free one, or with None not given."""
    given = {name: value for name, value in {"port": 0, **given}.items() if value is not None}
    owned = declared.SERVERS[kind]
    return access_of(kind, {o.name: owned.default(o.name) for o in owned.options} | given, frozenset(given))


def certificate(folder: Path, name: str = "server", days: int = 1) -> tuple[str, str]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                    "-out", cert, "-days", str(days), "-subj", f"/CN={name}"], check=True, capture_output=True)
    key.chmod(0o600)
    return str(cert), str(key)


# ---- addresses -----------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost"])
def test_loopback_needs_neither_tls_nor_a_password_of_the_user(host: str) -> None:
    assert access(host=host).password


@pytest.mark.fault("F100")
@pytest.mark.parametrize("given", [{}, {"password": Secret("hunter2hunter2")}], ids=["nothing", "password"])
@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_another_address_without_tls_is_refused_and_names_both_ways_out(host: str, given: dict[str, Any], state: Path) -> None:
    with pytest.raises(RefusedError) as refused:
        access(host=host, **given)
    assert "it needs TLS" in refused.value.message
    assert "tls_cert := " in (refused.value.hint or "")
    assert "insecure := true" in (refused.value.hint or "")
    assert not state.exists()


def test_tls_alone_does_not_open_another_address(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with pytest.raises(RefusedError, match="it needs a password"):
        access(host="0.0.0.0", tls_cert=cert, tls_key=key)


def test_tls_and_a_password_open_another_address(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    made = access(host="0.0.0.0", tls_cert=cert, tls_key=key, password=Secret("hunter2hunter2"))
    assert made.tls is not None
    assert not made.insecure


def test_insecure_opens_another_address_and_is_remembered() -> None:
    assert access(host="0.0.0.0", insecure=True).insecure


def test_quack_is_for_this_machine_even_with_a_token() -> None:
    with pytest.raises(RefusedError, match="no TLS"):
        access("quack", host="0.0.0.0", token=Secret("hunter2hunter2"))


@pytest.mark.parametrize("host", ["no.such.host.invalid", "*", "300.1.1.1"])
def test_a_host_that_is_none_is_told(host: str) -> None:
    with pytest.raises(BadValueError, match="names no address"):
        access(host=host, insecure=True)


def test_a_port_in_use_is_told_with_the_process_and_leaves_its_token_alone(state: Path) -> None:
    with addresses.listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        theirs = state / "servers" / f"pgwire-{port}.token"
        theirs.parent.mkdir(parents=True)
        theirs.write_text("of another process")
        with pytest.raises(ConflictError) as refused:
            access(port=port)
    assert f"127.0.0.1:{port} is in use" in refused.value.message
    assert f"(pid {os.getpid()})" in refused.value.message or not Path("/proc/net/tcp").exists()
    assert theirs.read_text() == "of another process"


def test_a_client_gets_short_answers_at_once() -> None:
    with addresses.listening("127.0.0.1", 0) as listening, socket.create_connection(listening.getsockname()):
        listening.setblocking(True)
        with listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_sockets_listen_where_the_access_says() -> None:
    made = access()
    (opened,) = made.listen()
    with opened:
        assert opened.getsockname() == ("127.0.0.1", made.port)
        with socket.create_connection(("127.0.0.1", made.port), 5):
            pass


def test_a_small_answer_waits_for_no_acknowledgement() -> None:
    """Without TCP_NODELAY an answer in two parts takes 40 ms on a connection that is kept."""
    async def accepted() -> int:
        (opened,) = access().listen()
        connected = asyncio.get_running_loop().create_future()
        server = await asyncio.start_server(lambda reader, writer: connected.set_result(writer), sock=opened)
        async with server:
            _, client = await asyncio.open_connection(*opened.getsockname())
            writer = await asyncio.wait_for(connected, 5)
            delays = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            for end in (client, writer):
                end.close()
                await end.wait_closed()
            return delays

    assert asyncio.run(accepted())


# ---- UNIX sockets --------------------------------------------------------------------------------------------------

@pytest.mark.fault("F100")
def test_a_unix_socket_is_the_owners_alone_and_takes_the_place_of_the_port(tmp_path: Path) -> None:
    made = access(port=None, socket=str(tmp_path / "s"))
    assert made.host == ""
    assert made.address == str(tmp_path / "s")
    (opened,) = made.listen()
    with opened:
        assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o600
    made.forget()
    assert not (tmp_path / "s").exists()


def test_a_folder_gets_the_name_that_psql_looks_for(tmp_path: Path) -> None:
    assert access(port=5433, socket=str(tmp_path)).socket == tmp_path / ".s.PGSQL.5433"


def test_the_socket_of_a_process_that_is_gone_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX) as gone:
        gone.bind(str(path))
    assert access(socket=str(path)).socket == path


def test_a_socket_in_use_and_a_file_are_left_alone(tmp_path: Path) -> None:
    with addresses.listening_unix(tmp_path / "s"), pytest.raises(ConflictError, match="in use"):
        access(socket=str(tmp_path / "s"))
    (tmp_path / "f").write_text("precious")
    with pytest.raises(ConflictError, match="is no socket"):
        access(socket=str(tmp_path / "f"))
    assert (tmp_path / "f").read_text() == "precious"


# ---- passwords -----------------------------------------------------------------------------------------------------

@pytest.mark.fault("F97")
@pytest.mark.fault("F100")
def test_the_random_token_is_in_a_file_of_its_own_that_goes_with_the_server(state: Path) -> None:
    made = access()
    assert made.token_file is not None
    assert made.token_file.parent == state / "servers"
    assert stat.S_IMODE(made.token_file.stat().st_mode) == 0o600
    token = made.token_file.read_text().strip()
    assert len(token) >= 43
    assert made.accepts(token)
    assert not made.accepts(token[:-1])
    assert not made.accepts("")
    assert token not in f"{made!r} {made.password} {vars(made)}"
    made.forget()
    assert not made.token_file.exists()


def test_two_starts_have_two_tokens() -> None:
    assert reveal(access().password) != reveal(access().password)


def test_a_given_password_is_in_no_file(state: Path) -> None:
    made = access(password=Secret("pässwörd"))
    assert made.token_file is None
    assert made.accepts("pässwörd")
    assert not state.exists()


def test_paths_stay_where_they_were_when_the_folder_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate(tmp_path)
    monkeypatch.chdir(tmp_path)
    made = access(socket="s", token_file="t", tls_cert="server.pem", tls_key="server.key")
    monkeypatch.chdir("/")
    made.read_certificate()
    assert (made.socket, made.token_file) == (tmp_path / "s", tmp_path / "t")
    assert made.private_files() == [tmp_path / "t", tmp_path / "server.key"]


def test_a_named_token_file_is_made_once_and_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "t")
    first = access(token_file=path)
    first.forget()
    assert reveal(access(token_file=path).password) == reveal(first.password)
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == 0o600


@pytest.mark.fault("F97")
def test_a_token_file_that_others_can_read_or_that_holds_nothing_is_refused(tmp_path: Path) -> None:
    loose, empty = tmp_path / "loose", tmp_path / "empty"
    loose.write_text("x" * 40)
    loose.chmod(0o644)
    with pytest.raises(RefusedError, match="can be read by others"):
        access(token_file=str(loose))
    empty.touch(0o600)
    with pytest.raises(BadValueError, match="holds no token"):
        access(token_file=str(empty))


# ---- failed logins -------------------------------------------------------------------------------------------------

@pytest.mark.fault("F100")
def test_after_five_failures_in_a_minute_an_address_waits() -> None:
    now = [1000.0]
    attempts = Attempts(clock=lambda: now[0])
    for _ in range(5):
        assert attempts.wait_s("10.0.0.1") == 0
        attempts.failed("10.0.0.1")
        now[0] += 1
    assert attempts.wait_s("10.0.0.1") == 55
    assert attempts.wait_s("10.0.0.2") == 0
    now[0] += 55
    assert attempts.wait_s("10.0.0.1") == 0


def test_the_memory_of_failures_is_bounded() -> None:
    attempts = Attempts()
    for n in range(MOST_ADDRESSES + 5):
        attempts.failed(str(n))
    assert len(attempts._failed) == MOST_ADDRESSES


# ---- certificates --------------------------------------------------------------------------------------------------

def _name_shown_by(context: ssl.SSLContext, trusted: str) -> str:
    """The subject of the certificate that a client sees, which trusts only this one."""
    trust = ssl.create_default_context(cafile=trusted)
    trust.check_hostname = False
    to_client, to_server, from_client, from_server = ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = trust.wrap_bio(to_client, from_client), context.wrap_bio(to_server, from_server, server_side=True)
    for _ in range(4):
        for side in (client, server):
            with contextlib.suppress(ssl.SSLWantReadError):
                side.do_handshake()
            to_server.write(from_client.read())
            to_client.write(from_server.read())
    shown = client.getpeercert()
    assert shown
    return str(dict(pair for (pair,) in shown["subject"])["commonName"])


def test_a_certificate_is_read_again_and_a_wrong_one_changes_nothing(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "server")
    made = access(tls_cert=cert, tls_key=key)
    assert made.tls is not None
    assert _name_shown_by(made.tls, cert) == "server"
    certificate(tmp_path, "next")
    Path(cert).write_text((tmp_path / "next.pem").read_text())
    with pytest.raises(BadValueError, match="are no certificate with its key"):
        made.read_certificate()                   # the new certificate with the old key
    Path(key).write_text((tmp_path / "next.key").read_text())
    made.read_certificate()
    assert _name_shown_by(made.tls, cert) == "next"


def test_keys_that_others_can_read_have_a_password_or_are_missing_are_refused(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    Path(key).chmod(0o644)
    with pytest.raises(RefusedError, match="can be read by others"):
        access(tls_cert=cert, tls_key=key)
    with pytest.raises(BadValueError, match="cannot read"):
        access(tls_cert=cert, tls_key=str(tmp_path / "none"))
    with pytest.raises(BadValueError, match="needs tls_cert"):
        access(tls_key=key)
    locked = tmp_path / "locked.key"
    Path(key).chmod(0o600)
    subprocess.run(["openssl", "ec", "-in", key, "-aes256", "-passout", "pass:abcd", "-out", locked], check=True, capture_output=True)
    locked.chmod(0o600)
    with pytest.raises(BadValueError, match="are no certificate with its key"):
        access(tls_cert=cert, tls_key=str(locked))
