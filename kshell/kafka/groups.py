"""Consumer groups as others left them: state, members, committed offsets. Asked of the coordinators; nothing joins, nothing is changed.

Invariant: a group that this user may not look into, or that a broker does not describe, is still listed, with what is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions

from kshell.kafka.calls import Calls, Refusal
from kshell.kafka.columns import TP
from kshell.kafka.faults import translated

AT_ONCE = 100                                 # groups asked about at a time: each is a request of its own


@dataclass(frozen=True, slots=True)
class GroupInfo:
    name: str
    state: str
    members: int | None = None                # None: not asked, or not allowed
    offsets: Mapping[TP, int] = field(default_factory=dict)     # the next offset that the group would read


class Groups:
    def __init__(self, calls: Calls, bootstrap: str, timeout_s: float) -> None:
        self._calls, self._bootstrap, self._timeout_s = calls, bootstrap, timeout_s

    def listed(self) -> list[GroupInfo]:
        what = "list consumer groups"
        try:
            answer = self._calls.wait(self._calls.client().list_consumer_groups(request_timeout=self._timeout_s), what)
        except Refusal as refused:
            raise translated(refused.error, self._bootstrap, what) from None
        for error in answer.errors:           # one for each broker that did not answer
            raise translated(error, self._bootstrap, what)
        return sorted((GroupInfo(group.group_id, _word(group.state)) for group in answer.valid), key=lambda group: group.name)

    def described(self, groups: Sequence[GroupInfo]) -> list[GroupInfo]:
        """With members and offsets."""
        found: list[GroupInfo] = []
        for first in range(0, len(groups), AT_ONCE):
            some = groups[first:first + AT_ONCE]
            found += self._some(some)
        return found

    def _some(self, groups: Sequence[GroupInfo]) -> list[GroupInfo]:
        client, names = self._calls.client(), [group.name for group in groups]
        members = client.describe_consumer_groups(names, request_timeout=self._timeout_s)
        offsets = {name: client.list_consumer_group_offsets([ConsumerGroupTopicPartitions(name)], request_timeout=self._timeout_s)[name]
                   for name in names}
        return [self._described(group, members[group.name], offsets[group.name]) for group in groups]

    def _described(self, group: GroupInfo, members: Any, offsets: Any) -> GroupInfo:
        described = self._answer(members, group.name)
        kept = self._answer(offsets, group.name)
        at = {(p.topic, p.partition): p.offset for p in kept.topic_partitions if p.error is None and p.offset >= 0} if kept else {}
        if described is None:
            return GroupInfo(group.name, group.state, None, at)
        return GroupInfo(group.name, _word(described.state), len(described.members), at)

    def _answer(self, future: Any, name: str) -> Any:
        try:
            return self._calls.wait(future, f"describe group {name!r}")
        except Refusal:
            return None


def _word(state: Any) -> str:
    return str(state.name).lower().replace("_", " ")
