"""`kshell completion bash|zsh|fish`: the script that completes kshell's flags and commands, for `eval` or a file.

Invariant: every flag and command of the parser is in it, and nothing else; the script never starts kshell while it completes: names of
profiles are read from the configuration file by sed."""

from __future__ import annotations

from collections.abc import Callable

from kshell.cli.described import Command, Flag, all_commands, all_flags
from kshell.errors import UsageError, did_you_mean


def text(shell: str) -> str:
    if shell not in SHELLS:
        raise UsageError(f"there is no completion for {shell}", hint=did_you_mean(shell, SHELLS) or f"one of {', '.join(SHELLS)}")
    return SHELLS[shell](all_flags(), all_commands())


_PROFILES = ("sed -n 's/^[[:space:]]*\\[profiles\\.\\([A-Za-z0-9_-]*\\).*/\\1/p' "
             "\"${KSHELL_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/kshell/config.toml}\" 2>/dev/null | sort -u")


def _quoted(words: str) -> str:
    return "'" + words.replace("'", "'\\''") + "'"


# ---- bash ----------------------------------------------------------------------------------------------------------


def _bash(flags: list[Flag], commands: list[Command]) -> str:
    known = [name for flag in flags for name in flag.names]
    values = [f"    {'|'.join(flag.names)}) {_bash_value(flag)}; return ;;" for flag in flags if flag.value != "nothing"]
    first = [f"    {command.name}) {_bash_command(command)} ;;" for command in commands if _bash_command(command)]
    return "\n".join([
        '# bash completion for kshell: eval "$(kshell completion bash)"', "_kshell() {",
        '  local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}"', "  COMPREPLY=()", '  case "$before" in', *values,
        "  esac", '  if [[ "$word" == -* ]]; then',
        f'    COMPREPLY=($(compgen -W {_quoted(" ".join(known))} -- "$word")); return', "  fi",
        "  if (( COMP_CWORD == 1 )); then",
        f'    COMPREPLY=($(compgen -W {_quoted(" ".join(c.name for c in commands))} -- "$word")); return', "  fi",
        '  case "${COMP_WORDS[1]}" in', *first, "  esac", "}", "complete -o filenames -F _kshell kshell", ""])


def _bash_value(flag: Flag) -> str:
    if flag.value == "words":
        return f'COMPREPLY=($(compgen -W {_quoted(" ".join(flag.words))} -- "$word"))'
    return {"file": _BASH_FILES, "profile": f'COMPREPLY=($(compgen -W "$({_PROFILES})" -- "$word"))'}.get(flag.value, ":")


_BASH_FILES = 'local IFS=$\'\\n\'; COMPREPLY=($(compgen -f -- "$word"))'


def _bash_command(command: Command) -> str:
    if command.value == "words":
        return f'(( COMP_CWORD == 2 )) && COMPREPLY=($(compgen -W {_quoted(" ".join(command.words))} -- "$word"))'
    return _BASH_FILES if command.value == "file" else ""


# ---- zsh -----------------------------------------------------------------------------------------------------------


_ZSH_PROFILES = f"""_kshell_profiles() {{ compadd -- ${{(f)"$({_PROFILES})"}} }}"""


def _zsh(flags: list[Flag], commands: list[Command]) -> str:
    specs = [f"    {_zsh_flag(flag, name)}" for flag in flags for name in flag.names]
    named = [f"    {_quoted(f'{c.name}:{c.meaning}')}" for c in commands]
    rest = [f"        {c.name}) {_zsh_command(c)} ;;" for c in commands if _zsh_command(c)]
    return "\n".join([
        "#compdef kshell", "# zsh completion for kshell: a file named _kshell in $fpath, or source <(kshell completion zsh)",
        _ZSH_PROFILES, "_kshell() {",
        "  local -a flags commands", "  local state line", "  flags=(", *specs, "  )", "  commands=(", *named, "  )",
        "  _arguments -s $flags '1: :->command' '*: :->rest'", "  case $state in",
        "    command) _describe -t commands command commands ;;", "    rest)", "      case $line[1] in", *rest,
        "      esac ;;", "  esac", "}",
        'if [[ "$funcstack[1]" == _kshell ]]; then _kshell "$@"; else compdef _kshell kshell; fi', ""])


def _zsh_flag(flag: Flag, name: str) -> str:
    others = " ".join(other for other in flag.names if other != name)
    before = "*" if flag.repeats else f"({others})" if others else ""
    meaning = flag.meaning.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    takes = flag.takes.replace(":", "\\:")
    after = {"nothing": "", "file": f":{takes}:_files", "text": f":{takes}: ", "words": f":{takes}:({' '.join(flag.words)})",
             "profile": f":{takes}:_kshell_profiles"}[flag.value]
    return _quoted(f"{before}{name}[{meaning}]{after}")


def _zsh_command(command: Command) -> str:
    if command.value == "words":
        return f"compadd -- {' '.join(command.words)}"
    return "_files" if command.value == "file" else ""


# ---- fish ----------------------------------------------------------------------------------------------------------


def _fish(flags: list[Flag], commands: list[Command]) -> str:
    lines = ["# fish completion for kshell: kshell completion fish | source", "complete -c kshell -f"]
    for command in commands:
        lines.append(f"complete -c kshell -n __fish_use_subcommand -a {command.name} -d {_fish_quoted(command.meaning)}")
        lines += _fish_command(command)
    return "\n".join([*lines, *(_fish_flag(flag) for flag in flags), ""])


def _fish_command(command: Command) -> list[str]:
    seen = f"complete -c kshell -n '__fish_seen_subcommand_from {command.name}'"
    if command.value == "words":
        return [f"{seen} -a {_fish_quoted(' '.join(command.words))}"]
    if command.value == "file":
        return [f"{seen} -F"]
    return [f"{seen} -l {name[2:]} -r -F" for name in command.own_flags]


def _fish_flag(flag: Flag) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    value = {"nothing": "", "file": " -r -F", "text": " -x", "words": f" -x -a {_fish_quoted(' '.join(flag.words))}",
             "profile": f" -x -a {_fish_quoted(f'({_FISH_PROFILES})')}"}[flag.value]
    return f"complete -c kshell {names}{value} -d {_fish_quoted(flag.meaning)}"


_FISH_PROFILES = _PROFILES.replace('"${KSHELL_CONFIG:-${XDG_CONFIG_HOME:-$HOME/.config}/kshell/config.toml}"',
                                   "(test -n \"$KSHELL_CONFIG\"; and echo $KSHELL_CONFIG; or echo (test -n \"$XDG_CONFIG_HOME\"; "
                                   "and echo $XDG_CONFIG_HOME; or echo ~/.config)/kshell/config.toml)")


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: dict[str, Callable[[list[Flag], list[Command]], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
