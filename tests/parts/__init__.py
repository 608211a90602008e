"""Real servers for tests, from published packages: Apache Kafka (`kafka/`) and Iceberg's REST catalog (`rest/`).

Invariant: a server listens on 127.0.0.1 only and does not outlive the process that started it, however that one ends."""
