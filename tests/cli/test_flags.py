"""What a command line means, and what it cannot mean."""

from __future__ import annotations

import pytest

from kshell.cli import flags
from kshell.errors import UsageError


def test_inputs_keep_their_order() -> None:
    assert flags.parse(["-c", "a", "-f", "b", "-c", "-- c", "-f", "-"]).inputs == (("c", "a"), ("f", "b"), ("c", "-- c"), ("f", "-"))


def test_run_takes_its_script_wherever_it_stands() -> None:
    for argv in (["run", "x.sql", "--no-flush"], ["run", "--no-flush", "x.sql"]):
        parsed = flags.parse(argv)
        assert (parsed.command, parsed.inputs, parsed.flush) == ("run", (("f", "x.sql"),), False)


@pytest.mark.parametrize(("argv", "name", "value"), [
    (["--csv"], "mode", "csv"), (["--format", "box"], "mode", "box"), (["--json", "--json"], "mode", "json"), (["-o", "x"], "output", "x"),
    (["--no-header"], "header", False), (["--nullvalue", "\\N"], "nullvalue", "\\N"), (["--limit", "0"], "limit", 0),
    (["--timeout", "250ms"], "timeout_s", 0.25), (["--timeout", "2h"], "timeout_s", 7200.0),
    (["--var", "a=b=c"], "variables", (("a", "b=c"),)),
    (["--on-error", "continue"], "on_error", "continue"), (["-q"], "quiet", True), (["--stats"], "stats", True),
    (["--no-color"], "color", False),
    (["--brokers", "b:1"], "brokers", "b:1"), (["--init", "i.sql"], "init", "i.sql"), (["--no-init"], "no_init", True),
    (["--read-only"], "read_only", True), (["--log", "info"], "log", "info"),
])
def test_a_flag_sets_what_it_says(argv: list[str], name: str, value: object) -> None:
    assert getattr(flags.parse(argv), name) == value


def test_a_command_line_is_utf8_in_every_locale() -> None:
    as_ascii_locales_see_it = "SELECT 'gr\u00f6\u00dfe'".encode().decode("ascii", "surrogateescape")
    assert flags.parse(["-c", as_ascii_locales_see_it]).inputs == (("c", "SELECT 'gr\u00f6\u00dfe'"),)
    assert flags.parse(["-f", "\udcff.sql"]).inputs == (("f", "\udcff.sql"),), "a file may be called so"


@pytest.mark.parametrize(("variable", "name", "value"), [("KSHELL_BOOTSTRAP_SERVERS", "brokers", "b:2"), ("NO_COLOR", "color", False)])
def test_the_environment_stands_in_for_a_flag(monkeypatch: pytest.MonkeyPatch, variable: str, name: str, value: object) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nowhere")
    monkeypatch.setenv(variable, "b:2")
    assert getattr(flags.effective(flags.parse([])), name) == value


@pytest.mark.parametrize(("argv", "words"), [
    (["--fromat", "csv"], "did you mean --format?"), (["--csv", "--json"], "two output modes"), (["--limit", "-1"], "limit"),
    (["--limit", "x"], "number of rows"), (["--timeout", "60"], "30s"), (["--var", "novalue"], "NAME=VALUE"),
    (["--on-error", "ignore"], "on-error"),
    (["-c"], "argument"), (["script.sql"], "-f script.sql"), (["rn", "x.sql"], "did you mean run?"), (["run"], "run FILE"),
    (["run", "a.sql", "b.sql"], "one script"), (["verify"], "one sink or table"),
    (["config"], "init, show, validate"),
    (["--write", "-c", "SELECT 1"], "kshell doctor --write"),
    (["serve", "a.sql", "b.sql"], "one script at most"), (["--http", "1", "-c", "x"], "kshell serve [FILE] --http"),
    (["serve", "--quack", "1", "--quack", "2"], "given twice"), (["run", "a.sql", "--insecure"], "flag of kshell serve"),
    (["--schema-registry", "http://u:p@x"], "seen by everybody"),
    (["-c", "SELECT '\udcff'"], "not UTF-8"), (["--var", "a=\udcff"], "not UTF-8"),
    (["--log", "loud"], "log"), (["--no-head"], "did you mean --no-header?"),
])
def test_what_cannot_be_meant_is_a_usage_error_that_says_what_to_type(argv: list[str], words: str) -> None:
    with pytest.raises(UsageError) as raised:
        flags.parse(argv)
    assert raised.value.exit == 2
    assert words in f"{raised.value.message} {raised.value.hint}"


def test_help_names_every_flag() -> None:
    text = flags.parse(["--help"]).help
    for action in flags.parser()._actions:
        assert any(option in text for option in action.option_strings)
