"""kshell: an analytics shell for Kafka."""

__version__ = "0.1.0"
