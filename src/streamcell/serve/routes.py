"""What the server does at each address.

The caller chooses among the models that the operator named, and says nothing about where they are or with
which key. How events, completions, refusals and figures are written is the other modules' business.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec
from msgspec.json import Decoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from streamcell import prometheus
from streamcell.core.response import StreamingResponse
from streamcell.errors import UsageError
from streamcell.events import Finished, Started
from streamcell.io.clock import Clock
from streamcell.past_runs import stats
from streamcell.serve import description, event_stream, feed, openai_api, refusals
from streamcell.serve.asked import Asked, read
from streamcell.serve.event_stream import BEAT, HEADERS, frames
from streamcell.serve.held import Held, Readable
from streamcell.serve.line import Line
from streamcell.serve.live import LiveResponse
from streamcell.serve.openai_api import ChatAsked, Completion
from streamcell.serve.streams import Streams

STREAM_HEADER: Final = "x-stream-id"

_JSON = "application/json"
_ASKED = Decoder(Asked)
_CHAT_ASKED = Decoder(ChatAsked)


class Routes:
    """The endpoints over the streams of one server."""

    def __init__(self, streams: Streams, *, longest_message: int, clock: Clock, heartbeat: float) -> None:
        self._streams = streams
        self._longest_message = longest_message
        self._clock = clock
        self._heartbeat = heartbeat

    def table(self) -> list[Route | WebSocketRoute]:
        return [
            Route("/v1/streams", self.start, methods=["POST"]),
            Route("/v1/streams/{identity}", self.resume, methods=["GET"]),
            Route("/v1/streams/{identity}", self.stop, methods=["DELETE"]),
            WebSocketRoute("/v1/ws", self.converse),
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/v1/models", self.models, methods=["GET"]),
            Route("/openapi.json", self.describe, methods=["GET"]),
            Route("/healthz", self.health, methods=["GET"]),
            Route("/metrics", self.metrics, methods=["GET"]),
        ]

    async def start(self, request: Request) -> Response:
        """Ask, and answer with the events; the stream's id is in a header and in the first comment."""
        asked = await read(request, _ASKED)
        try:
            said, options = asked.said(), asked.options()
        except UsageError as error:
            raise refusals.bad_request(error) from None
        held = await self._streams.start(said, asked.model, options, _caller(request))
        return self._events(held, after=-1)

    async def resume(self, request: Request) -> Response:
        """The events behind Last-Event-ID; 204, which tells an EventSource to stay away, if none can come."""
        held = await self._find(request)
        try:
            after = event_stream.position(request.headers.get("last-event-id"))
        except UsageError as error:
            raise refusals.bad_request(error) from None
        if held.is_whole_at(after):
            return Response(status_code=204)
        return self._events(held, after=after)

    async def stop(self, request: Request) -> Response:
        """Stop the run, if it still runs; what came can still be read."""
        held = await self._find(request)
        ended = {"id": held.id, "stop_reason": await held.stop()}
        return Response(msgspec.json.encode(ended), media_type=_JSON)

    async def converse(self, socket: WebSocket) -> None:
        """The same over a WebSocket; `line` tells what is said there."""
        await Line(socket, self._streams, longest=self._longest_message).converse()

    async def complete(self, request: Request) -> Response:
        """OpenAI's Chat Completions; a caller who leaves stops the run, as it would there."""
        asked = await read(request, _CHAT_ASKED)
        try:
            options = asked.options()
        except UsageError as error:
            raise refusals.bad_request(error) from None
        held = await self._streams.start(asked.messages, asked.model, options, _caller(request))
        created = int(self._clock.time())
        completion = Completion(held.id, held.model, created=created, wants_usage=asked.wants_usage)
        if asked.stream:
            await _first_word(held)
            return LiveResponse(self._chunks(held, completion), HEADERS | _names(held))
        response = await _whole(held, request)
        return Response(completion.whole(response), headers=_names(held), media_type=_JSON)

    async def models(self, _request: Request) -> Response:
        listed = openai_api.models(self._streams.models, created=int(self._clock.time()))
        return Response(listed, media_type=_JSON)

    async def describe(self, _request: Request) -> Response:
        return Response(msgspec.json.encode(description.document()), media_type=_JSON)

    async def health(self, _request: Request) -> Response:
        return Response(b'{"status":"ok"}\n', media_type=_JSON)

    async def metrics(self, _request: Request) -> Response:
        text = prometheus.text(stats(), running=self._streams.running())
        return Response(text, headers={"content-type": prometheus.CONTENT_TYPE})

    async def _find(self, request: Request) -> Readable:
        return await self._streams.find(request.path_params["identity"], _caller(request))

    def _events(self, held: Readable, *, after: int) -> Response:
        return LiveResponse(self._frames(held, after), HEADERS | _names(held))

    async def _frames(self, held: Readable, after: int) -> AsyncGenerator[bytes]:
        with self._streams.reading(held):
            yield b": stream %b\n\n" % held.id.encode()
            async with aclosing(held.follow(after=after, beat=self._heartbeat)) as news:
                async for events in news:
                    yield frames(events)

    async def _chunks(self, held: Held, completion: Completion) -> AsyncGenerator[bytes]:
        stream = held.stream
        try:
            yield completion.opening()
            async with aclosing(feed.follow(stream, beat=self._heartbeat)) as news:
                async for events in news:
                    said = completion.frames((event for _, event in events), stream.response)
                    if said or not events:
                        yield said or BEAT
        finally:
            stream.cancel()


async def _first_word(held: Held) -> None:
    """Wait until the provider begins to answer; raises the refusal when it never does.

    Only then is it known with which status this answer begins.
    """
    async with aclosing(feed.follow(held.stream, beat=None)) as news:
        async for events in news:
            if any(isinstance(event, Started | Finished) for _, event in events):
                break
    _check(held.stream.response)


async def _whole(held: Held, request: Request) -> StreamingResponse:
    """The finished answer; raises the refusal when there is none. A caller who leaves stops the run."""
    async with asyncio.TaskGroup() as group:
        leaving = group.create_task(_left(request))
        leaving.add_done_callback(lambda _: held.stream.cancel())
        async with aclosing(feed.follow(held.stream, beat=None)) as news:
            async for _ in news:
                pass
        leaving.cancel()
    _check(held.stream.response)
    return held.stream.response


async def _left(request: Request) -> None:
    """Return when the caller has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _check(response: StreamingResponse) -> None:
    if response.error is not None:
        raise refusals.failed(response.error)
    if response.stop_reason == "cancelled":
        raise refusals.refused(503, "the run was stopped")


def _caller(request: Request) -> str:
    return str(request.state.caller)


def _names(held: Readable) -> dict[str, str]:
    return {STREAM_HEADER: held.id, "location": f"/v1/streams/{held.id}"}
