"""Everything that is known of one run while it goes: its logs, its answer, its figures, its sinks.

Written by the run's own task, read from any thread. Time is handed in.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

import msgspec

from streamcell.core.chunker import Chunker
from streamcell.core.fold import Fold
from streamcell.core.log import Log
from streamcell.core.metrics import Meter, Metrics
from streamcell.core.response import StreamingResponse
from streamcell.core.turn_usage import Pricing
from streamcell.events import Event, Finished, Notice, Retrying, Started, TextDelta
from streamcell.messages import Message, StreamChunk

log = logging.getLogger("streamcell")

Sink = Callable[[Event], object]
Watcher = Callable[[StreamingResponse], object]
"""Called once a run with its answer, which grows or is whole; must not block."""


class Ledger:
    """Takes events in order, and keeps log, chunks, response and figures in step.

    With ``keep=False`` nothing is held that was read: `forget` says how far that is.
    """

    def __init__(
        self,
        *,
        prompt: tuple[Message, ...] = (),
        metadata: dict[str, Any] | None = None,
        chunk_size: int = 1,
        keep: bool = True,
        streamed: bool = True,
        pricing: Pricing | None = None,
    ) -> None:
        self.keep = keep
        self.events: Log[Event] = Log()
        self.chunks: Log[StreamChunk] = Log()
        self.response = StreamingResponse(streamed=streamed, keep=keep)
        self.response.prompt_messages = prompt
        self.meter = Meter()
        self._pricing = pricing
        self._fold = Fold(self.response)
        self._chunker = Chunker(chunk_size)
        self._chunker.metadata = dict(metadata or {})
        self._subscriptions: list[_Subscription] = []
        self._when_begun: list[Watcher] = []
        self._when_finished: list[Watcher] = []

    @property
    def closed(self) -> bool:
        return self.events.closed

    @property
    def shown(self) -> bool:
        """Whether any content was received: from then on a failure is an interruption."""
        return self.meter.time_to_first_token is not None

    def metrics(self) -> Metrics:
        """The figures so far; after the end those of the whole run."""
        return self.response.metrics if self.closed else self.meter.metrics(self.meter.last)

    def begin(self, now: float, timestamp: float) -> None:
        """The request goes out at monotonic `now`, wall-clock `timestamp`."""
        self.meter = self.response.meter = Meter(now, pricing=self._pricing)
        self.response.start_time = timestamp
        self._call(self._when_begun)

    def append(self, events: list[Event], now: float, timestamp: float) -> None:
        self.meter.add(events, now)
        chunks: list[StreamChunk] = []
        for event in events:
            if type(event) is TextDelta:
                chunk = self._chunker.add(event.text, timestamp)
            else:
                chunk = self._note(event, now, timestamp)
            if chunk is not None:
                self.response.count_chunk(chunk)
                chunks.append(chunk)
                if "fallback" in chunk.metadata:
                    self._chunker.metadata.pop("fallback", None)
            # Behind its chunk: text left over before a fallback must not count for the new answer.
            self._fold.add(event)
        self.events.extend(events)
        if chunks:
            self._note_chunks(chunks)
            self.chunks.extend(chunks)
        for subscription in tuple(self._subscriptions):
            self._tell(subscription)
        if isinstance(events[-1], Finished):
            metrics = self.response.metrics
            log.debug("stream finished: %s after %d chunks, %s", events[-1].reason, metrics.chunks, metrics)
            self._close()

    def end_bare(self, end: Finished, timestamp: float) -> None:
        """End without figures, where they cannot be made: nobody may wait for ever."""
        self.response.end_time = timestamp
        self._fold.add(end)
        self.events.extend([end])
        self._close()

    def _close(self) -> None:
        # In this order: who reads to the end finds the run where the watchers keep it, and a reader of chunks
        # that is at its end finds the run finished.
        self._call(self._when_finished)
        # They may hold the stream that holds this ledger.
        self._when_begun.clear()
        self._when_finished.clear()
        self.events.close()
        self.chunks.close()

    def forget(self, log: Log[Any], before: int) -> None:
        """Nothing before this number of `log` is needed, and nothing of the other; does nothing if kept."""
        if self.keep:
            return
        other = self.events if log is self.chunks else self.chunks
        log.discard(before)
        other.discard(other.next)

    def subscribe(self, sink: Sink) -> Callable[[], None]:
        """Tell `sink` every event held and every one to come; not while another thread appends."""
        subscription = _Subscription(sink)
        self._subscriptions.append(subscription)
        self._tell(subscription)
        return functools.partial(self._end, subscription)

    def watch(self, *, begun: Watcher, finished: Watcher) -> None:
        """Call `begun` when the request goes out and `finished` at the end; costs nothing in between."""
        self._when_begun.append(begun)
        self._when_finished.append(finished)

    def final_chunk(self, timestamp: float) -> StreamChunk:
        """What a reader of chunks is given last: no content, the figures in its metadata."""
        response = self.response
        end = {
            "usage": msgspec.to_builtins(msgspec.structs.replace(response.usage, raw=None)),
            "stop_reason": response.stop_reason,
            "stop": response.metadata.get("stop"),
            "thinking": response.thinking,
        }
        when = response.end_time or timestamp
        return StreamChunk("", metadata=self._chunker.metadata | end, is_final=True, timestamp=when)

    def _note(self, event: Event, now: float, timestamp: float) -> StreamChunk | None:
        """Events that are not text: what the program's log is told, and the chunk left over at an end."""
        match event:
            case Notice(kind="fallback"):
                left_over = self._chunker.flush(timestamp)
                self._chunker.metadata["fallback"] = event.text
                return left_over
            case Started():
                self._chunker.metadata |= {"provider": event.provider, "model": event.model}
                log.debug("stream started: %s:%s", event.provider, event.model)
            case Retrying():
                log.info(
                    "attempt %d failed, next in %.1f s: %s", event.attempt, event.delay, event.error.message
                )
            case Finished():
                self.response.end_time = timestamp
                self.response.metrics = self.meter.metrics(now)
                return self._chunker.flush(timestamp)
            case _:
                pass
        return None

    def _call(self, watchers: list[Watcher]) -> None:
        for watcher in watchers:
            try:
                watcher(self.response)
            except (Exception, SystemExit):
                log.exception("a watcher of runs raised: %r", watcher)

    def _note_chunks(self, chunks: list[StreamChunk]) -> None:
        if log.isEnabledFor(logging.DEBUG):
            for number, chunk in enumerate(chunks, self.chunks.next + 1):
                log.debug("chunk %d: %r", number, chunk.content)

    def _tell(self, subscription: _Subscription) -> None:
        """Everything the sink was not told yet; a sink that is in the middle of being told goes on there."""
        while not subscription.ended:
            events = self.events.read(subscription.position, 1)
            if not events:
                return
            subscription.position = max(subscription.position, self.events.first) + 1
            try:
                subscription.sink(events[0])
            except (Exception, SystemExit):
                log.exception("a sink raised and was detached: %r", subscription.sink)
                self._end(subscription)

    def _end(self, subscription: _Subscription) -> None:
        subscription.ended = True
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)


class _Subscription:
    """A sink and how far it was told."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.position = 0
        self.ended = False
