"""The stage: topics that have a past, and go on growing until the stage ends."""

from __future__ import annotations

import threading

import pytest
from confluent_kafka import Consumer, TopicPartition

from kshell.demo.events import CLICKS
from kshell.demo.stage import PARTITIONS, PAST_EVENTS, stage
from kshell.errors import InternalError
from kshell.kafka.feed import Feed
from tests.support.waiting import wait_until


def _end(consumer: Consumer, partition: int) -> int:
    return int(consumer.get_watermark_offsets(TopicPartition(CLICKS, partition), timeout=5)[1])


def test_topics_have_a_past_and_go_on_growing() -> None:
    with stage() as bootstrap:
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "log_level": 0})
        ends = [_end(consumer, partition) for partition in range(PARTITIONS)]
        assert sum(ends) >= PAST_EVENTS[CLICKS]
        wait_until(lambda: all(_end(consumer, p) > ends[p] for p in range(PARTITIONS)))
        consumer.close()


def test_leaving_the_stage_ends_its_thread_also_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), stage():
        raise ZeroDivisionError
    assert [thread.name for thread in threading.enumerate() if thread.name == "kshell-demo-feeder"] == []


def test_a_feed_writes_to_no_other_broker() -> None:
    with pytest.raises(InternalError, match="embedded broker"):
        Feed("broker.prod:9092")
