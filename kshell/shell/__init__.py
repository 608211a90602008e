"""The interactive shell: editing, completion, dot commands, the words around a result.

Invariant: the only importer of prompt_toolkit, and only below `repl`; dot commands (`kshell.shell.commands`) and all pure parts
load without it, because scripts use them too."""
