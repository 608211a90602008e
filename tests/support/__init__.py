"""Helpers that tests of several folders share. No test waits for time: it waits for a fact, with a bound."""

from tests.support.producing import Acknowledged, Recorder
from tests.support.topics import create_topic, delete_topic, topic_id, unique
from tests.support.waiting import wait_until

__all__ = ["Acknowledged", "Recorder", "create_topic", "delete_topic", "topic_id", "unique", "wait_until"]
