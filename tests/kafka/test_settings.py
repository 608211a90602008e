"""CONFIG: an allow-list, and what kshell owns stays as it is."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException

from kshell.errors import RefusedError, UnknownOptionError
from kshell.kafka import settings

FIXED = {"auto.offset.reset": "error", "enable.auto.commit": False, "enable.auto.offset.store": False, "check.crcs": True,
         "allow.auto.create.topics": False, "isolation.level": "read_committed"}


def test_the_settings_exactly_once_rests_on_are_fixed() -> None:
    made = settings.reader("b:1", {"fetch.min.bytes": "1"}, "read_committed")
    assert FIXED.items() <= made.items()
    assert (made["fetch.queue.backoff.ms"], made["topic.metadata.refresh.interval.ms"]) == (10, 30_000)


@pytest.mark.parametrize("name", sorted(settings.OWNED))
def test_an_owned_setting_is_refused_with_what_to_use(name: str) -> None:
    with pytest.raises(RefusedError) as caught:
        settings.checked({name: "x"})
    assert caught.value.message.startswith(f"{name} is owned by kshell")


def test_the_option_to_use_is_named() -> None:
    with pytest.raises(RefusedError) as caught:
        settings.checked({"isolation.level": "read_uncommitted"})
    assert caught.value.message == "isolation.level is owned by kshell; use ISOLATION"


@pytest.mark.parametrize("name", [
    "plugin.library.paths", "ssl.engine.location", "ssl.engine.id", "ssl.providers",
    "error_cb", "oauth_cb", "sasl.kerberos.kinit.cmd", "interceptors",
    "enable.sasl.oauthbearer.unsecure.jwt", "test.mock.num.brokers",
    "enable.ssl.certificate.verification", "ssl.endpoint.identification.algorithm",
])
def test_what_runs_code_or_drops_verification_is_refused(name: str) -> None:
    with pytest.raises(RefusedError, match="not accepted in CONFIG"):
        settings.checked({name: "x"})


def test_a_misspelt_setting_is_an_error_with_the_nearest() -> None:
    with pytest.raises(UnknownOptionError) as caught:
        settings.checked({"fetch.min.byte": "1"})
    assert (caught.value.message, caught.value.hint) == ("CONFIG has no setting 'fetch.min.byte'", "did you mean fetch.min.bytes?")


@pytest.mark.parametrize("topics", ["security", "fetch,conf", "all"])
def test_debugging_that_prints_credentials_is_refused(topics: str) -> None:
    with pytest.raises(RefusedError, match="would print credentials"):
        settings.checked({"debug": topics})
    assert settings.checked({"debug": "broker,fetch"}) == {"debug": "broker,fetch"}


@pytest.mark.parametrize("name", sorted(settings.ALLOWED - {"ssl.ca.certificate.stores"}))
def test_the_client_library_knows_every_setting_that_is_allowed(name: str) -> None:
    assert "No such configuration property" not in _complaint({name: "no value"})


def _complaint(config: dict[str, str]) -> str:
    try:
        Consumer({**config, "group.id": "g", "log_level": 0}).close()
    except (KafkaException, ValueError) as complaint:
        return str(complaint)
    return ""


def test_a_password_is_never_sent_unencrypted_by_default() -> None:
    assert settings.security(username="u", password="p")["security.protocol"] == "SASL_SSL"
    assert settings.security()["security.protocol"] == "PLAINTEXT"
    with pytest.raises(RefusedError, match="unencrypted"):
        settings.security(protocol="SASL_PLAINTEXT", username="u", password="p")
    allowed = settings.security(protocol="SASL_PLAINTEXT", username="u", password="p", allow_plaintext_credentials=True)
    assert allowed["sasl.password"] == "p"


def test_verification_is_only_switched_off_by_name() -> None:
    assert "enable.ssl.certificate.verification" not in settings.security(protocol="SSL")
    assert settings.security(protocol="SSL", insecure=True)["enable.ssl.certificate.verification"] == "false"
