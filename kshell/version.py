"""The version, in the one place that every layer may read. A test compares it with pyproject.toml."""

VERSION = "0.1.0"
