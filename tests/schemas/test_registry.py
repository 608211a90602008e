"""The client of a registry: what it finds, what it keeps, and which answers are outages and not verdicts."""

from __future__ import annotations

import base64
import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kshell.errors import BadValueError
from kshell.options import Secret
from kshell.schemas import Schema, SchemaTooLarge, SchemaUnavailable, SchemaUnknown
from kshell.schemas import http as http_module
from kshell.schemas.http import access
from kshell.schemas.limits import MOST_CACHED, MOST_PATIENT, MOST_REFERENCES, SCHEMA_BYTES, TRIES, UNKNOWN_S
from kshell.schemas.registry import SchemaRegistry
from tests.support.stub_http import Answer, StubHttp, missing, schema_answer

_AVSC = '{"type":"record","name":"R","fields":[]}'
_GUID = "0b1e6a3e-9f0b-4c1c-8f55-0f6a9d1f2a3b"


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def stub() -> Iterator[StubHttp]:
    with StubHttp() as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(stub: StubHttp, clock: Clock) -> SchemaRegistry:
    return SchemaRegistry(access(stub.url), clock=clock, pause=clock.pause)


# ---- what is found -----------------------------------------------------------------------------------------------------


def test_a_schema_is_found_by_id_guid_and_subject(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.answers = {"/schemas/ids/7": schema_answer(_AVSC), f"/schemas/guids/{_GUID}": schema_answer("{}", "JSON"),
                    "/subjects/a%2Fb-value/versions/latest": schema_answer("x", "PROTOBUF", subject="a/b-value", version=3, id=9,
                                                                            guid=_GUID)}
    assert registry.by_id(7) == Schema("avro", _AVSC, id=7)
    assert registry.by_guid(_GUID) == Schema("json", "{}", guid=_GUID)
    assert registry.latest("a/b-value") == Schema("protobuf", "x", 9, _GUID, "a/b-value", 3)


def test_a_schema_is_asked_for_once_and_the_newest_version_each_time(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.answers = {"/schemas/ids/7": schema_answer(_AVSC), "/subjects/s/versions/latest": schema_answer(_AVSC, id=7)}
    for _ in range(3):
        registry.by_id(7)
        registry.latest("s")
    assert stub.asked.count("/schemas/ids/7") == 1
    assert stub.asked.count("/subjects/s/versions/latest") == 3


def test_the_subject_says_in_which_context_an_id_is_meant(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.answers = {"/schemas/ids/7": schema_answer(_AVSC), "/schemas/ids/7?subject=%3A.eu%3As": schema_answer("{}", "JSON")}
    assert (registry.by_id(7).kind, registry.by_id(7, ":.eu:s").kind) == ("avro", "json")


def test_references_come_along_also_those_of_deleted_versions(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.answers = {
        "/schemas/ids/1": schema_answer("b", "PROTOBUF", references=[{"name": "a.proto", "subject": "a", "version": 2}]),
        "/subjects/a/versions/2?deleted=true": schema_answer("a", "PROTOBUF", subject="a", version=2, id=5, references=[
            {"name": "c.proto", "subject": "c", "version": 1}]),
        "/subjects/c/versions/1?deleted=true": schema_answer("c", "PROTOBUF"),
    }
    (first,) = registry.by_id(1).references
    assert (first.name, first.schema.text, first.schema.references[0].schema.text) == ("a.proto", "a", "c")


def test_more_references_than_the_limit_and_a_circle_of_them_are_too_large(stub: StubHttp, registry: SchemaRegistry) -> None:
    many = [{"name": f"r{n}", "subject": f"r{n}", "version": 1} for n in range(MOST_REFERENCES + 1)]
    stub.answers = {"/schemas/ids/1": schema_answer("x", references=many)}
    stub.answers |= {f"/subjects/r{n}/versions/1": schema_answer("r") for n in range(MOST_REFERENCES + 1)}
    with pytest.raises(SchemaTooLarge, match="more than 50 schemas"):
        registry.by_id(1)
    stub.answers["/schemas/ids/2"] = stub.answers["/subjects/a/versions/1"] = schema_answer(
        "x", references=[{"name": "a", "subject": "a", "version": 1}])
    with pytest.raises(SchemaTooLarge):
        registry.by_id(2)


def test_at_most_a_thousand_schemas_are_kept(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.default = schema_answer(_AVSC)
    for number in range(MOST_CACHED + 1):
        registry.by_id(number)
    assert len(registry._known) == MOST_CACHED
    registry.by_id(0)
    assert stub.asked.count("/schemas/ids/0") == 2


def test_subjects_and_compatibility_are_listed(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.answers = {"/subjects": Answer(["b", "a"]), "/subjects/a/versions": Answer([1, 3]),
                    "/config": Answer({"compatibilityLevel": "FULL"})}
    assert registry.subjects() == ["a", "b"]
    assert registry.versions("a") == [1, 3]
    assert registry.compatibility("a") == "FULL"


# ---- what does not exist -----------------------------------------------------------------------------------------------


@pytest.mark.fault("F40")
def test_only_a_repeated_404_of_the_registry_itself_says_that_a_schema_does_not_exist(stub: StubHttp, registry: SchemaRegistry,
                                                                                      clock: Clock) -> None:
    stub.default = missing(40403)
    with pytest.raises(SchemaUnknown, match="schema 7 does not exist"):
        registry.by_id(7)
    assert stub.asked == ["/schemas/ids/7"] * TRIES
    assert len(clock.pauses) == TRIES - 1


def test_a_schema_that_appears_between_the_tries_is_found(stub: StubHttp, clock: Clock) -> None:
    def appear(seconds: float) -> None:
        stub.answers["/schemas/ids/7"] = schema_answer(_AVSC)

    stub.default = missing(40403)
    assert SchemaRegistry(access(stub.url), clock=clock, pause=appear).by_id(7).text == _AVSC


def test_what_does_not_exist_is_believed_for_a_minute(stub: StubHttp, registry: SchemaRegistry, clock: Clock) -> None:
    stub.default = missing(40403)
    for _ in range(3):
        with pytest.raises(SchemaUnknown):
            registry.by_id(7)
    assert len(stub.asked) == TRIES
    clock.now += UNKNOWN_S + 1
    stub.answers["/schemas/ids/7"] = schema_answer(_AVSC)
    assert registry.by_id(7).text == _AVSC


def test_many_ids_that_nobody_registered_hold_nobody_up(stub: StubHttp, registry: SchemaRegistry, clock: Clock) -> None:
    stub.default = missing(40403)
    for number in range(MOST_PATIENT):
        with pytest.raises(SchemaUnknown):
            registry.by_id(number)
    clock.pauses.clear()
    for _ in range(TRIES - 1):
        with pytest.raises(SchemaUnavailable, match="asked again") as failed:
            registry.by_id(99)
        assert failed.value.cause == "unconfirmed"
        clock.now += 1
    with pytest.raises(SchemaUnknown):
        registry.by_id(99)
    assert clock.pauses == []
    stub.answers["/schemas/ids/100"] = schema_answer(_AVSC)
    assert registry.by_id(100).text == _AVSC


def test_a_registry_without_guids_does_not_know_any(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.default = Answer(b"", 404)
    stub.answers["/schemas/types"] = Answer(["AVRO"])
    with pytest.raises(SchemaUnknown, match="does not look schemas up by GUID"):
        registry.by_guid(_GUID)


def test_a_schema_of_a_kind_without_a_decoder_is_unknown(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.answers["/schemas/ids/7"] = schema_answer("<x/>", "XML")
    with pytest.raises(SchemaUnknown, match="type XML"):
        registry.by_id(7)


# ---- outages -----------------------------------------------------------------------------------------------------------

_OUTAGES: dict[str, tuple[Answer, str, str]] = {
    "401": (Answer({"error_code": 401, "message": "Unauthorized"}, 401), "answers 401: Unauthorized", "credentials"),
    "403": (Answer(b"", 403), "answers 403", "credentials"),
    "500": (Answer({"error_code": 50001, "message": "store down"}, 500), "answers 500: store down", "server"),
    "503 from a proxy": (Answer(b"<html>", 503, "text/html"), "answers 503", "server"),
    "redirect": (Answer(b"", 302, headers={"Location": "http://169.254.169.254/x"}), "redirects \\(302\\) to http://169", "redirect"),
    "page of a proxy": (Answer(b"<html>sign in", 200, "text/html"), "answers text/html", "address"),
    "no JSON": (Answer(b"{", 200), "no JSON", "address"),
    "JSON that is no schema": (Answer({"a": 1}), "no schema", "address"),
    "JSON that is a list": (Answer([1]), "no schema", "address"),
    "404 of another server": (Answer({"status": 404}, 404, "application/json"), "answers 404 to a path", "address"),
    "404 page": (Answer(b"<html>", 404, "text/html"), "answers 404 to a path", "address"),
    "compressed": (Answer(b"x", headers={"Content-Encoding": "gzip"}), "compressed", "server"),
}


@pytest.mark.fault("F40")
@pytest.mark.parametrize("name", _OUTAGES)
def test_an_outage_is_no_verdict_and_says_what_was_answered(stub: StubHttp, registry: SchemaRegistry, name: str) -> None:
    stub.default, said, cause = _OUTAGES[name]
    with pytest.raises(SchemaUnavailable, match=said) as failed:
        registry.by_id(7)
    assert failed.value.cause == cause
    assert stub.url in failed.value.reason


@pytest.mark.fault("F101")
def test_a_redirect_is_not_followed(stub: StubHttp, registry: SchemaRegistry) -> None:
    with StubHttp() as inside:
        inside.default = schema_answer(_AVSC)
        stub.default = Answer(b"", 307, headers={"Location": f"{inside.url}/schemas/ids/7"})
        with pytest.raises(SchemaUnavailable):
            registry.by_id(7)
        assert inside.asked == []


@pytest.mark.fault("F40")
def test_a_registry_that_is_down_refuses_the_connection() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        registry = SchemaRegistry(access(f"http://127.0.0.1:{closed.getsockname()[1]}"))
        with pytest.raises(SchemaUnavailable, match="refuses the connection"):
            registry.by_id(7)


@pytest.mark.fault("F40")
@pytest.mark.parametrize("answer", [Answer(held=True), Answer([1] * 1000, dripping=True)], ids=["no answer", "one byte at a time"])
def test_a_slow_registry_is_given_up(stub: StubHttp, monkeypatch: pytest.MonkeyPatch, answer: Answer) -> None:
    monkeypatch.setattr(http_module, "CONNECT_S", 0.2)
    monkeypatch.setattr(http_module, "ANSWER_S", 0.3)
    stub.default = answer
    with pytest.raises(SchemaUnavailable) as failed:
        SchemaRegistry(access(stub.url)).by_id(7)
    assert failed.value.cause == "time"


@pytest.mark.fault("F40")
def test_an_answer_beyond_the_limit_is_too_large_and_is_not_read_to_its_end(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.default = Answer(size=50 << 20)
    for _ in range(2):
        with pytest.raises(SchemaTooLarge, match=f"larger than {SCHEMA_BYTES:,} bytes"):
            registry.by_id(7)
    assert len(stub.asked) == 1


def test_after_an_outage_nothing_is_asked_for_a_while(stub: StubHttp, registry: SchemaRegistry, clock: Clock) -> None:
    stub.default = Answer(b"", 503)
    for number in range(5):
        with pytest.raises(SchemaUnavailable, match="answers 503"):
            registry.by_id(number)
    assert len(stub.asked) == 1
    clock.now += 20
    stub.default = schema_answer(_AVSC)
    assert registry.by_id(7).text == _AVSC


def test_schemas_that_are_known_are_there_during_an_outage(stub: StubHttp, registry: SchemaRegistry) -> None:
    stub.answers["/schemas/ids/7"] = schema_answer(_AVSC)
    registry.by_id(7)
    stub.answers.clear()
    stub.default = Answer(b"", 503)
    with pytest.raises(SchemaUnavailable):
        registry.by_id(8)
    assert registry.by_id(7).text == _AVSC


# ---- who may ask -------------------------------------------------------------------------------------------------------


def test_credentials_are_sent_as_basic_or_bearer_and_told_to_nobody(stub: StubHttp) -> None:
    stub.default = Answer({"error_code": 401, "message": "wrong s3cret-pass"}, 401)
    asked = (access(stub.url, username="u", password=Secret("s3cret-pass")), access(stub.url, token=Secret("t0ken-value")),
             access(stub.url.replace("//", "//me:in%40url@")))
    for who in asked:
        with pytest.raises(SchemaUnavailable) as failed:
            SchemaRegistry(who).by_id(7)
        assert not any(secret in f"{failed.value} {who}" for secret in ("s3cret-pass", "t0ken-value", "in@url", "in%40url"))
    sent = [headers["Authorization"] for headers in stub.headers]
    assert sent == [f"Basic {base64.b64encode(b'u:s3cret-pass').decode()}", "Bearer t0ken-value",
                    f"Basic {base64.b64encode(b'me:in@url').decode()}"]


@pytest.mark.parametrize("url", ["", "sr:8081", "ftp://h", "file:///etc/passwd", "http://", "http://h:port", "http://h?x=1", "http://h#x"])
def test_what_is_no_address_of_a_registry_is_refused(url: str) -> None:
    with pytest.raises(BadValueError, match="no address") as failed:
        access(url)
    assert "https://host:8081" in (failed.value.hint or "")


def test_two_ways_to_sign_in_exclude_each_other() -> None:
    with pytest.raises(BadValueError, match="not by both"):
        access("http://h", username="u", token=Secret("t"))


@pytest.mark.parametrize(("url", "clear"), [("http://sr.prod:8081", True), ("https://sr.prod", False), ("http://127.0.0.1:1", False),
                                            ("http://localhost:8081", False), ("http://[::1]:8081", False)])
def test_credentials_over_a_network_in_the_clear_are_known(url: str, clear: bool) -> None:
    assert access(url, username="u").in_the_clear is clear
    assert not access(url).in_the_clear


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    folder = tmp_path_factory.mktemp("tls")
    made = folder / "cert.pem", folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-out", made[0], "-keyout", made[1]],
                   check=True, capture_output=True)
    return made


@pytest.mark.parametrize("given", [str, lambda path: path.read_text()], ids=["path", "text"])
def test_a_certificate_is_trusted_by_its_authority_alone(certificate: tuple[Path, Path], given: Callable[[Path], str]) -> None:
    with StubHttp(certificate=certificate) as stub:
        stub.default = schema_answer(_AVSC)
        assert SchemaRegistry(access(stub.url, ca=given(certificate[0]))).by_id(7).text == _AVSC
        with pytest.raises(SchemaUnavailable, match="not trusted") as failed:
            SchemaRegistry(access(stub.url)).by_id(7)
        assert failed.value.cause == "certificate"


def test_an_authority_that_cannot_be_read_is_said(stub: StubHttp, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(SchemaUnavailable, match="SSL_CA") as failed:
        SchemaRegistry(access(stub.url, ca=str(tmp_path / "ca.pem"))).by_id(7)
    assert failed.value.cause == "certificate"


def test_tls_to_a_port_without_it_is_said(stub: StubHttp) -> None:
    with pytest.raises(SchemaUnavailable, match="does not speak TLS"):
        SchemaRegistry(access(stub.url.replace("http:", "https:"))).by_id(7)
