"""A schema that cannot be used, whoever asks.

Invariant: a function of the schema alone. At CREATE it is a refusal, of a record that names it a verdict with the same code."""

from __future__ import annotations


class Unusable(Exception):
    """Never leaves decode/."""

    def __init__(self, code: str, message: str, *, hint: str = "keep the bytes: FORMAT raw") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        self.hint = hint
