"""CREATE SECRET from the statement to the broker: TLS, SCRAM, scopes, files, and errors that name the setting that would cure them."""

from __future__ import annotations

import os
import stat
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import keyring
import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from kshell.errors import BadValueError, Error, ExistsError, NotFoundError, RefusedError, UnknownOptionError, UnreachableError
from kshell.options import revealed
from kshell.session import Session
from kshell.session.secrets import as_kafka, duckdb_secret
from tests.parts.kafka import Broker
from tests.session.conftest import Notes, rows

USER, PASSWORD = "ann", "correct-horse-1"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "kshell"


@pytest.fixture
def plain(home: Path, tmp_path: Path, notes: Notes) -> Iterator[Session]:
    """A session without a broker."""
    session = Session(notes=notes, data_dir=tmp_path / "data")
    yield session
    session.close()


def _again(session: Session, tmp_path: Path) -> Session:
    session.close()
    return Session(data_dir=tmp_path / "data")


# ---- the statements --------------------------------------------------------------------------------------------------

def test_secrets_are_listed_without_their_values(plain: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "canary-env-1")
    plain.sql("CREATE SECRET a (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD getenv('CANARY'), SCOPE 'kafka://h:1')")
    plain.sql("CREATE SECRET b (TYPE iceberg_catalog, TOKEN 'canary-lit-1', PROPERTIES MAP {'x.secret': 'canary-map-1', 'y': '1'})")
    plain.sql("CREATE SECRET c (TYPE s3, KEY_ID 'k', SECRET 'canary-s3-1')")
    shown = rows(plain, "SHOW SECRETS EXTENDED")
    assert [(r[0], r[1], r[3]) for r in shown] == [("a", "kafka", "memory"), ("b", "iceberg_catalog", "memory"), ("c", "s3", "memory")]
    assert "canary" not in str(shown)
    assert "SASL_PASSWORD getenv('CANARY')" in shown[0][5]
    assert "TOKEN '***'" in shown[1][5]
    assert rows(plain, "SELECT name FROM kshell.secrets ORDER BY ALL") == [("a",), ("b",)]


def test_names_are_taken_once_and_dropped(plain: Session) -> None:
    plain.sql("CREATE SECRET a (TYPE kafka)")
    with pytest.raises(ExistsError, match="secret A exists already"):
        plain.sql("CREATE SECRET A (TYPE kafka)")
    plain.sql("CREATE SECRET IF NOT EXISTS a (TYPE kafka, SASL_USERNAME 'x', SASL_PASSWORD 'y')")
    plain.sql("CREATE OR REPLACE SECRET a (TYPE schema_registry, URL 'https://h')")
    assert rows(plain, "SHOW SECRETS")[0][1] == "schema_registry"
    plain.sql("DROP SECRET a")
    plain.sql("DROP SECRET IF EXISTS a")
    with pytest.raises(Error, match="'a'"):
        plain.sql("DROP SECRET a")


def test_a_secret_of_duckdb_is_dropped_by_the_same_statement(plain: Session) -> None:
    plain.sql("CREATE SECRET c (TYPE s3, KEY_ID 'k', SECRET 'canary-s3-2')")
    plain.sql("DROP SECRET c")
    assert rows(plain, "SHOW SECRETS") == []


@pytest.mark.parametrize(("options", "kind", "said"), [
    ("SASL_PASSWORD FILE '{loose}'", RefusedError, "can be read by others"),
    ("SASL_PASSWORD FILE '/nowhere/x'", BadValueError, "cannot read /nowhere/x"),
    ("SASL_PASSWORD COMMAND 'echo x'", RefusedError, "switched off"),
    ("SASL_PASSWORD getenv('NO_SUCH_VARIABLE_1')", BadValueError, "no variable NO_SUCH_VARIABLE_1"),
    ("SASL_PASSWORD 12345", BadValueError, "SASL_PASSWORD takes getenv"),
    ("SASL_USERNAME 'ann'", BadValueError, "SASL_PASSWORD of secret p is missing"),
    ("SASL_PASSWORD", BadValueError, "SASL_PASSWORD of secret p is missing"),
    ("SSL_CA '/nowhere/ca.pem'", BadValueError, "there is no file /nowhere/ca.pem"),
    ("SASL_USERNAME 'a', SASL_PASSWORD 'b', SECURITY_PROTOCOL PLAINTEXT", RefusedError, "unencrypted"),
    ("OAUTH_CLIENT_ID 'a', OAUTH_CLIENT_SECRET 'b', SECURITY_PROTOCOL SASL_PLAINTEXT", RefusedError, "unencrypted"),
    ("SECURITY_PROTOCOL 'TLS'", BadValueError, "plaintext, ssl"),
    ("PROVIDER env", BadValueError, "the environment has no variable KAFKA_"),
    ("PROVIDER file", BadValueError, "PROVIDER file needs a path"), ("PATH '/x'", BadValueError, "PATH belongs to PROVIDER file"),
    ("PROVIDER file, PATH '/nowhere/x'", BadValueError, "cannot read /nowhere/x"),
    ("PROVIDER vault", BadValueError, "config, env"),
    ("CONFIG MAP {'plugin.library.paths': '/x.so'}", RefusedError, "it loads code"),
])
def test_what_cannot_be_is_told_at_the_statement(plain: Session, tmp_path: Path, options: str, kind: type[Error], said: str) -> None:
    loose = tmp_path / "loose"
    loose.write_text("x")
    loose.chmod(0o644)
    with pytest.raises(kind, match="(?s).*" + said):
        plain.sql(f"CREATE SECRET p (TYPE kafka, {options.replace('{loose}', str(loose))})")


def test_a_value_that_is_left_out_is_asked_for(plain: Session) -> None:
    asked: list[str] = []
    plain.ask = lambda question: asked.append(question) or "canary-asked"  # type: ignore[func-returns-value]
    plain.sql("CREATE SECRET p (TYPE kafka, SASL_USERNAME 'ann')")
    plain.sql("CREATE SECRET q (TYPE iceberg_catalog, TOKEN)")
    assert [q.split(" (")[0] for q in asked] == ["SASL_PASSWORD of secret p", "TOKEN of secret q"]
    assert "canary" not in str(rows(plain, "SHOW SECRETS EXTENDED"))


def test_oauth_settings_reach_the_client(plain: Session) -> None:
    from kshell.options import reveal
    from kshell.session.secrets import as_kafka

    plain.sql("CREATE SECRET p (TYPE kafka, OAUTH_CLIENT_ID 'me', OAUTH_CLIENT_SECRET 'canary-o', OAUTH_TOKEN_ENDPOINT_URL 'https://t')")
    made = as_kafka(plain._secrets.get("p", "kafka"))
    assert (made["security.protocol"], made["sasl.mechanism"], made["sasl.oauthbearer.method"]) == ("SASL_SSL", "OAUTHBEARER", "oidc")
    assert reveal(made["sasl.oauthbearer.client.secret"]) == "canary-o"
    assert "canary" not in str(made)


# ---- PROVIDER --------------------------------------------------------------------------------------------------------

PROPERTIES = """# for librdkafka
bootstrap.servers=b1:9093,b2:9093
security.protocol = SASL_SSL
sasl.mechanisms: SCRAM-SHA-512
sasl.username=ann
sasl.password=canary-file=1

! and one that is no option of its own
socket.keepalive.enable=true
"""


@pytest.fixture
def properties(tmp_path: Path) -> Path:
    path = tmp_path / "client.properties"
    path.write_text(PROPERTIES)
    path.chmod(0o600)
    return path


def test_a_secret_of_a_properties_file_has_its_settings_and_shows_only_the_file(plain: Session, properties: Path) -> None:
    plain.sql(f"CREATE SECRET p (TYPE kafka, PROVIDER file, PATH '{properties}', SASL_USERNAME 'bob')")
    held = plain._secrets.get("p", "kafka")
    made = revealed(as_kafka(held))
    assert (made["security.protocol"], made["sasl.mechanism"], made["sasl.password"]) == ("SASL_SSL", "SCRAM-SHA-512", "canary-file=1")
    assert made["sasl.username"] == "bob", "what the statement says goes first"
    assert made["socket.keepalive.enable"] == "true"
    assert held.values["BOOTSTRAP_SERVERS"] == "b1:9093,b2:9093"
    assert held.definition == f"CREATE SECRET p (TYPE kafka, SASL_USERNAME 'bob', PROVIDER 'file', PATH '{properties}');"
    assert "canary" not in str(rows(plain, "SHOW SECRETS EXTENDED"))


@pytest.mark.parametrize(("line", "mode", "kind", "said"), [
    ("", 0o644, RefusedError, "can be read by others"), ("enable.ssl.certificate.verification=false", 0o600, RefusedError, "INSECURE true"),
    ("sasl.jaas.config=x", 0o600, RefusedError, "setting of the Java client"),
    ("no setting", 0o600, BadValueError, ":10: this is no setting"),
    ("sasl.mechanism=sscram", 0o600, BadValueError, "SASL_MECHANISM"), ("socket.keepalive=true", 0o600, UnknownOptionError, "keepalive"),
    ("plugin.library.paths=/x.so", 0o600, RefusedError, "it loads code"), ("group.id=g", 0o600, RefusedError, "owned by kshell"),
])
def test_what_a_properties_file_may_not_say_is_told_with_the_file(plain: Session, properties: Path, line: str, mode: int,
                                                                  kind: type[Error], said: str) -> None:
    properties.write_text(PROPERTIES + line + "\n")
    properties.chmod(mode)
    with pytest.raises(kind, match="(?s)" + said) as told:
        plain.sql(f"CREATE SECRET p (TYPE kafka, PROVIDER file, PATH '{properties}')")
    assert str(properties) in told.value.message
    assert "canary" not in told.value.message + str(told.value.hint)


def test_a_secret_of_the_environment_takes_the_variables_of_its_options(plain: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SASL_USERNAME", "ann"), ("SASL_PASSWORD", "canary-env-9"), ("SASL_MECHANISM", "SCRAM-SHA-256")):
        monkeypatch.setenv(f"KAFKA_{name}", value)
    plain.sql("CREATE SECRET p (TYPE kafka, PROVIDER env)")
    made = revealed(as_kafka(plain._secrets.get("p", "kafka")))
    assert (made["sasl.username"], made["sasl.password"], made["sasl.mechanism"]) == ("ann", "canary-env-9", "SCRAM-SHA-256")
    assert "canary" not in str(rows(plain, "SHOW SECRETS EXTENDED"))
    monkeypatch.setenv("KAFKA_SECURITY_PROTOCOL", "tls")
    with pytest.raises(BadValueError, match="variable KAFKA_SECURITY_PROTOCOL"):
        plain.sql("CREATE SECRET q (TYPE kafka, PROVIDER env)")


# ---- PERSISTENT ------------------------------------------------------------------------------------------------------

def test_persistent_secrets_outlive_the_session_in_a_file_of_mode_0600(plain: Session, home: Path, tmp_path: Path) -> None:
    plain.sql("CREATE PERSISTENT SECRET p (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD 'quo\"te\\\nü', "
              "CONFIG MAP {'ssl.key.password': 'k'})")
    plain.sql("CREATE SECRET gone (TYPE kafka)")
    file = home / "secrets.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    session = _again(plain, tmp_path)
    assert [(r[0], r[3]) for r in rows(session, "SHOW SECRETS")] == [("p", "file")]
    from kshell.options import reveal
    held = session._secrets.get("p", "kafka").values
    assert reveal(held["SASL_PASSWORD"]) == 'quo"te\\\nü'
    assert reveal(held["CONFIG"]["ssl.key.password"]) == "k"
    session.sql("DROP SECRET p")
    assert not file.exists()
    session.close()


def test_a_secrets_file_open_to_others_is_refused(plain: Session, home: Path, tmp_path: Path) -> None:
    plain.sql("CREATE PERSISTENT SECRET p (TYPE kafka)")
    os.chmod(home / "secrets.toml", 0o640)
    session = _again(plain, tmp_path)
    with pytest.raises(RefusedError, match="can be read by others") as told:
        session.sql("SHOW SECRETS")
    assert told.value.hint == f"chmod 600 {home / 'secrets.toml'}"
    session.close()


class Memory(keyring.backend.KeyringBackend):
    """A keyring of the system that tests may look into."""

    priority = 5

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.locked = False

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        self.held[service, username] = password

    def get_password(self, service: str, username: str) -> str | None:
        if self.locked:
            raise keyring.errors.KeyringLocked("locked")
        return self.held.get((service, username))

    def delete_password(self, service: str, username: str) -> None:
        del self.held[service, username]


@pytest.fixture
def system_keyring() -> Iterator[Memory]:
    before, memory = keyring.get_keyring(), Memory()
    keyring.set_keyring(memory)
    yield memory
    keyring.set_keyring(before)


def test_persistent_secrets_go_into_the_keyring_of_the_system(plain: Session, home: Path, tmp_path: Path, system_keyring: Memory) -> None:
    plain.sql("CREATE PERSISTENT SECRET p (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD 'canary-ring', "
              "CONFIG MAP {'ssl.key.password': 'k-1'})")
    assert "canary-ring" in system_keyring.held["kshell", "p"]
    assert (home / "secrets.toml").read_text().splitlines()[1:] == ["", '["p"]', 'type = "kafka"', 'kept = "keyring"']
    session = _again(plain, tmp_path)
    assert [(r[0], r[3]) for r in rows(session, "SHOW SECRETS")] == [("p", "keyring")]
    made = revealed(as_kafka(session._secrets.get("p", "kafka")))
    assert (made["sasl.password"], made["ssl.key.password"]) == ("canary-ring", "k-1")
    session.sql("DROP SECRET p")
    assert system_keyring.held == {}
    assert not (home / "secrets.toml").exists()
    session.close()


def test_a_keyring_that_does_not_answer_costs_its_secrets_and_nothing_else(plain: Session, home: Path, tmp_path: Path, notes: Notes,
                                                                          system_keyring: Memory) -> None:
    plain.sql("CREATE PERSISTENT SECRET p (TYPE kafka, SASL_USERNAME 'ann', SASL_PASSWORD 'canary-ring')")
    system_keyring.locked = True
    plain.sql("CREATE PERSISTENT SECRET q (TYPE kafka, SASL_USERNAME 'bob', SASL_PASSWORD 'canary-file')")
    assert 'SASL_PASSWORD = "canary-file"' in (home / "secrets.toml").read_text(), "into the file where no keyring takes it"
    plain.close()
    session = Session(notes=notes, data_dir=tmp_path / "data")
    assert [(r[0], r[3]) for r in rows(session, "SHOW SECRETS")] == [("q", "file")]
    assert "warning: secret p is in the keyring of the system, which does not give it: unlock it, or pip install 'kshell[keyring]'" \
        in notes.lines
    session.close()


# ---- object stores ---------------------------------------------------------------------------------------------------

def test_keys_of_an_object_store_become_a_secret_of_duckdb(plain: Session) -> None:
    properties = {"s3.access-key-id": "k'ey", "s3.secret-access-key": "canary-s3", "s3.region": "eu-1", "s3.endpoint": "http://127.0.0.1:9000"}
    text = duckdb_secret("ice", properties, "s3://wh/x")
    assert text is not None
    plain._engine.need("httpfs")
    plain._engine.cursor().execute(text)
    shown = rows(plain, "SHOW SECRETS")
    assert shown[0][:3] == ("kshell_ice", "s3", "s3://wh/x")
    assert "endpoint=127.0.0.1:9000" in shown[0][4]
    assert "use_ssl=false" in shown[0][4]
    assert "canary" not in str(shown)


def test_the_catalog_gets_the_secret_and_shows_its_name(plain: Session, tmp_path: Path) -> None:
    plain.sql("CREATE SECRET s (TYPE iceberg_catalog, S3_ACCESS_KEY_ID 'k', S3_SECRET_ACCESS_KEY 'canary-cat')")
    plain.sql(f"ATTACH 'sqlite:///{tmp_path}/c.db' AS c (TYPE iceberg, CATALOG sql, WAREHOUSE 'file://{tmp_path}/wh', SECRET s)")
    assert plain._connections.catalog("c").lake.catalog.properties["s3.secret-access-key"] == "canary-cat"
    created = rows(plain, "SHOW CREATE CONNECTION c")[0][1]
    assert "SECRET 's'" in created
    assert "canary" not in created + str(rows(plain, "FROM kshell.connections"))
    with pytest.raises(BadValueError, match="TYPE iceberg_catalog, not kafka"):
        plain.sql("ATTACH 'kafka://127.0.0.1:1' AS k (TYPE kafka, SECRET s)")
    with pytest.raises(NotFoundError, match="no secret t") as told:
        plain.sql("ATTACH 'kafka://127.0.0.1:1' AS k (TYPE kafka, SECRET t)")
    assert told.value.hint is not None


class _Unauthorized(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(b'{"error": {"message": "who are you?", "type": "NotAuthorizedException", "code": 401}}')

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def unauthorized() -> Iterator[str]:
    """The address of a catalog that lets nobody in."""
    with HTTPServer(("127.0.0.1", 0), _Unauthorized) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_catalog_that_refuses_names_the_secret(plain: Session, unauthorized: str) -> None:
    plain.sql("CREATE SECRET ice (TYPE iceberg_catalog, TOKEN 'canary-rest-1')")
    with pytest.raises(UnreachableError) as told:
        plain.sql(f"ATTACH '{unauthorized}' AS r (TYPE iceberg, CATALOG rest, SECRET ice)")
    assert told.value.hint == "check CREDENTIAL or TOKEN of secret ice"
    assert "canary" not in told.value.message
    with pytest.raises(UnreachableError) as told:
        plain.sql(f"ATTACH '{unauthorized}' AS r (TYPE iceberg, CATALOG rest)")
    assert "CREATE SECRET s (TYPE iceberg_catalog" in (told.value.hint or "")


# ---- a broker with passwords and certificates ------------------------------------------------------------------------

@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    from tests.conftest import _require_servers

    _require_servers()
    broker = Broker(tmp_path_factory.mktemp("secure-kafka"), secure=True)
    broker.start()
    operator = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
    credential = UserScramCredentialUpsertion(USER, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), PASSWORD.encode())
    operator.alter_user_scram_credentials([credential])[USER].result(20)
    yield broker
    broker.stop()


SCRAM = f"SASL_USERNAME '{USER}', SASL_MECHANISM 'SCRAM-SHA-512', SASL_PASSWORD '{PASSWORD}'"
OPEN = "SECURITY_PROTOCOL 'SASL_PLAINTEXT', ALLOW_PLAINTEXT_CREDENTIALS true"


def _attach(session: Session, address: str, options: str) -> None:
    session.sql(f"CREATE OR REPLACE SECRET p (TYPE kafka, {options})")
    session.sql(f"ATTACH OR REPLACE 'kafka://{address}' AS k (TYPE kafka, SECRET p)")


@pytest.mark.kafka
def test_passwords_and_certificates_are_accepted(secure: Broker, plain: Session) -> None:
    ca = f"SSL_CA '{secure.ca}'"
    for address, options in ((secure.secure_bootstrap, f"{SCRAM}, {OPEN}"), (secure.tls_bootstrap, ca),
                             (secure.secure_tls_bootstrap, f"{SCRAM}, {ca}"),
                             (secure.secure_tls_bootstrap, f"{SCRAM}, SSL_CA '{secure.ca.read_text()}'")):
        _attach(plain, address, options)
        assert rows(plain, "SHOW CONNECTIONS")[0][3] == "attached"
        assert rows(plain, "SHOW TOPICS FROM k") == []


@pytest.mark.kafka
def test_a_connection_that_checks_nothing_says_so(secure: Broker, plain: Session, notes: Notes) -> None:
    _attach(plain, secure.tls_bootstrap, "SECURITY_PROTOCOL 'SSL', INSECURE true")
    assert rows(plain, "SHOW CONNECTIONS")[0][3] == "attached, INSECURE"
    assert "certificates and host names are not checked" in notes


@pytest.mark.kafka
@pytest.mark.parametrize(("listener", "options", "said", "hint"), [
    ("secure_bootstrap", f"{SCRAM.replace(PASSWORD, 'wrong-horse-2')}, {OPEN}", "invalid credentials",
     "SASL_PASSWORD and SASL_MECHANISM of secret p"),
    ("secure_bootstrap", f"{SCRAM.replace('SCRAM-SHA-512', 'PLAIN')}, {OPEN}", "Unsupported SASL mechanism", "SASL_MECHANISM of secret p"),
    ("secure_tls_bootstrap", f"{SCRAM}, SSL_CA '{{other}}'", "certificate verify failed", "SSL_CA of secret p"),
    ("secure_tls_bootstrap", SCRAM, "certificate verify failed", "SSL_CA of secret p"),
    ("bootstrap", f"{SCRAM}, SSL_CA '{{ca}}'", "PLAINTEXT broker", "SECURITY_PROTOCOL of secret p"),
    ("bootstrap", f"{SCRAM}, {OPEN}", "SASL", "SECURITY_PROTOCOL of secret p"),
])
def test_a_refused_connection_names_the_setting_that_would_cure_it(secure: Broker, plain: Session, tmp_path: Path, listener: str,
                                                                   options: str, said: str, hint: str) -> None:
    other = tmp_path / "other.pem"
    if "{other}" in options:
        store = ["-keystore", str(tmp_path / "o.p12"), "-storepass", "for-tests", "-alias", "o"]
        subprocess.run(["keytool", "-genkeypair", *store, "-keyalg", "EC", "-dname", "CN=other"], check=True, capture_output=True)
        subprocess.run(["keytool", "-exportcert", "-rfc", *store, "-file", str(other)], check=True, capture_output=True)
    with pytest.raises(UnreachableError) as told:
        _attach(plain, getattr(secure, listener), options.replace("{other}", str(other)).replace("{ca}", str(secure.ca)))
    assert said in told.value.message
    assert hint in (told.value.hint or "")
    assert "horse" not in told.value.message + str(told.value.hint)


@pytest.mark.kafka
def test_without_a_secret_a_broker_with_passwords_asks_for_one(secure: Broker, plain: Session) -> None:
    with pytest.raises(UnreachableError) as told:
        plain.sql(f"ATTACH 'kafka://{secure.secure_bootstrap}' AS k (TYPE kafka)")
    assert "CREATE SECRET" in (told.value.hint or "")


@pytest.mark.kafka
def test_a_secret_is_taken_by_its_scope_and_only_there(secure: Broker, plain: Session) -> None:
    plain.sql(f"CREATE SECRET wide (TYPE kafka, {SCRAM.replace(PASSWORD, 'wrong')}, {OPEN}, SCOPE 'kafka://127.0.0.1')")
    plain.sql(f"CREATE SECRET exact (TYPE kafka, {SCRAM}, {OPEN}, SCOPE 'kafka://{secure.secure_bootstrap}')")
    plain.sql(f"CREATE SECRET elsewhere (TYPE kafka, {SCRAM}, {OPEN}, SCOPE 'kafka://other:1')")
    plain.sql(f"ATTACH 'kafka://{secure.secure_bootstrap}' AS k (TYPE kafka)")
    assert plain._connections.clusters["k"].secret is plain._secrets.get("exact", "kafka")
    plain.sql("DROP SECRET wide; DROP SECRET exact")
    plain.sql(f"ATTACH 'kafka://{secure.bootstrap}' AS open (TYPE kafka)")
    assert plain._connections.clusters["open"].secret is None


@pytest.mark.kafka
def test_the_brokers_may_stand_in_the_secret(secure: Broker, plain: Session) -> None:
    plain.sql(f"CREATE SECRET p (TYPE kafka, {SCRAM}, {OPEN}, BOOTSTRAP_SERVERS '{secure.secure_bootstrap}')")
    plain.sql("ATTACH 'kafka://' AS k (TYPE kafka, SECRET p)")
    assert rows(plain, "SHOW CONNECTIONS")[0][2] == secure.secure_bootstrap
