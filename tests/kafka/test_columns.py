"""Records as Arrow: nothing is decoded, nothing is lost, nothing overflows later."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from confluent_kafka import Message, cimpl

from kshell.kafka.cluster import Cluster
from kshell.kafka.columns import Columns, leader_epochs, positions_after, to_arrow
from kshell.kafka.embedded import EmbeddedBroker
from tests.parts.kafka import Broker
from tests.support import Recorder
from tests.support.reading import read_to

SCHEMA = pa.schema([("_kafka_partition", pa.int32()), ("_kafka_offset", pa.int64()), ("_kafka_timestamp", pa.timestamp("us", "UTC")),
                    ("_kafka_key", pa.binary()), ("value", pa.binary()), ("_kafka_topic", pa.string()),
                    ("_kafka_headers", pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())])))])


@pytest.fixture
def embedded() -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker() as broker:
        broker.create_topic("t", 2)
        yield broker


def _read(bootstrap: str, topic: str, count: int) -> Any:
    reader = Cluster("k", bootstrap).reader()
    reader.assign({(topic, 0): 0})
    poll = read_to(reader, {(topic, 0): count})
    reader.close()
    return poll


def test_columns_have_one_type_whatever_the_records_hold(embedded: EmbeddedBroker) -> None:
    Recorder(embedded.bootstrap).produce("t", [None])
    poll = _read(embedded.bootstrap, "t", 1)
    assert poll.to_arrow(topic=True, headers=True).schema == SCHEMA
    assert to_arrow([], topic=True, headers=True).schema == SCHEMA
    assert to_arrow(poll.messages).schema.names == SCHEMA.names[:5]


@pytest.mark.fault("F41")
def test_keys_values_and_headers_arrive_byte_for_byte(embedded: EmbeddedBroker) -> None:
    recorder = Recorder(embedded.bootstrap)
    headers = [("a", b"1"), ("b", None), ("a", b"\xff\x00"), ("", b"")]
    recorder.produce("t", [b"\x00\xff"], key=b"\xfe", headers=headers)
    recorder.produce("t", [None], key=b"")
    recorder.produce("t", [b""], headers=[])
    batch = _read(embedded.bootstrap, "t", 3).to_arrow(headers=True)
    assert batch["value"].to_pylist() == [b"\x00\xff", None, b""]
    assert batch["_kafka_key"].to_pylist() == [b"\xfe", b"", None]
    assert batch["_kafka_headers"].to_pylist() == [[{"key": name, "value": value} for name, value in headers], [], []]


@pytest.mark.fault("F41")
def test_a_header_whose_name_is_no_text_costs_no_record(embedded: EmbeddedBroker) -> None:
    Recorder(embedded.bootstrap).produce("t", ["before"], headers=[("fine", b"1")])
    _produce_with_header(embedded.bootstrap, "t", b"bad\xff\xfe")
    Recorder(embedded.bootstrap).produce("t", ["after"], headers=[("fine", b"2")])
    poll = _read(embedded.bootstrap, "t", 3)
    batch = poll.to_arrow(headers=True)
    assert batch["value"].to_pylist() == [b"before", b"hostile", b"after"]
    assert batch["_kafka_headers"].to_pylist() == [[{"key": "fine", "value": b"1"}], [], [{"key": "fine", "value": b"2"}]]
    assert poll.to_arrow(headers=True)["value"].to_pylist() == [b"before", b"hostile", b"after"], "and can be asked again"


@pytest.mark.fault("F28")
def test_times_that_no_calendar_holds_are_null(kafka: Broker, kafka_topic: Callable[..., str], producer: Recorder) -> None:
    topic = kafka_topic(message_timestamp_before_max_ms=2**63 - 1, message_timestamp_after_max_ms=2**63 - 1)
    times = [1_700_000_000_123, 253_402_300_799_999, 253_402_300_800_000, 2**62]
    for time in times:
        producer.send(topic, "x", timestamp_ms=time)
    producer.flush()
    column = _read(kafka.bootstrap, topic, len(times)).to_arrow()["_kafka_timestamp"]
    credible = [datetime(2023, 11, 14, 22, 13, 20, 123000, UTC), datetime(9999, 12, 31, 23, 59, 59, 999000, UTC)]
    assert column.to_pylist() == [*credible, None, None]


def test_a_record_without_a_time_has_none() -> None:
    messages = [Message(topic="t", partition=0, offset=0, timestamp=(0, -1)), Message(topic="t", partition=0, offset=1, timestamp=(1, 0)),
                Message(topic="t", partition=0, offset=2, timestamp=(1, -1000))]
    credible = [datetime(1970, 1, 1, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)]
    assert to_arrow(messages)["_kafka_timestamp"].to_pylist() == [None, *credible]


class _Message:
    """What a fetched message offers to positions and epochs."""

    def __init__(self, partition: int, offset: int, epoch: int | None) -> None:
        self.topic, self.partition, self.offset, self.leader_epoch = (lambda: "t"), (lambda: partition), (lambda: offset), (lambda: epoch)


def test_positions_and_epochs_are_those_of_the_last_message() -> None:
    messages = [_Message(0, 4, 1), _Message(1, 9, None), _Message(0, 7, 2)]
    assert positions_after(messages) == {("t", 0): 8, ("t", 1): 10}
    assert leader_epochs(messages) == {("t", 0): 2, ("t", 1): None}


def _produce_with_header(bootstrap: str, topic: str, name: bytes) -> None:
    """A record that the Python client cannot make: its header's name is not UTF-8. Straight through the C interface."""
    library, text = ctypes.CDLL(cimpl.__file__), ctypes.create_string_buffer(512)
    for function in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_topic_new", "rd_kafka_headers_new"):
        getattr(library, function).restype = ctypes.c_void_p
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    for key, value in ((b"bootstrap.servers", bootstrap.encode()), (b"log_level", b"0")):
        assert library.rd_kafka_conf_set(conf, key, value, text, ctypes.c_size_t(512)) == 0
    handle = ctypes.c_void_p(library.rd_kafka_new(0, conf, text, ctypes.c_size_t(512)))
    headers = ctypes.c_void_p(library.rd_kafka_headers_new(ctypes.c_size_t(1)))
    library.rd_kafka_header_add(headers, name, ctypes.c_ssize_t(len(name)), b"v", ctypes.c_ssize_t(1))
    topic_, partition, value_, flags, headers_, end = 1, 3, 4, 7, 10, 0                        # rd_kafka_vtype_t
    payload = b"hostile"
    failed = library.rd_kafka_producev(
        handle, ctypes.c_int(topic_), ctypes.c_char_p(topic.encode()), ctypes.c_int(partition), ctypes.c_int32(0), ctypes.c_int(value_),
        ctypes.c_char_p(payload), ctypes.c_size_t(len(payload)), ctypes.c_int(flags), ctypes.c_int(2), ctypes.c_int(headers_), headers,
        ctypes.c_int(end))
    assert failed == 0
    assert library.rd_kafka_flush(handle, ctypes.c_int(10_000)) == 0
    library.rd_kafka_destroy(handle)


def test_gathered_columns_are_those_of_the_messages(embedded: EmbeddedBroker) -> None:
    recorder = Recorder(embedded.bootstrap)
    recorder.produce("t", map(str, range(2500)), key="k", headers=[("h", b"1")])
    cluster, polled = Cluster("k", embedded.bootstrap), []
    for columns in (None, Columns(topic=True, headers=True)):
        reader = cluster.reader(columns=columns)
        reader.assign({("t", 0): 0})
        batches: list[pa.RecordBatch] = []
        while sum(map(len, batches)) < 2500:
            batches.append(reader.poll(10_000, 1.0).to_arrow(topic=True, headers=True))
        reader.close()
        polled.append(pa.Table.from_batches(batches).combine_chunks())
    assert polled[0].equals(polled[1])
