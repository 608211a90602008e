"""The flags: what was typed, as one value. Imports nothing heavy, since --help must answer at once.

Invariant: -c and -f keep their order; a flag that is not known is an error that names the nearest one."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn

from kshell.errors import RefusedError, UsageError, did_you_mean

if TYPE_CHECKING:
    from kshell.config import Config

_MODES = ("csv", "tsv", "json", "ndjson", "table", "markdown", "vertical")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
COMMANDS = {"run": "runs FILE, then keeps its sources and sinks alive until SIGTERM or Ctrl-C",
            "serve": "runs FILE, then serves other clients by pgwire, or as --pgwire, --http, --quack say, until SIGTERM or Ctrl-C",
            "verify": "proves a sink's table against Kafka; -f FILE defines the sink, nothing is started",
            "doctor": "checks the set-up and says how to repair it; --write also tries to write",
            "config": "init writes a commented file, show prints what holds and why, validate checks a file",
            "demo": "embedded broker, generated events, embedded catalog",
            "completion": "prints the script that completes kshell's flags in your shell"}
TAKES = {"run": "FILE [flags]", "serve": "[FILE] [--pgwire ADDRESS] [--http ADDRESS] [--quack ADDRESS]",
         "verify": "SINK [-f FILE]", "doctor": "[--write]", "config": "init|show|validate", "demo": "[--keep DIR]",
         "completion": "bash|zsh|fish"}
STAYS = ("run", "serve")                       # they keep sources and sinks alive until a signal
EXIT_CODES = {0: "fine", 1: "statement", 2: "usage", 3: "not reachable", 4: "time is up", 130: "Ctrl-C"}
_WORDS = {"run": ("one script", "kshell run FILE"),
          "serve": ("one script at most", "kshell serve [FILE] --pgwire 127.0.0.1:5433"),
          "verify": ("one sink or table", "kshell verify SINK -f FILE, or kshell verify catalog.namespace.table"),
          "config": ("one of init, show, validate", "kshell config show"),
          "completion": ("one of bash, zsh, fish", 'eval "$(kshell completion bash)"')}
_WITHOUT = ("serve",)                          # commands that need no word


@dataclass(frozen=True, slots=True)
class Flags:
    command: str = ""                         # "" or one of COMMANDS
    inputs: tuple[tuple[str, str], ...] = ()  # ("c", text) or ("f", path), in the order given
    arguments: tuple[str, ...] = ()           # of demo; the sink of verify; what config is to do
    mode: str | None = None
    output: str | None = None
    header: bool = True
    nullvalue: str | None = None
    limit: int | None = None
    on_error: str = "stop"
    timeout_s: float | None = None
    variables: tuple[tuple[str, str], ...] = ()
    read_only: bool = False
    flush: bool = True
    stats: bool = False
    quiet: bool = False
    color: bool = True
    brokers: str | None = None
    schema_registry: str | None = None
    init: str | None = None
    no_init: bool = False
    help: str = field(default="", repr=False)  # --help: the text to print
    version: bool = False
    spec: bool = False                        # --spec: print what there is, for tools
    log: str = "warning"                      # info: a line for each commit; debug: also the log file, with tracebacks
    profile: str | None = None
    config: str | None = None
    write: bool = False                       # doctor: also try to write
    servers: tuple[tuple[str, str], ...] = () # serve: (kind, address), in the order given
    token_file: str | None = None
    tls_cert: str | None = None
    tls_key: str | None = None
    insecure: bool = False
    settings: Config | None = field(default=None, repr=False)     # what flags, environment and file come to; set by `effective`


def effective(flags: Flags) -> Flags:
    """The flags with what the environment and the configuration say where nothing was typed. UsageError for a wrong configuration."""
    from kshell.config import load

    typed = {"brokers": ("--brokers", flags.brokers), "schema_registry": ("--schema-registry", flags.schema_registry),
             "init": ("--init", flags.init), "read_only": ("--read-only", flags.read_only or None)}
    settings = load(path=flags.config, profile=flags.profile, flags={key: pair for key, pair in typed.items() if pair[1] is not None})
    return replace(flags, settings=settings, brokers=settings["brokers"], init=settings["init"], read_only=settings["read_only"])


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message[:1].lower() + message[1:], hint="kshell --help lists the flags")


class _Input(argparse.Action):
    """-c and -f append to one list."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        namespace.inputs = [*namespace.inputs, ("c" if option in ("-c", "--command") else "f", values)]


class _Server(argparse.Action):
    """--pgwire, --http and --quack append to one list."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None) -> None:
        namespace.servers = [*namespace.servers, ((option or "").removeprefix("--"), values)]


def parser() -> argparse.ArgumentParser:
    commands = "\n".join(f"  kshell {name:<10} {what}" for name, what in COMMANDS.items())
    usage = "\n       ".join(["kshell [flags]", *(f"kshell {name} {TAKES[name]}" for name in COMMANDS)])
    exits = ", ".join(f"{code} {what}" for code, what in EXIT_CODES.items())
    made = _Parser(prog="kshell", add_help=False, allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
                   usage=usage,
                   description="An analytics shell for Kafka: topics as DuckDB sources, Apache Iceberg exactly once, one SELECT over both.",
                   epilog=f"commands:\n{commands}\n\nexit codes: {exits}")
    made.set_defaults(inputs=[], servers=[])
    _add_inputs(made.add_argument_group("what runs"))
    _add_output(made.add_argument_group("output"))
    _add_session(made.add_argument_group("session"))
    _add_serve(made.add_argument_group("kshell serve"))
    return made


def _add_inputs(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-c", "--command", action=_Input, metavar="SQL", help="run and exit; -c and -f may be repeated, in the order given")
    group.add_argument("-f", "--file", action=_Input, metavar="FILE", help="run a script; - is stdin")
    group.add_argument("--on-error", choices=("stop", "continue"), default="stop", help="after an error (default: stop)")
    group.add_argument("--timeout", type=duration, metavar="DURATION", help="budget of the whole run: 500ms, 30s, 5m")
    group.add_argument("--var", action="append", default=[], type=variable, metavar="NAME=VALUE", help="SET VARIABLE before anything else")
    group.add_argument("--init", metavar="FILE", help="run first (the prompt reads ~/.config/kshell/init.sql)")
    group.add_argument("--no-init", action="store_true", help="no init file")


def _add_output(group: argparse._ArgumentGroup) -> None:
    for mode in _MODES:
        group.add_argument(f"--{mode}", dest="modes", action="append_const", const=mode, help=argparse.SUPPRESS)
    group.add_argument("--format", dest="modes", action="append", metavar="MODE",
                       help=f"how rows are written; --{' --'.join(_MODES)} for short; default: table on a terminal, csv into a pipe")
    group.add_argument("-o", "--output", metavar="FILE",
                       help="write rows here; .csv .tsv .json .ndjson .parquet .arrow .md .html choose the mode")
    group.add_argument("--no-header", action="store_true", help="no header line")
    group.add_argument("--nullvalue", metavar="TEXT", help="how NULL is written")
    group.add_argument("--limit", type=count, metavar="N", help="at most N rows of each result; a cut is announced")
    group.add_argument("--stats", action="store_true",
                       help="one JSON line per statement on stderr: seconds, rows; live rows, snapshot and freshness of what it reads")
    group.add_argument("-q", "--quiet", action="store_true", help="no notes")
    group.add_argument("--no-color", action="store_true", help="no styling; NO_COLOR does the same")


def _add_session(group: argparse._ArgumentGroup) -> None:
    group.add_argument("-P", "--profile", metavar="NAME", help="section [profiles.NAME] of the configuration (or KSHELL_PROFILE)")
    group.add_argument("--config", metavar="FILE", help="configuration file (default: ~/.config/kshell/config.toml, or KSHELL_CONFIG)")
    group.add_argument("--brokers", metavar="HOST:PORT[,...]", help="attach this cluster as kafka (or KSHELL_BOOTSTRAP_SERVERS)")
    group.add_argument("--schema-registry", metavar="URL", type=address,
                       help="schemas of clusters that name no registry (or KSHELL_SCHEMA_REGISTRY)")
    group.add_argument("--read-only", action="store_true", help="after the init file: queries, SHOW, DESCRIBE and TAIL only")
    group.add_argument("--write", action="store_true", help="doctor: also create and drop a table in each catalog")
    group.add_argument("--no-flush", action="store_true", help="at the end leave rows that are not committed in Kafka")
    group.add_argument("--log", choices=("warning", "info", "debug"), default="warning",
                       help="info: a line for each commit, and for what a client missed of PostgreSQL's catalog; "
                            "debug: statements and tracebacks into ~/.local/state/kshell/kshell.log")
    group.add_argument("--spec", action="store_true", help="print flags, statements, options, functions, commands and error codes as JSON")
    group.add_argument("--version", action="store_true", help="print the version")
    group.add_argument("-h", "--help", action="store_true", help="print this")


def _add_serve(group: argparse._ArgumentGroup) -> None:
    for kind, port in (("pgwire", 5433), ("http", 8642), ("quack", 9494)):
        group.add_argument(f"--{kind}", action=_Server, metavar="ADDRESS",
                           help=f"serve {kind} there: HOST:PORT, a port or the path of a UNIX socket; 127.0.0.1:{port} is usual")
    group.add_argument("--token-file", metavar="FILE", help="the password or token, in a file of mode 0600; made where there is none")
    group.add_argument("--tls-cert", metavar="FILE", help="PEM file with the certificate; read again on SIGHUP")
    group.add_argument("--tls-key", metavar="FILE", help="PEM file with its key")
    group.add_argument("--insecure", action="store_true", help="serve an address that others reach without TLS or a password of yours")


def parse(argv: Sequence[str]) -> Flags:
    """Flags of a command line; UsageError for what cannot be meant."""
    words = [_text(word) for word in argv]
    command = words.pop(0) if words and words[0] in COMMANDS else ""
    if command == "demo" and not {"-h", "--help"} & set(words):
        return Flags(command="demo", arguments=tuple(words))
    reader = parser()
    known, rest = reader.parse_known_args(_attached(words))
    if known.help:
        return Flags(help=reader.format_help())
    inputs = list(known.inputs)
    arguments: tuple[str, ...] = ()
    if command in _WORDS:
        word, rest = _take_word(rest, command)
        if command in ("run", "serve"):
            inputs += [("f", word)] if word else []
        else:
            arguments = (word,)
    for flag, text in (*(("-c", text) for kind, text in inputs if kind == "c"), *(("--var", value) for _, value in known.var)):
        if re.search("[\ud800-\udfff]", text):
            raise UsageError(f"what follows {flag} is not UTF-8 text", hint="write it into a file of UTF-8 text: -f FILE")
    if known.write and command != "doctor":
        raise UsageError("--write is a flag of kshell doctor", hint="kshell doctor --write")
    _refuse_serve_flags(known, command)
    if rest:
        raise _unknown(rest[0], reader)
    if len(set(known.modes or ())) > 1:
        raise UsageError(f"two output modes: {' and '.join(known.modes)}", hint="give one")
    return Flags(command=command, inputs=tuple(inputs), arguments=arguments, profile=known.profile, config=known.config,
                 write=known.write, mode=(known.modes or [None])[-1], output=known.output, header=not known.no_header,
                 nullvalue=known.nullvalue, limit=known.limit, on_error=known.on_error, timeout_s=known.timeout, variables=tuple(known.var),
                 read_only=known.read_only, flush=not known.no_flush, stats=known.stats, quiet=known.quiet,
                 color=not known.no_color and not os.environ.get("NO_COLOR"),
                 brokers=known.brokers, schema_registry=known.schema_registry, init=known.init, no_init=known.no_init,
                 version=known.version, spec=known.spec, log=known.log, servers=tuple(known.servers), token_file=known.token_file,
                 tls_cert=known.tls_cert, tls_key=known.tls_key, insecure=known.insecure)


def _refuse_serve_flags(known: argparse.Namespace, command: str) -> None:
    """Servers belong to a command that keeps them alive."""
    given = [*(f"--{kind}" for kind, _ in known.servers), *(flag for flag, there in (
        ("--token-file", known.token_file), ("--tls-cert", known.tls_cert), ("--tls-key", known.tls_key),
        ("--insecure", known.insecure)) if there)]
    if given and command != "serve":
        raise UsageError(f"{given[0]} is a flag of kshell serve", hint=f"kshell serve [FILE] {given[0]}")
    kinds = [kind for kind, _ in known.servers]
    if twice := next((kind for kind in kinds if kinds.count(kind) > 1), None):
        raise UsageError(f"--{twice} is given twice", hint="one server of each kind")


def _text(word: str) -> str:
    """UTF-8, whatever the locale says that the bytes of a command line are; bytes that are none stay as they are."""
    try:
        return os.fsencode(word).decode()
    except UnicodeError:
        return word


def _attached(words: Sequence[str]) -> list[str]:
    """`-c` takes what follows, also when that begins with a dash: SQL comments do."""
    attached, rest = [], iter(words)
    for word in rest:
        value = next(rest, None) if word in ("-c", "--command") else None
        attached.append(word if value is None else f"--command={value}")
    return attached


class RefusedUsage(UsageError, RefusedError):
    """A flag or command that this version does not have: exit 2, like every wrong flag."""

    code = "refused"
    exit = 2


def _take_word(rest: list[str], command: str) -> tuple[str, list[str]]:
    """The one word that a command takes ('': it does without), and what is left."""
    what, usage = _WORDS[command]
    words = [word for word in rest if not word.startswith("-") or word == "-"]
    if len(words) > 1 or (not words and command not in _WITHOUT):
        raise UsageError(f"kshell {command} takes {what}", hint=usage)
    return "".join(words), [word for word in rest if word not in words]


def _unknown(word: str, reader: argparse.ArgumentParser) -> UsageError:
    flag = word.partition("=")[0]
    if word in COMMANDS:
        return UsageError(f"the command {word} stands before the flags", hint=f"kshell {word} [flags]")
    if not word.startswith("-"):
        hint = did_you_mean(word, COMMANDS) or f'a script is run by -f {word}, a statement by -c "{word}"'
        return UsageError(f"{word} is no command", hint=hint)
    known = [option for action in reader._actions for option in action.option_strings]
    return UsageError(f"there is no flag {flag}", hint=did_you_mean(flag, known) or "kshell --help lists the flags")


def duration(text: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text.strip().strip("'"))
    if not found:
        raise argparse.ArgumentTypeError(f"write a duration with its unit, such as 30s, not {text}")
    return float(found.group(1)) * _UNITS[found.group(2)]


def address(text: str) -> str:
    if "@" in text:
        raise argparse.ArgumentTypeError("a password on the command line is seen by everybody on this machine; "
                                         "KSHELL_SCHEMA_REGISTRY may hold one, or the name of a secret")
    return text


def count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"write a number of rows, not {text}")
    return int(text)


def variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise argparse.ArgumentTypeError(f"write NAME=VALUE, not {text}")
    return name, value
