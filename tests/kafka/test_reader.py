"""What a reader hands out, compared with what the broker acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import pytest
from confluent_kafka import Producer, TopicPartition

from kshell.errors import NotFoundError
from kshell.kafka.cluster import Cluster
from kshell.kafka.reader import Reader
from tests.parts.kafka import Broker
from tests.support import Recorder, create_topic, delete_topic, topic_id, unique, wait_until
from tests.support.reading import contents, offsets, read_to, read_until
from tests.support.topics import admin

TopicFactory = Callable[..., str]


@pytest.fixture
def cluster(kafka: Broker) -> Iterator[Cluster]:
    cluster = Cluster("k", kafka.bootstrap)
    yield cluster
    cluster.close()


@pytest.fixture
def reader(cluster: Cluster) -> Iterator[Reader]:
    reader = cluster.reader()
    yield reader
    reader.close()


def _log(recorder: Recorder, topic: str) -> list[tuple[str, int, int, bytes | None]]:
    return sorted((r.topic, r.partition, r.offset, r.value) for r in recorder.of(topic))


def test_every_acknowledged_record_is_read_once(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    topic = kafka_topic(partitions=3)
    for partition in range(3):
        producer.produce(topic, (f"{partition}-{i}" for i in range(2000)), partition=partition)
    reader.assign({(topic, partition): 0 for partition in range(3)})
    poll = read_to(reader, {(topic, partition): 2000 for partition in range(3)})
    assert contents(poll) == _log(producer, topic)
    assert poll.bytes == sum(len(r.value or b"") for r in producer.of(topic))


def test_topics_are_kept_apart(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    one, two = kafka_topic(), kafka_topic(partitions=2)
    producer.produce(one, ["a", "b"])
    producer.produce(two, ["c"], partition=1)
    reader.assign({(one, 0): 0})
    reader.add({(two, 1): 0})
    poll = read_to(reader, {(one, 0): 2, (two, 1): 1})
    assert contents(poll) == sorted([(one, 0, 0, b"a"), (one, 0, 1, b"b"), (two, 1, 0, b"c")])
    assert sorted(poll.to_arrow(topic=True)["_kafka_topic"].to_pylist()) == sorted([one, one, two])


def test_reading_begins_where_it_is_told_to(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), map(str, range(10)))
    reader.assign({(topic, 0): 7})
    assert offsets(read_to(reader, {(topic, 0): 10})) == [7, 8, 9]


def test_a_seek_goes_back_and_forward(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), map(str, range(10)))
    reader.assign({(topic, 0): 0})
    read_to(reader, {(topic, 0): 10})
    reader.seek((topic, 0), 3)
    assert offsets(read_to(reader, {(topic, 0): 10})) == list(range(3, 10))
    reader.seek((topic, 0), 0)
    reader.seek((topic, 0), 9)
    assert offsets(read_to(reader, {(topic, 0): 10})) == [9]


def test_reading_goes_on_under_the_leader_epoch_it_ended_with(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), ["a", "b"])
    reader.assign({(topic, 0): 0})
    epochs = read_to(reader, {(topic, 0): 2}).leader_epochs
    assert epochs == {(topic, 0): 0}, "a broker that never lost its leadership"
    reader.assign({(topic, 0): 1}, epochs)
    poll = read_to(reader, {(topic, 0): 2})
    assert (offsets(poll), poll.errors) == ([1], [])


def test_no_poll_exceeds_the_records_asked_for(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), map(str, range(50)))
    reader.assign({(topic, 0): 0})
    sizes: list[int] = []
    while sum(sizes) < 50:
        sizes.append(len(reader.poll(20, 5.0).messages))
    assert max(sizes) <= 20


def test_a_poll_ends_when_enough_bytes_are_fetched(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), ["x" * 1000] * 3000)
    reader.assign({(topic, 0): 0})
    largest = 0
    while (poll := reader.poll(100_000, 5.0, max_bytes=500_000)).positions.get((topic, 0), 0) < 3000:
        largest = max(largest, poll.bytes)
    assert largest <= 500_000 + 1_000_000, "at most one fetch beyond the limit"


@pytest.mark.fault("F19")
def test_an_open_transaction_holds_the_committed_end_back(kafka: Broker, kafka_topic: TopicFactory, producer: Recorder, cluster: Cluster,
                                                          reader: Reader) -> None:
    topic = kafka_topic()
    transactional = _transactional(kafka)
    transactional.begin_transaction()
    transactional.produce(topic, b"open")
    transactional.flush()
    producer.produce(topic, ["after"])
    tp = (topic, 0)
    assert (cluster.log_ends([tp]), cluster.log_ends([tp], committed=False)) == ({tp: 0}, {tp: 2})
    reader.assign({tp: 0})
    poll = read_until(reader, lambda poll: tp in poll.ends)
    assert (poll.messages, poll.ends) == ([], {tp: 0})
    transactional.commit_transaction()
    assert [m.value() for m in read_to(reader, {tp: 3}).messages] == [b"open", b"after"]


@pytest.mark.fault("F19")
def test_aborted_records_are_left_out_and_passed(kafka: Broker, kafka_topic: TopicFactory, cluster: Cluster, reader: Reader) -> None:
    topic = kafka_topic()
    transactional = _transactional(kafka)
    for value, commit in ((b"keep", True), (b"drop", False)):
        transactional.begin_transaction()
        for _ in range(5):
            transactional.produce(topic, value)
        transactional.flush()                  # an abort would drop what is still queued here
        transactional.commit_transaction() if commit else transactional.abort_transaction()
    tp = (topic, 0)
    wait_until(lambda: cluster.log_ends([tp]) == cluster.log_ends([tp], committed=False))
    reader.assign({tp: 0})
    poll = read_until(reader, lambda poll: poll.ends.get(tp) == 12)
    assert [m.value() for m in poll.messages] == [b"keep"] * 5
    assert poll.positions == cluster.log_ends([tp]) == {tp: 12}, "5 records, a marker, 5 aborted, a marker"
    uncommitted = cluster.reader(isolation="read_uncommitted")
    uncommitted.assign({tp: 0})
    assert len(read_to(uncommitted, {tp: 11}).messages) == 10
    uncommitted.close()


def _transactional(kafka: Broker) -> Producer:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": unique("tx"), "log_level": 0})
    producer.init_transactions(20)
    return producer


@pytest.mark.fault("F20")
def test_holes_left_by_compaction_are_accepted(kafka_topic: TopicFactory, producer: Recorder, cluster: Cluster) -> None:
    topic = kafka_topic(cleanup_policy="compact", segment_bytes=1048576, segment_ms=200, max_compaction_lag_ms=200,
                        min_cleanable_dirty_ratio=0.01)
    for i in range(300):
        producer.send(topic, f"{i}" + "x" * 200, key=f"k{i % 10}" if i % 100 else f"once{i}")
    producer.flush()

    def compacted() -> list[int]:
        producer.produce(topic, ["roll"], key="tail")           # only a closed segment is compacted
        reader = cluster.reader()
        reader.assign({(topic, 0): 0})
        found = offsets(read_to(reader, {(topic, 0): 300}))
        reader.close()
        return found if len(found) < 100 else []

    kept = wait_until(compacted, 30, every_s=0.25)
    assert {0, 100, 200} <= set(kept), "keys that occur once are kept"
    assert any(after - before > 1 for before, after in pairwise(kept))


@pytest.mark.fault("F02")
def test_a_position_that_retention_took_is_reported(kafka: Broker, kafka_topic: TopicFactory, producer: Recorder, cluster: Cluster,
                                                    reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), map(str, range(10)))
    client = admin(kafka.bootstrap)
    client.delete_records([TopicPartition(topic, 0, 4)])[TopicPartition(topic, 0)].result(10)
    assert cluster.log_starts([(topic, 0)]) == {(topic, 0): 4}
    reader.assign({(topic, 0): 0})
    poll = read_until(reader, lambda poll: bool(poll.out_of_range))
    assert (poll.out_of_range, poll.messages) == ([(topic, 0)], []), "nothing is skipped on its own"
    reader.seek((topic, 0), 4)
    assert offsets(read_to(reader, {(topic, 0): 10})) == list(range(4, 10))


@pytest.mark.fault("F03")
def test_a_position_beyond_the_end_is_reported(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), ["a"])
    reader.assign({(topic, 0): 500})
    assert read_until(reader, lambda poll: bool(poll.out_of_range)).out_of_range == [(topic, 0)]


@pytest.mark.fault("F04")
def test_a_topic_made_again_has_another_id(kafka: Broker, kafka_topic: TopicFactory, cluster: Cluster) -> None:
    topic, client = kafka_topic(), admin(kafka.bootstrap)
    first = cluster.describe([topic])[topic].id
    delete_topic(client, topic)
    create_topic(client, topic, 2)
    again = cluster.describe([topic])[topic]
    assert first is not None
    assert (again.id, again.partitions) == (topic_id(client, topic), (0, 1))
    assert again.id != first


@pytest.mark.fault("F06")
def test_a_deleted_topic_is_found_by_asking_the_cluster(kafka: Broker, kafka_topic: TopicFactory, producer: Recorder, cluster: Cluster,
                                                        reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), ["a"])
    reader.assign({(topic, 0): 0})
    read_to(reader, {(topic, 0): 1})
    delete_topic(admin(kafka.bootstrap), topic)
    with pytest.raises(NotFoundError, match="has no topic"):
        cluster.describe([topic])
    assert reader.poll(10, 0.5).messages == [], "the client library goes silent"


def test_nothing_comes_while_paused_and_nothing_is_missing_afterwards(kafka_topic: TopicFactory, producer: Recorder,
                                                                     reader: Reader) -> None:
    topic = kafka_topic(partitions=2)
    producer.produce(topic, map(str, range(5000)))
    reader.assign({(topic, 0): 0})
    begun = read_until(reader, lambda poll: len(poll.messages) > 0)
    reader.pause()
    reader.add({(topic, 1): 0})
    producer.produce(topic, ["p1"], partition=1)
    assert [reader.poll(1000, 0.05).messages for _ in range(6)] == [[]] * 6
    reader.resume()
    rest = read_to(reader, {(topic, 0): 5000, (topic, 1): 1})
    assert sorted(contents(begun) + contents(rest)) == _log(producer, topic)
    assert reader.repeated == 0


def test_a_removed_partition_is_silent(kafka_topic: TopicFactory, producer: Recorder, reader: Reader) -> None:
    topic = kafka_topic(partitions=2)
    reader.assign({(topic, 0): 0, (topic, 1): 0})
    reader.remove([(topic, 0)])
    producer.produce(topic, ["unseen"])
    producer.produce(topic, ["seen"], partition=1)
    assert contents(read_to(reader, {(topic, 1): 1})) == [(topic, 1, 0, b"seen")]
    assert reader.positions() == {(topic, 1): 1}


def test_reading_leaves_the_groups_of_the_cluster_as_they_are(kafka_topic: TopicFactory, producer: Recorder, cluster: Cluster,
                                                             reader: Reader) -> None:
    producer.produce(topic := kafka_topic(), map(str, range(100)))
    before = cluster.groups()
    reader.assign({(topic, 0): 0})
    read_until(reader, lambda poll: (topic, 0) in poll.ends)
    reader.close()
    assert cluster.groups() == before
