"""A stream of another library's, as a `Stream`: read, shown, measured and cancelled like our own.

It knows no library. `io.foreign_reader` reads whatever can be iterated, `providers.foreign_shapes` tells by
the first items which of our providers speaks like that, and that provider's decoder does the rest.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, Literal
from weakref import WeakKeyDictionary

import msgspec

from streamcell.core.prompt import Prompt, to_messages
from streamcell.core.wire import Payload
from streamcell.errors import BackpressureTimeout, LimitExceeded, StreamcellError, UsageError
from streamcell.events import Event, Finished, Started
from streamcell.handle import Stream
from streamcell.io import foreign_reader
from streamcell.io.foreign_failures import WRONG_LOOP
from streamcell.io.keys import redact_error
from streamcell.io.prices import pricing_for
from streamcell.live_runs import live_runs
from streamcell.messages import Request
from streamcell.past_runs import past_runs
from streamcell.providers import foreign_shapes, foreign_text, registry
from streamcell.providers.contract import Decoder
from streamcell.providers.failures import truncated
from streamcell.run import Deliver, held_text

_pinned: Final[WeakKeyDictionary[Stream, Foreign]] = WeakKeyDictionary()


def wrap(
    source: Any,
    *,
    provider: str | None = None,
    model: str = "",
    prompt: Prompt | None = None,
    chunk_size: int = 1,
    keep: bool = True,
    on_error: Literal["raise", "keep"] = "raise",
) -> Stream:
    """A `Stream` of an answer that another library streams; nothing is read until the stream is.

    `source` is a stream object of the official clients (openai, anthropic, google-genai, ollama), one of
    their ``.stream()`` managers, or any sync or async iterator of Chat Completions chunks (objects or dicts:
    litellm and most others), of LangChain message chunks or of `str`; also the awaitable of one. A `Stream`
    is given back as it is. An async client belongs to the loop that it was first used on: its stream is
    read there (``await``, ``async for``, ``await show(stream)``), or, not awaited yet and from a client that
    is used for nothing else, anywhere.

    `provider` is the name it is shown under, and if it is a provider of ours, the dialect it is read in;
    `model` is what to show when the items do not say. `prompt` becomes the beginning of `response.messages`.

    A stream that ends without its provider's terminal marker is an error (`kind="truncated"`); one of `str`
    ends where it ends. Clocks and retries are the client's own. Cancelling closes the source; a blocking
    iterator that is no client's ends with its next item, as a thread cannot be stopped.
    """
    if isinstance(source, Stream):
        return source
    _check(source)
    foreign = Foreign(source, provider=provider, model=model)
    stream = Stream(
        foreign,
        prompt=() if prompt is None else to_messages(prompt),
        chunk_size=chunk_size,
        keep=keep,
        on_error=on_error,
        pricing=pricing_for(provider or "", model),
    )
    past_runs.follow(stream.ledger)
    live_runs.follow(stream)
    known = {"provider": provider, "model": model}
    stream.response.metadata |= {name: value for name, value in known.items() if value}
    _close_when_never_read(stream, foreign)
    if foreign.pinned:
        _pinned[stream] = foreign
    return stream


def is_read_only_here(stream: Stream) -> bool:
    """Whether `stream` can be read on the running loop alone, so that a synchronous read cannot work."""
    foreign = _pinned.get(stream)
    return foreign is not None and not stream.finished and foreign.made_here()


class Foreign:
    """The source of a wrapped stream (`run.Source`); can be run once."""

    def __init__(self, source: Any, *, provider: str | None, model: str) -> None:
        self.begun = False
        self._source = source
        self._provider = provider
        self._model = model
        self._decoder: Decoder | None = None
        self._home = _running_loop()
        self.pinned = self._home is not None and _holds_connection(source)

    def made_here(self) -> bool:
        """Whether the source was wrapped on the loop that runs now."""
        return self._home is not None and self._home is _running_loop()

    async def __call__(self, deliver: Deliver) -> None:
        if self.pinned and not self.made_here():
            raise UsageError(WRONG_LOOP)
        self.begun = True
        try:
            async with foreign_reader.opened(self._source, made_here=self.made_here()) as batches:
                async for items in batches:
                    await self._say((event for item in items for event in self._events(item)), deliver)
                    if self._decoder is not None and self._decoder.complete:
                        break
        except StreamcellError as error:
            # What fails after the answer is complete has done its work.
            if self._decoder is None or not self._decoder.finished:
                redact_error(error)
                if self._decoder is not None and not isinstance(error, BackpressureTimeout | LimitExceeded):
                    await self._say(held_text(self._decoder), deliver)
                raise
        if self._decoder is None:
            raise truncated(started=False)
        await self._say(self._decoder.close(), deliver)

    def close(self) -> None:
        """Close a source that was never read; does nothing where its loop is gone."""
        if inspect.iscoroutine(self._source):
            self._source.close()
        elif hasattr(self._source, "__iter__") or not hasattr(self._source, "__aiter__"):
            if hasattr(self._source, "close"):
                self._source.close()
        elif self._home is not None and self._home.is_running():
            asyncio.run_coroutine_threadsafe(foreign_reader.close(self._source), self._home)

    def _events(self, item: object) -> Iterable[Event]:
        payload = foreign_shapes.payload_of(item)
        self._decoder = self._decoder or self._recognised(payload)
        return () if self._decoder is None else self._decoder.feed(payload)

    def _recognised(self, payload: Payload) -> Decoder | None:
        """The decoder for a stream with this payload; None while the items do not tell."""
        reader = foreign_shapes.reader_of(payload)
        if reader == foreign_text.NAME:
            return foreign_text.TextDecoder(self._provider or reader, self._model)
        providers = registry.installed()
        name = self._provider if self._provider in providers.names else reader
        if name is None:
            return None
        return providers.provider(name).decoder(Request(provider=name, model=self._model, messages=()))

    async def _say(self, said: Iterable[Event], deliver: Deliver) -> None:
        """Pass on what is said, also what came before an error in it."""
        events: list[Event] = []
        try:
            events.extend(self._named(event) if isinstance(event, Started) else event for event in said)
        finally:
            if events:
                await deliver(events)

    def _named(self, event: Started) -> Started:
        return msgspec.structs.replace(event, provider=self._provider or event.provider)


def _check(source: object) -> None:
    """Raise `UsageError` for what is no stream, saying what it is."""
    if hasattr(source, "model_dump"):
        raise UsageError(
            f"a {type(source).__name__} is a whole answer; ask its client for a stream, with stream=True"
        )
    streams = inspect.isawaitable(source) or foreign_reader.is_iterable(source)
    managed = hasattr(source, "__aenter__") or hasattr(source, "__enter__")
    if isinstance(source, str | bytes | Mapping) or not (streams or managed):
        raise UsageError(
            f"wrap takes the stream of a client, or an iterator of chunks or str, not {type(source).__name__}"
        )


def _holds_connection(source: object) -> bool:
    """Whether `source` is an open asynchronous stream of an HTTP client.

    Its socket waits in the loop it was opened on, and in no other. The official clients' streams carry their
    HTTP answer, and that tells them: a class that merely has `__aiter__` may be read on any loop, and what
    can be iterated synchronously is read so from elsewhere.
    """
    if hasattr(source, "__iter__") or not hasattr(source, "__aiter__"):
        return False
    return hasattr(source, "response") or hasattr(source, "_response")


def _running_loop() -> asyncio.AbstractEventLoop | None:
    with suppress(RuntimeError):  # no loop runs here
        return asyncio.get_running_loop()
    return None


def _close_when_never_read(stream: Stream, foreign: Foreign) -> None:
    """Close the source of a stream that is cancelled before anybody read it."""

    def first(event: Event) -> None:
        end()
        if isinstance(event, Finished) and not foreign.begun:
            foreign.close()

    end = stream.subscribe(first)
