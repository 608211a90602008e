"""What librdkafka says about a broken connection, as an error of ours: what happened in the broker's words, and what to check.

Invariant: exceptions of confluent_kafka end here; no other package sees one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from kshell.errors import Error, RefusedError, UnreachableError

CONNECTION = frozenset({KafkaError._TRANSPORT, KafkaError._RESOLVE, KafkaError._AUTHENTICATION, KafkaError._SSL,
                        KafkaError._ALL_BROKERS_DOWN, KafkaError._TIMED_OUT, KafkaError._TIMED_OUT_QUEUE})
AUTHORIZATION = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED,
                           KafkaError.CLUSTER_AUTHORIZATION_FAILED})

_HINTS = (
    ("refused", "does the broker run, and does it listen at this address?"),
    ("resolve", "check the host name"),
    ("authentication", "check the user, the password and SASL_MECHANISM"),
    ("plaintext broker", "the broker expects no encryption here: check SECURITY_PROTOCOL and the port"),
    ("certificate", "give the authority that signed the broker's certificate as SSL_CA"),
    ("ssl", "check SECURITY_PROTOCOL, SSL_CA and the port"),
    ("timed out", "is the address right, and does a firewall let this machine through?"),
)
_SILENT = "the broker closes the connection or says nothing: check SECURITY_PROTOCOL, the port, and that this is a Kafka broker"


def readable(text: str) -> str:
    """The library's text without what only its developers need."""
    text = re.sub(r"\s*\(after \d+ms in state \w+.*?\)|\s*\(_?\w+\): .*$", "", text)
    text = re.sub(r"^\w+://", "", text)
    text = re.sub(r"^(\S+?)/(?:bootstrap|\d+): ", r"\1: ", text)
    return re.sub(r"Connect to ipv[46]#\S+ failed: ", "", text)


def names_cause(said: str) -> bool:
    """Whether a complaint tells more than that a connection has ended."""
    return re.match(r"\S+: Disconnected(?!.*connecting to a)", readable(said)) is None


def unreachable(bootstrap: str, said: str | None) -> UnreachableError:
    """`said`: the last event of the connection in the library's words; None: nobody answered at all."""
    if not said:
        return UnreachableError(f"cannot reach Kafka at {bootstrap}: no answer", hint=_SILENT)
    text = readable(said)
    hint = next((hint for word, hint in _HINTS if word in text.lower()), _SILENT)
    if "/bootstrap" not in said and re.match(r"\S+/\d+: ", re.sub(r"^\w+://", "", said)):
        hint += "; the cluster itself gave this address (advertised.listeners)"
    detail = text.removeprefix(f"{bootstrap}: ")
    return UnreachableError(f"cannot reach Kafka at {bootstrap}: {detail}", hint=hint)


def translated(error: KafkaError, bootstrap: str, what: str) -> Error:
    """The error of a request that the broker, or the client library on its behalf, refused."""
    if error.code() in CONNECTION:
        return unreachable(bootstrap, error.str())
    if error.code() in AUTHORIZATION:
        return RefusedError(f"cannot {what}: {error.name()}",
                            hint="the connection's user lacks the right: kshell needs Read and Describe on its topics")
    return UnreachableError(f"cannot {what} at {bootstrap}: {error.str() or error.name()}")


@contextmanager
def mapped(bootstrap: str, what: str) -> Iterator[None]:
    """Around calls of the client library."""
    try:
        yield
    except KafkaException as failure:
        raise translated(failure.args[0], bootstrap, what) from failure
