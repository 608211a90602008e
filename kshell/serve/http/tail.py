"""GET /tail/<source>: the rows of a source as server-sent events.

1. what is asked  2. a session and the stream  3. an event with the id of where it begins  4. an event a row, and signs of life between

Invariant: a row is asked for only when the one before it has been sent, so a slow client costs no memory; who falls 10,000 rows behind
what arrives is told how many were left out. A client that comes again with the last id has lost nothing and sees nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa
from starlette.requests import Request

from kshell.columns import TOPIC
from kshell.errors import CancelledError, Error
from kshell.output._objects import names, objects
from kshell.serve.host import BusyError
from kshell.serve.http.answers import body_of, failed, known
from kshell.serve.http.asked import once
from kshell.serve.http.following import HIDDEN, PARAMETERS, Following, following
from kshell.serve.http.places import Places
from kshell.serve.http.working import GoneError, Work

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from kshell.serve.host import Host

MOST_TAILS = 32
ALIVE_S = 15.0                                # between two signs of life: proxies end what is silent
_AGAIN_MS = 1000                              # after which a browser connects again
_HEADERS = [(b"content-type", b"text/event-stream; charset=utf-8"), (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


class Tails:
    """All of one server."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        given = once(request.query_params, PARAMETERS, "/tail")
        wanted = following(request.path_params["source"], given, request.headers.get("last-event-id") or None)
        if self._open >= MOST_TAILS:
            raise BusyError(f"{MOST_TAILS} clients are following already", hint="end one of them")
        self._open += 1
        try:
            async with Work(self._host, scope, receive, send) as work:
                try:
                    stream = await work.do(_Stream, work, wanted)
                except Error as error:
                    await failed(error)(scope, receive, work.send)
                    return
                await stream.send(work)
        finally:
            self._open -= 1


class _Stream:
    """Made on a worker: where it begins and what columns it has are settled when it is there."""

    def __init__(self, work: Work, wanted: Following) -> None:
        topics = TOPIC in {column.name for column in work.client.columns(wanted.describes())}
        try:
            result = work.holds(work.client.run(wanted.statement(topics=topics), endless=True))
        except Error as error:
            raise wanted.placed(error, topics=topics) from None
        self._batches: Iterator[pa.RecordBatch] = result.batches()
        self._columns = result.columns[:-len(HIDDEN)]
        self._members, self._wide_as_text = names(self._columns), wanted.wide_as_text
        self._flow = result.flow
        self._places = Places(self._flow.begins if self._flow else {}, topics=topics)
        self._rows = self._told = 0

    async def send(self, work: Work) -> None:
        await work.send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        await self._say(work, f"retry: {_AGAIN_MS}\nid: {self._places.id()}\n\n")
        try:
            while (text := await self._next_said(work)) is not None:
                await self._say(work, text)
            last = "" if work.client.closed else _event("end", f'{{"rows": {self._rows}}}')
        except GoneError:
            raise
        except Exception as raised:  # noqa: BLE001  whatever it was, the client is told that rows are missing
            error = known(raised)             # but not where the server ends: the client may come again
            last = "" if isinstance(error, CancelledError) else _event("failed", body_of(error).rstrip())
        await work.send({"type": "http.response.body", "body": last.encode()})

    async def _next_said(self, work: Work) -> str | None:
        """The next rows, with signs of life until they are there."""
        job: asyncio.Future[str | None] = work.begin(self._next)
        while not await work.finished(job, ALIVE_S):
            await self._say(work, ":\n\n")
        return job.result()

    async def _say(self, work: Work, text: str) -> None:
        await work.send({"type": "http.response.body", "body": text.encode(), "more_body": True})

    def _next(self) -> str | None:
        """Waits for rows, on a worker. None: none will ever follow."""
        batch = next(self._batches, None)
        return None if batch is None else self._skipped() + self._events(batch)

    def _skipped(self) -> str:
        skipped = self._flow.skipped if self._flow else 0
        new, self._told = skipped - self._told, skipped
        return _event("skipped", f'{{"rows": {new}}}') if new else ""

    def _events(self, batch: pa.RecordBatch) -> str:
        shown = batch.select(range(len(self._columns)))
        topics, partitions, offsets = (batch.column(len(self._columns) + i).to_pylist() for i in range(len(HIDDEN)))
        lines = objects(shown, self._columns, self._members, wide_as_text=self._wide_as_text)
        events = []
        for line, topic, partition, offset in zip(lines, topics, partitions, offsets, strict=True):
            self._places.seen(topic, partition, offset)
            events.append(f"id: {self._places.id()}\ndata: {line}\n\n")
        self._rows += len(events)
        return "".join(events)


def _event(name: str, data: str) -> str:
    return f"event: {name}\ndata: {data}\n\n"


__all__ = ["ALIVE_S", "MOST_TAILS", "Tails"]
