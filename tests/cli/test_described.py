"""What is generated from the declarations says what they say: --spec, completion, the manual page, functions."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kshell import errors, sqlfile
from kshell.cli import completion, described, flags, main, manpage, spec
from kshell.errors import UsageError
from kshell.lang import declared, forms, functions
from kshell.lang.parser import parse
from kshell.options import OptionSet
from kshell.shell import commands, words
from tests.cli.test_process import loaded

NAMES = [name for action in flags.parser()._actions for name in action.option_strings]


# ---- --spec --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return json.loads(spec.text())  # type: ignore[no-any-return]


def test_the_spec_names_every_flag_statement_command_and_code(document: dict[str, Any]) -> None:
    assert sorted(name for flag in document["flags"] for name in flag["names"]) == sorted(NAMES)
    assert {command["name"] for command in document["commands"]} == set(flags.COMMANDS)
    assert [statement["name"] for statement in document["statements"]] == list(forms.FORMS)
    assert [command["name"] for command in document["dot_commands"]] == [f".{name}" for name in commands.names()]
    known = {kind.code for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.Error)}
    assert {error["code"] for error in document["error_codes"]} == known


def test_the_spec_holds_every_option_that_is_declared(document: dict[str, Any]) -> None:
    held = {(owned["of"], option["name"]) for owned in document["options"] for option in owned["options"]}
    sets = [value for value in vars(declared).values() if isinstance(value, OptionSet)] + [
        *declared.SECRETS.values(), *declared.SERVERS.values()]
    assert held == {(owned.owner, option.name) for owned in sets for option in owned.options}
    built = {(owned["of"], option["name"]): option["built"] for owned in document["options"] for option in owned["options"]}
    assert built["CREATE SOURCE", "TOPIC"]
    assert all(built[owned.owner, option.name] is option.built for owned in sets for option in owned.options)


def test_the_spec_has_a_version_and_the_same_bytes_every_time(document: dict[str, Any], capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["--spec"]) == 0
    printed = capfd.readouterr().out
    assert printed == spec.text()
    assert (document["spec_version"], document["name"]) == (spec.SPEC_VERSION, "kshell")


def test_every_exit_code_of_an_error_has_a_meaning() -> None:
    assert {0} | {code for code, _ in spec.error_codes()} == set(flags.EXIT_CODES)


def test_the_spec_needs_no_client_and_no_terminal_library() -> None:
    assert loaded(["--spec"], ("pyiceberg", "confluent_kafka", "prompt_toolkit", "rich")) == "[]"


# ---- functions -----------------------------------------------------------------------------------------------------


def _function(name: str) -> functions.Function:
    return next(function for function in functions.FUNCTIONS if function.name == name)


def test_the_arguments_of_a_source_are_those_of_its_macro() -> None:
    text = (sqlfile.folder() / "views" / "macro.sql").read_text()
    last = re.findall(r"\((last, [^()]*)\) AS TABLE", text)[0]
    taken = {re.split(r" *:=", argument)[0] for argument in last.split(", ")}
    assert {argument.name for argument in _function(functions.SOURCE).arguments} == taken
    assert set(words.SOURCE_ARGUMENTS) == taken


def test_every_function_of_the_sql_files_is_described() -> None:
    text = (sqlfile.folder() / "system" / "macros.sql").read_text()
    macros = dict(re.findall(r"MACRO memory\.main\.(\w+)\(([^)]*)\)", text))
    described_ones = {f.name: ", ".join(a.name for a in f.arguments) for f in functions.FUNCTIONS if f.kind == "scalar"}
    assert described_ones == macros


def test_a_form_is_a_statement_of_ours() -> None:
    for name, form in forms.FORMS.items():
        assert set(name.split()) <= set(re.findall(r"[A-Za-z_]+", form)), name
    assert type(parse("FLUSH ALL")).__name__ == "Flush"


# ---- completion ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", list(completion.SHELLS))
def test_a_completion_names_every_flag_and_command(shell: str) -> None:
    script = completion.text(shell)
    for name in NAMES:
        spelled = name if shell != "fish" else f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
        assert re.search(rf"(?<![\w-]){re.escape(spelled)}(?![\w-])", script), name
    for command in flags.COMMANDS:
        assert re.search(rf"\b{command}\b", script)


@pytest.mark.parametrize("shell", list(completion.SHELLS))
def test_the_shell_itself_reads_its_completion(shell: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = tmp_path / "script"
    script.write_text(completion.text(shell))
    done = subprocess.run([program, "-n", str(script)], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def _bash(typed: str) -> list[str]:
    """What bash offers at the end of a line."""
    parts = typed.split(" ")
    line = " ".join(f"'{part}'" for part in parts)
    script = f"{completion.text('bash')}\nCOMP_WORDS=({line}); COMP_CWORD={len(parts) - 1}; _kshell; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=60, check=True).stdout.split()


@pytest.mark.parametrize(("typed", "offered"), [
    ("kshell ver", ["verify"]), ("kshell completion ", ["bash", "zsh", "fish"]), ("kshell config sh", ["show"]),
    ("kshell --nul", ["--nullvalue"]), ("kshell --format ar", ["arrow"]), ("kshell run x.sql --on-error c", ["continue"]),
    ("kshell -c ", []), ("kshell --vers", ["--version"]),
])
def test_bash_offers_what_fits(typed: str, offered: list[str]) -> None:
    assert _bash(typed) == offered


def test_bash_offers_files_where_a_file_belongs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "clicks.sql").touch()
    monkeypatch.chdir(tmp_path)
    assert _bash("kshell run cl") == _bash("kshell -f cl") == _bash("kshell --output cl") == ["clicks.sql"]


PROFILES = '[profiles.prod]\nbrokers = "b:9092"\n[profiles.test-2]\n[other]\n'


@pytest.mark.parametrize(("shell", "ask"), [
    ("bash", "COMP_WORDS=(kshell -P ''); COMP_CWORD=2; _kshell; printf '%s\\n' \"${COMPREPLY[@]}\""),
    ("zsh", "_kshell_profiles"), ("fish", "complete -C 'kshell -P ' | string split -f 1 \\t"),
])
def test_a_shell_offers_the_profiles_of_the_configuration(shell: str, ask: str, tmp_path: Path) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    (tmp_path / ".config" / "kshell").mkdir(parents=True)
    (tmp_path / ".config" / "kshell" / "config.toml").write_text(PROFILES)
    before = "compadd() { shift; print -l -- $@ }; compdef() { : }\n" if shell == "zsh" else ""
    done = subprocess.run([program, "-c", f"{before}{completion.text(shell)}\n{ask}"], env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
                          capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.split(), done.stderr) == (["prod", "test-2"], "")
    elsewhere = {"HOME": str(tmp_path / "elsewhere"), "PATH": "/usr/bin:/bin",
                 "KSHELL_CONFIG": str(tmp_path / ".config/kshell/config.toml")}
    done = subprocess.run([program, "-c", f"{before}{completion.text(shell)}\n{ask}"], env=elsewhere, capture_output=True, text=True,
                          timeout=60, check=False)
    assert done.stdout.split() == ["prod", "test-2"]


def test_completion_is_printed_without_duckdb(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "fish"]) == 0
    assert capfd.readouterr().out == completion.text("fish")
    assert loaded(["completion", "zsh"], ("duckdb", "pyarrow")) == "[]"


def test_a_shell_that_is_not_known_is_a_usage_error(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError):
        completion.text("bsh")
    assert main(["completion", "bsh"]) == 2
    assert capfd.readouterr().err == "error: there is no completion for bsh\nhint: did you mean bash?\n"
    assert main(["completion"]) == 2


def test_the_modes_that_are_offered_are_the_output_modes() -> None:
    from kshell import output

    offered = next(flag.words for flag in described.all_flags() if "--format" in flag.names)
    assert list(offered) == output.names()


# ---- the manual page -----------------------------------------------------------------------------------------------


def test_the_manual_page_names_every_flag_command_and_exit_code() -> None:
    page = manpage.text().replace("\\-", "-")
    for name in NAMES:
        assert f"\\fB{name}\\fR" in page
    for command, meaning in flags.COMMANDS.items():
        assert f".B kshell {command}\n{meaning}" in page
    for code, meaning in flags.EXIT_CODES.items():
        assert f".B {code}\n{meaning}" in page


def test_the_manual_page_is_sound_troff(tmp_path: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("groff is not installed")
    page = tmp_path / "kshell.1"
    page.write_text(manpage.text())
    done = subprocess.run([groff, "-man", "-ww", "-Tutf8", str(page)], capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""
    assert "User Commands" in done.stdout


def test_no_word_of_a_help_line_is_a_request_of_troff() -> None:
    assert manpage._plain(".csv\\-x") == "\\&.csv\\e\\-x"
    assert not [line for line in manpage.text().split("\n") if line.startswith(".") and not re.match(r"\.(TH|SH|SS|TP|B|br)\b", line)]
