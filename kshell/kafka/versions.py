"""Which client library this is, for `kshell doctor` and `.version`."""

from __future__ import annotations

import confluent_kafka


def librdkafka() -> str:
    return str(confluent_kafka.libversion()[0])
