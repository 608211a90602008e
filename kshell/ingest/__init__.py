"""Ingestion: one source's way from Kafka into its buffer, on threads of its own.

`kshell-fetch-<source>` polls and builds Arrow, `kshell-decode-<source>` decodes and appends, `kshell-watch-<source>` asks the
cluster for log ends, further partitions and topic ids.

Invariant, per partition: decoded <= fetched, and what is appended joins what is there: a batch that does not begin at or below
`decoded` is dropped, because somebody moved the position meanwhile and the reader comes back to it."""

from __future__ import annotations

from kshell.ingest.values import Gap, IngestSpec, Notice, OnError, OnTrouble, PartitionStatus, State, Status, Trouble, TroubleKind

__all__ = ["Gap", "IngestSpec", "Notice", "OnError", "OnTrouble", "PartitionStatus", "State", "Status", "Trouble", "TroubleKind"]
