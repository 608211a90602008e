"""The configuration: who wins, where a mistake is, and that no secret is shown or read from a file that others may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from kshell import config
from kshell.cli import main
from kshell.errors import NotFoundError, UsageError

FILE = """\
editing_mode = "vi"
buffer_bytes = "1GB"
brokers = "top:1"

[profiles.prod]
brokers = "prod:1"
secret = { type = "kafka", sasl_username = "${KU}", sasl_password = "${KP}" }
catalogs.ice = { catalog = "rest", uri = "https://c", warehouse = "file:///wh", secret = { token = "${KP}" } }
init = "prod.sql"
read_only = true
prompt_color = "red"

[profiles.dev]
buffer_bytes = "2GB"
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in [n for n in os.environ if n.startswith("KSHELL_") and n != "KSHELL_REQUIRE_KAFKA"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("KU", "ann")
    monkeypatch.setenv("KP", "canary-config-1")
    return tmp_path / "kshell"


def _write(home: Path, text: str = FILE, mode: int = 0o600) -> Path:
    home.mkdir(exist_ok=True)
    file = home / "config.toml"
    file.write_text(text)
    file.chmod(mode)
    return file


def _error(home: Path, text: str, profile: str | None = None, mode: int = 0o600) -> UsageError:
    file = _write(home, text, mode)
    with pytest.raises(UsageError) as told:
        config.load(profile=profile)
    assert told.value.exit == 2
    told.value.message = told.value.message.replace(str(file), "FILE")
    return told.value


def test_without_a_file_everything_has_its_default() -> None:
    found = config.load()
    assert (found["editing_mode"], found["brokers"], found["read_only"]) == ("emacs", None, False)
    assert {value.origin for value in found.values.values()} == {"default"}


def test_flag_before_environment_before_profile_before_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = _write(home)
    assert config.load().values["brokers"] == config.Value("top:1", f"{file}:3")
    assert config.load(profile="prod").values["brokers"] == config.Value("prod:1", f"profile prod, {file}:6")
    monkeypatch.setenv("KSHELL_BOOTSTRAP_SERVERS", "env:1")
    assert config.load(profile="prod").values["brokers"] == config.Value("env:1", "environment KSHELL_BOOTSTRAP_SERVERS")
    typed = config.load(profile="prod", flags={"brokers": ("--brokers", "flag:1")})
    assert typed.values["brokers"] == config.Value("flag:1", "flag --brokers")
    assert (typed["editing_mode"], typed["buffer_bytes"]) == ("vi", 1_000_000_000)
    monkeypatch.setenv("KSHELL_PROFILE", "dev")
    assert config.load()["buffer_bytes"] == 2_000_000_000


def test_paths_secrets_and_catalogs_of_a_profile(home: Path) -> None:
    _write(home)
    found = config.load(profile="prod")
    assert found["init"] == str(home / "prod.sql")
    assert found["catalogs"]["ice"]["warehouse"] == "file:///wh"
    assert "canary" not in str(found)
    assert "canary" not in str(config.rows(found))
    assert ("secret.sasl_password", "***", found.values["secret"].origin) in config.rows(found)
    assert ("catalogs.ice.secret.token", "***", found.values["catalogs"].origin) in config.rows(found)


@pytest.mark.parametrize(("text", "profile", "said", "hint"), [
    ("bufer_bytes = 1", None, "FILE:1: there is no key bufer_bytes", "did you mean buffer_bytes?"),
    ("\n[profiles.x]\n\nbroker = 'b'", None, "FILE:4: there is no key broker", "did you mean brokers?"),
    ("[profiles.x]\ncatalogs.i = { catalog = 'rest', url = 'u' }", "x", "FILE:2: there is no key url", "did you mean uri?"),
    ("[profiles.x]\ncatalogs.i = { uri = 'u' }", "x", "FILE:2: a catalog has catalog", None),
    ("[profiles.x]\nsecret = { sasl_pasword = 'u' }", "x", "has no option sasl_pasword", "did you mean SASL_PASSWORD?"),
    ("[profiles.x]\nsecret = { type = 's3' }", "x", "FILE:2: this secret has type", None),
    ("[profiles.prod]", "prdo", "FILE has no profile prdo", "did you mean prod?"),
    ("a = 1\na = 2", None, "FILE: this is no TOML", None),
    ("editing_mode = 'nano'", None, "FILE:1: editing_mode is emacs or vi", None),
    ("buffer_bytes = 5", None, "FILE:1: buffer_bytes is a size", None),
    ("prompt_color = 'pink'", None, "FILE:1: prompt_color is one of red", None),
    ("read_only = 'yes'", None, "FILE:1: read_only is true or false", None),
    ("brokers = '${NO_SUCH_VARIABLE_2}'", None, "FILE:1: the environment has no variable NO_SUCH_VARIABLE_2", "export NO_SUCH"),
    ("brokers = 'file:/nowhere/x'", None, "FILE:1: cannot read /nowhere/x", None),
])
def test_a_mistake_is_told_with_its_line(home: Path, text: str, profile: str | None, said: str, hint: str | None) -> None:
    told = _error(home, text, profile)
    assert said in told.message
    assert hint is None or hint in (told.hint or "")


def test_a_variable_adds_no_line_and_no_key(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVIL", "b:1\"\nallow_commands = true\nx = \"")
    assert "line break" in _error(home, "brokers = \"${EVIL}\"").message
    monkeypatch.setenv("EVIL", "b:1\" allow_commands = true ${KP}")
    _write(home, "brokers = \"${EVIL}\"")
    assert config.load()["brokers"] == "b:1\" allow_commands = true ${KP}"
    assert config.load()["allow_commands"] is False


@pytest.mark.parametrize("text", [
    "[profiles.x]\nsecret = { sasl_password = 'canary-l' }",
    "[profiles.x]\ncatalogs.i = { catalog='rest', uri='u', properties = { 's3.secret-access-key' = 'canary-l' } }",
    "[profiles.x]\ncatalogs.i = { catalog='sql', uri='postgresql://ann:canary-l@h/db' }",
])
def test_a_literal_secret_in_a_file_that_others_may_read_is_an_error(home: Path, text: str) -> None:
    told = _error(home, text, mode=0o644)
    assert "FILE:2" in told.message
    assert "others may read" in told.message
    assert "canary" not in told.message + str(told.hint)
    _write(home, text, 0o600)
    config.load()


def test_a_secret_may_be_the_content_of_a_private_file(home: Path, tmp_path: Path) -> None:
    kept = tmp_path / "password"
    kept.write_text("canary-file-1\n")
    kept.chmod(0o600)
    _write(home, f"secret = {{ sasl_username = 'a', sasl_password = 'file:{kept}' }}", 0o644)
    from kshell.options import reveal
    assert reveal(config.load()["secret"]["SASL_PASSWORD"]) == "canary-file-1"
    kept.chmod(0o644)
    with pytest.raises(UsageError, match="can be read by others"):
        config.load()


# ---- the program -----------------------------------------------------------------------------------------------------

def test_config_init_validate_and_show(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init"]) == 0
    assert stat.S_IMODE((home / "config.toml").stat().st_mode) == 0o600
    assert main(["config", "init"]) == 2
    assert main(["config", "validate"]) == 0
    _write(home)
    assert main(["config", "validate"]) == 0
    capfd.readouterr()
    assert main(["config", "show", "-P", "prod"]) == 0
    shown = capfd.readouterr().out
    assert "canary" not in shown
    assert f"# profile prod, {home / 'config.toml'}:10" in shown
    assert main(["config", "frobnicate"]) == 2


@pytest.mark.parametrize("argv", [["-P", "prdo", "-c", "SELECT 1"], ["--config", "/nowhere.toml", "-c", "SELECT 1"]])
def test_a_wrong_profile_or_file_exits_2(home: Path, argv: list[str]) -> None:
    _write(home)
    assert main(argv) == 2


def test_a_profile_opens_its_catalog_runs_its_init_and_closes_the_gate(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str],
                                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KSHELL_DATA", str(tmp_path / "data"))
    _write(home, f"""
        [profiles.prod]
        catalogs.ice = {{ catalog = "sql", uri = "sqlite:///{tmp_path}/c.db", warehouse = "file://{tmp_path}/wh" }}
        init = "prod.sql"
        read_only = true""")
    (home / "prod.sql").write_text("CREATE TABLE made_by_init AS SELECT 7 AS n;")
    assert main(["-P", "prod", "-c", "FROM made_by_init"]) == 0
    assert capfd.readouterr().out == "n\n7\n"
    assert main(["-P", "prod", "-c", "CREATE TABLE t (a INT)"]) == 1
    assert "read-only" in capfd.readouterr().err
    import kshell
    from kshell.iceberg.catalogs import open_catalog

    with kshell.connect(profile="prod") as session, pytest.raises(NotFoundError, match="this session only reads"):
        session._connections.catalog("ice")
    assert not (tmp_path / "c.db").exists()
    open_catalog("sql", "ice", f"sqlite:///{tmp_path}/c.db", f"file://{tmp_path}/wh").close()
    with kshell.connect(profile="prod") as session:
        assert session.sql("FROM made_by_init").fetchall() == [(7,)]
        assert session.read_only
        assert session._connections.catalog("ice").lake.kind == "sql"
