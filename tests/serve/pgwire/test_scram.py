"""SCRAM-SHA-256: who knows the password gets in and sees that the server knows it too; nobody else learns anything."""

from __future__ import annotations

import pytest
import scramp
from hypothesis import given
from hypothesis import strategies as st

from kshell.serve.pgwire.scram import Verifier

PASSWORD = "correct horse"
VERIFIER = Verifier(PASSWORD)


def exchanged(password: str, *, known: bool = True, empty_name: bool = False) -> bool:
    client, server = scramp.ScramClient(["SCRAM-SHA-256"], "someone", password), VERIFIER.exchange(known=known)
    said = client.get_client_first()
    if empty_name:                                # as libpq writes it
        client.client_first_bare = client.client_first_bare.replace("n=someone", "n=")
        said = said.replace("n=someone", "n=")
    first = server.first(said.encode())
    assert first is not None
    client.set_server_first(first)
    final = server.final(client.get_client_final().encode())
    if final is None:
        return False
    client.set_server_final(final)                # raises when the server does not know the password
    return True


@pytest.mark.parametrize("empty_name", [False, True])
def test_the_password_proves_both_sides(empty_name: bool) -> None:
    assert exchanged(PASSWORD, empty_name=empty_name)


@pytest.mark.parametrize("password", ["Correct horse", "wrong"])
def test_another_password_proves_nothing(password: str) -> None:
    assert not exchanged(password)


def test_a_user_who_does_not_exist_gets_the_same_exchange_and_no_end_of_it() -> None:
    assert not exchanged(PASSWORD, known=False)


@given(st.binary(max_size=80))
def test_no_bytes_prove_anything(data: bytes) -> None:
    server = VERIFIER.exchange(known=True)
    if server.first(data) is not None:
        assert server.final(data) is None
    fresh = VERIFIER.exchange(known=True)
    assert fresh.final(data) is None, "the second message cannot come first"
