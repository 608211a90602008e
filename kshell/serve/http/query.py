"""POST /query: one statement that reads, its rows as they come.

1. what is asked  2. a session, the statement, its first rows  3. status and headers  4. rows, as fast as the client reads

Invariant: the status tells of every error that comes before the first row; one that comes later is the answer's last line, or, where the
form has no place for it, the answer breaks off. A client that goes away ends its statement."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
from starlette.requests import Request

from kshell import output
from kshell.errors import Error
from kshell.output import Settings
from kshell.serve.http import body
from kshell.serve.http.answers import failed, known, last_line
from kshell.serve.http.asked import FORMS, Asked, asked, form_of, once, wide_as_text
from kshell.serve.http.working import GoneError, Work

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from kshell.query.result import Result
    from kshell.serve.host import Host
    from kshell.session.status import Status


class Chunks:
    """What a writer has written and nobody has sent yet."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> None:
        self._parts.append(data)

    def flush(self) -> None:
        """It is sent when it is taken."""

    def take(self) -> bytes:
        parts, self._parts = self._parts, []
        return b"".join(parts)


@dataclass(frozen=True, slots=True)
class Form:
    """How the answer is written."""

    media: str
    wide_as_text: bool

    def begin(self, result: Result) -> tuple[Chunks, output.Writer]:
        chunks = Chunks()
        settings = Settings(wide_as_text=self.wide_as_text, plan=result.plan)
        return chunks, output.find(FORMS[self.media]).writer(chunks, result.columns, settings)

    def failure(self, error: Error, text: str) -> bytes | None:
        """What stands behind rows when no more can come; None: this form has no place for it."""
        if FORMS[self.media] == "arrow":
            return None
        return ("\n" if FORMS[self.media] == "json" else "").encode() + last_line(error, text).encode()


class Query:
    def __init__(self, host: Host) -> None:
        self._host = host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        numbers = once(request.query_params, ("numbers",), "/query").get("numbers")
        form = Form(form_of(request.headers.get("accept")), wide_as_text(numbers))
        question = asked(await body.read(request), request.headers.get("content-type", ""))
        async with Work(self._host, scope, receive, send) as work:
            try:
                answer = await work.do(_Answer, self._host, work, question, form)
            except Error as error:
                await failed(error, question.sql)(scope, receive, work.send)
                return
            await answer.send(work)


class _Answer:
    """Made on a worker: the statement has run when it is there, and its first rows have been written."""

    def __init__(self, host: Host, work: Work, question: Asked, form: Form) -> None:
        self._question, self._form = question, form
        result = work.holds(work.client.run(question.sql, question.params, timeout_s=question.timeout_s, max_rows=question.max_rows))
        about = host.session.about(question.sql)      # only what has passed the gate is looked at
        self._batches: Iterator[pa.RecordBatch] = result.batches()
        self._chunks, self._writer = form.begin(result)
        first = next(self._batches, None)
        self._writer.begin()
        self._more = first is not None
        if first is not None:
            self._writer.batch(first)
        self.headers = {"content-type": form.media, **seen(about)}

    async def send(self, work: Work) -> None:
        start = [(name.encode(), value.encode()) for name, value in self.headers.items()]
        await work.send({"type": "http.response.start", "status": 200, "headers": start})
        try:
            await self._rows(work)
        except GoneError:
            raise
        except Exception as raised:  # noqa: BLE001  whatever it was, the client is told that rows are missing
            ending = self._form.failure(known(raised), self._question.sql)
            if ending is None:
                raise GoneError from None     # an answer that breaks off is seen as one
            await work.send({"type": "http.response.body", "body": self._chunks.take() + ending})

    async def _rows(self, work: Work) -> None:
        while self._more:
            await work.send({"type": "http.response.body", "body": self._chunks.take(), "more_body": True})
            self._more = await work.do(self._next)
        self._writer.end()
        await work.send({"type": "http.response.body", "body": self._chunks.take()})

    def _next(self) -> bool:
        batch = next(self._batches, None)
        if batch is not None:
            self._writer.batch(batch)
        return batch is not None


def seen(status: Status) -> dict[str, str]:
    """What the statement read of sources, as headers; nothing where it read none."""
    if not status.sources:
        return {}
    snapshots = [str(sink.snapshot_id) for sink in status.sinks if sink.snapshot_id is not None]
    age = status.newest_event_age_s
    return {"kshell-live-rows": str(status.live_rows), **({"kshell-snapshot-id": ", ".join(snapshots)} if snapshots else {}),
            **({} if age is None else {"kshell-freshness-seconds": f"{age:.3f}"})}


__all__ = ["Query", "seen"]
