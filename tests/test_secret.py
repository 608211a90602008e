"""A Secret is *** to everything but `reveal`, and what was once a Secret passes no redactor."""

from __future__ import annotations

import json
import pickle

import pytest

from kshell.options import Secret, redact, reveal
from kshell.options.secret import names_secret, wrap

VALUE = "canary-7f3a"


@pytest.mark.parametrize("shown", [
    repr, str, "{}".format, "{:>20}".format, "%s".__mod__, json.dumps, lambda s: json.dumps({"k": s}), lambda s: f"{s!r}",
    lambda s: [s].__repr__(),
    lambda s: pickle.loads(pickle.dumps(s)), lambda s: s + "", lambda s: "".join([s]), lambda s: s.encode().decode(), vars,
])
def test_nothing_shows_it(shown: object) -> None:
    try:
        text = str(shown(Secret(VALUE)))  # type: ignore[operator]
    except TypeError:                          # vars(): it has no dictionary to show
        return
    assert VALUE not in text
    assert "***" in text


def test_only_reveal_gives_it() -> None:
    assert reveal(Secret(VALUE)) == VALUE
    assert reveal("plain") == "plain"
    assert Secret(VALUE) == Secret(VALUE)
    assert Secret(VALUE) != VALUE


def test_the_redactor_knows_every_secret_and_addresses() -> None:
    Secret("long-canary-1")
    Secret("q7")
    assert redact("said 'long-canary-1', q7 and q75") == "said '***', *** and q75"
    assert redact("http://ann:pw@host/x") == "http://ann:***@host/x"


def test_settings_are_wrapped_by_their_names() -> None:
    wrapped = wrap({"sasl.password": "canary-2", "fetch.min.bytes": "1"})
    assert str(wrapped) == "{'sasl.password': ***, 'fetch.min.bytes': '1'}"
    assert names_secret("s3.secret-access-key")
    assert not names_secret("sasl.username")


@pytest.mark.parametrize("name", ["sasl.pasword", "ssl.key.pasword", "sasl.oauthbearer.client.secrt", "tokn", "credentails"])
def test_a_misspelled_name_of_a_secret_names_one(name: str) -> None:
    assert names_secret(name)


@pytest.mark.parametrize("name", ["session.timeout.ms", "ssl.ca.location", "fetch.min.bytes", "client.id", "broker.address.family"])
def test_an_ordinary_setting_names_none(name: str) -> None:
    assert not names_secret(name)
