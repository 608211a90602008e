"""A Kafka broker inside this process: the mock cluster that librdkafka carries, driven through ctypes.

It speaks the real protocol on 127.0.0.1, so clients of other processes can join; records live in memory and end with it. It has
no topic ids, no look-up by time, no TLS or SASL and cannot add partitions.

Invariant: only librdkafka's public C interface is called, and the library is the one confluent_kafka already loaded."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from functools import cache
from typing import Any

import confluent_kafka.cimpl

from kshell.errors import InternalError, RefusedError

CLUSTER_ID_PREFIX = "mockCluster"              # librdkafka's choice: no real cluster's id looks like this
_PRODUCER = 0                                 # rd_kafka_type_t
_FETCH = 1                                    # API key of a Fetch request
_ERROR_TEXT_BYTES = 512


class EmbeddedBroker:
    """One broker with id 1 by default. `bootstrap` is what clients connect to. Close it: it owns threads and sockets."""

    def __init__(self, brokers: int = 1) -> None:
        self._library = _library()
        text = ctypes.create_string_buffer(_ERROR_TEXT_BYTES)
        conf = self._library.rd_kafka_conf_new()
        self._library.rd_kafka_conf_set(conf, b"log_level", b"0", text, len(text))
        self._handle: int | None = self._library.rd_kafka_new(_PRODUCER, conf, text, len(text))
        if not self._handle:
            raise InternalError(f"the embedded broker did not start: {text.value.decode()}")
        self._brokers = brokers
        self._cluster = self._library.rd_kafka_mock_cluster_new(self._handle, brokers)
        if not self._cluster:
            self.close()
            raise RefusedError("the embedded broker found no port to listen on")

    @property
    def bootstrap(self) -> str:
        return str(self._library.rd_kafka_mock_cluster_bootstraps(self._open()).decode())

    def create_topic(self, name: str, partitions: int = 1) -> None:
        self._must("create topic", self._library.rd_kafka_mock_topic_create(self._open(), name.encode(), partitions, 1))

    def delete_topic(self, name: str) -> None:
        self._must("delete topic", self._library.rd_kafka_mock_topic_delete(self._open(), name.encode()))

    def set_down(self) -> None:
        """Every broker drops its connections and refuses further ones; the records stay."""
        for broker in range(1, self._brokers + 1):
            self._must("set down", self._library.rd_kafka_mock_broker_set_down(self._open(), broker))

    def set_up(self) -> None:
        for broker in range(1, self._brokers + 1):
            self._must("set up", self._library.rd_kafka_mock_broker_set_up(self._open(), broker))

    def set_delay(self, milliseconds: int) -> None:
        """Every answer takes this long."""
        for broker in range(1, self._brokers + 1):
            self._must("set delay", self._library.rd_kafka_mock_broker_set_rtt(self._open(), broker, milliseconds))

    def push_errors(self, codes: Sequence[int], *, api_key: int = _FETCH) -> None:
        """The next requests of this kind, one for each code, are answered with that error of the protocol."""
        array = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._open(), api_key, len(codes), array)

    def delete_records(self, topic: str, partition: int, before: int) -> None:
        """Records below the offset are gone, as retention would do it."""
        self._must("delete records", self._library.rd_kafka_mock_partition_delete_records(self._open(), topic.encode(), partition, before))

    def close(self) -> None:
        """Ends the broker and its threads. A second call does nothing."""
        if self._handle is None:
            return
        if self._cluster:
            self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._handle)
        self._handle = self._cluster = None

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> Any:
        if self._cluster is None:             # a NULL handle would end the process
            raise InternalError("the embedded broker is closed")
        return self._cluster

    def _must(self, what: str, code: int) -> None:
        if code != 0:
            raise RefusedError(f"the embedded broker cannot {what}: {self._library.rd_kafka_err2str(code).decode()}")


@cache
def _library() -> Any:
    """The symbols of the loaded extension: a look-up in its handle also finds those of the librdkafka it is linked with."""
    library = ctypes.CDLL(confluent_kafka.cimpl.__file__)
    pointer, text, number, error, size = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int, ctypes.c_size_t
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "rd_kafka_conf_new": (pointer, []),
        "rd_kafka_conf_set": (number, [pointer, text, text, text, size]),
        "rd_kafka_new": (pointer, [number, pointer, text, size]),
        "rd_kafka_destroy": (None, [pointer]),
        "rd_kafka_err2str": (text, [error]),
        "rd_kafka_mock_cluster_new": (pointer, [pointer, number]),
        "rd_kafka_mock_cluster_destroy": (None, [pointer]),
        "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
        "rd_kafka_mock_topic_create": (error, [pointer, text, number, number]),
        "rd_kafka_mock_topic_delete": (error, [pointer, text]),
        "rd_kafka_mock_broker_set_down": (error, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_up": (error, [pointer, ctypes.c_int32]),
        "rd_kafka_mock_broker_set_rtt": (error, [pointer, ctypes.c_int32, number]),
        "rd_kafka_mock_push_request_errors_array": (None, [pointer, ctypes.c_int16, size, ctypes.POINTER(number)]),
        "rd_kafka_mock_partition_delete_records": (error, [pointer, text, ctypes.c_int32, ctypes.c_int64]),
    }
    for name, (result, arguments) in signatures.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise RefusedError(f"this build of confluent-kafka has no {name}",
                               hint="pip install --force-reinstall confluent-kafka") from None
        function.restype, function.argtypes = result, arguments
    return library
