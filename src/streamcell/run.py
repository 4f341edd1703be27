"""One run: from a request to its last event, with its attempts, its clocks and its grammar.

A run raises a `StreamcellError` when it fails and delivers `Finished` when it does not. It knows no reader:
it hands events to `deliver`, in the order and the groups in which they came off the network, and reads no
further until `deliver` returns. Cancelling the task that runs it closes the connection.

**Text shown is committed**: an attempt is repeated only while nothing of the answer was delivered. What came
before the first content (`Started`, usage) is held back until then, so that a retry leaves no trace of it.
"""

from __future__ import annotations

import logging
import math
import random
from collections.abc import Awaitable, Callable, Hashable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from email.utils import formatdate
from typing import Final, Protocol

import msgspec

from streamcell.core import wire
from streamcell.core.static import OWN_LIMIT
from streamcell.errors import BackpressureTimeout, LimitExceeded, StreamcellError, UsageError, from_info
from streamcell.events import CONTENT, Event, Finished, ReasoningDelta, Retrying, Started, TextDelta
from streamcell.io.clock import Clock
from streamcell.io.cooldown import Cooldowns, Pause, shared
from streamcell.io.deadline import Deadline
from streamcell.io.keys import redact_error
from streamcell.io.retry import Policy
from streamcell.io.transport import Answer
from streamcell.messages import Request
from streamcell.providers.contract import Call, Decoder, Provider

log = logging.getLogger("streamcell")

Deliver = Callable[[list[Event]], Awaitable[None]]
Source = Callable[[Deliver], Awaitable[None]]
"""Anything that can be run and read: delivers events up to `Finished`, or raises a `StreamcellError`."""

ERROR_BODY_LIMIT = 64 * 1024
WHOLE_BODY_LIMIT = 16 * 1024 * 1024
LINGER_SECONDS = 5.0
"""How long to wait at most, once the answer is complete, for usage and the end of the body."""


class Timeouts(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds, or None for never: to connect, to the first content, between content, and for the whole run.

    `idle` counts content only: heartbeats of a silent provider do not reset it. `backpressure` is how long a
    reader that iterates may stay away before the run ends with `BackpressureTimeout`.
    """

    connect: float | None = 10.0
    first: float | None = 60.0
    idle: float | None = 30.0
    total: float | None = None
    backpressure: float | None = None


BLOCKING: Final = Timeouts(first=600.0)
"""The clocks of a blocking call, whose first content is all of it, unless others are given."""


class Link(Protocol):
    """What carries a call; `io.transport.Transport` is one."""

    @property
    def account(self) -> Hashable:
        """Equal for the same address with the same key: they share the pauses that a server asks for."""
        ...

    def open(self, call: Call, *, connect: float) -> AbstractAsyncContextManager[Answer]:
        """The answer; raises our errors only, and closes it when the context is left."""
        ...


class Chance(Protocol):
    """A source of jitter: a number from 0 to 1."""

    def __call__(self) -> float: ...


class Run:
    """One request to one model, ready to be run once."""

    def __init__(
        self,
        provider: Provider,
        request: Request,
        transport: Link,
        *,
        clock: Clock,
        timeouts: Timeouts | None = None,
        policy: Policy | None = None,
        max_output_chunks: int | None = None,
        chance: Chance = random.random,
        cooldowns: Cooldowns = shared,
    ) -> None:
        self._provider = provider
        self._request = request
        self._transport = transport
        self._timeouts = timeouts or (Timeouts() if request.stream else BLOCKING)
        self._policy = policy or Policy()
        self._clock = clock
        self._chance = chance
        self._cooldowns = cooldowns
        self._place = (clock, transport.account, request.model)
        self._chunks_left = max_output_chunks
        self._held: list[Event] = []
        self._committed = False
        self._done = False
        self._request_id: str | None = None
        if max_output_chunks is not None and max_output_chunks < 1:
            raise UsageError(f"max_output_chunks must be 1 or more, not {max_output_chunks}")

    async def __call__(self, deliver: Deliver) -> None:
        attempt = 0
        ends = _after(self._clock.monotonic(), self._timeouts.total)
        while True:
            await self._stay_away(deliver, ends, attempts=attempt)
            attempt += 1
            try:
                await self._attempt(deliver, ends)
            except StreamcellError as error:
                redact_error(error)
                error.attempts = attempt
                error.request_id = error.request_id or self._request_id
                await self._wait(error, deliver, ends, attempt=attempt)
            else:
                return

    async def _stay_away(self, deliver: Deliver, ends: float, *, attempts: int) -> None:
        """Wait while the server wants no call, which it may have said to another run, but not for ever."""
        patience = self._clock.monotonic() + self._policy.retry_after_cap
        while (now := self._clock.monotonic()) < patience:
            pause = self._cooldowns.pause(self._place, now)
            if pause is None:
                return
            delay = min(pause.until, patience) - now + self._policy.base * self._chance()
            if now + delay >= ends:
                raise from_info(pause.error, attempts=attempts)
            await deliver([Retrying(attempts, delay, pause.error)])
            await self._clock.sleep(delay)

    async def _wait(self, error: StreamcellError, deliver: Deliver, ends: float, *, attempt: int) -> None:
        """Say that the attempt failed and wait for the next; raises `error` when there is to be none."""
        info = error.info()
        if asked := self._policy.pause(info):
            self._cooldowns.ask(self._place, Pause(self._clock.monotonic() + asked, info))
        final = self._committed or self._was_too_slow(error)
        delay = None if final else self._policy.delay(attempt, info, self._chance())
        if delay is None or self._clock.monotonic() + delay >= ends:
            raise error
        self._held.clear()
        await deliver([Retrying(attempt, delay, info)])
        await self._clock.sleep(delay)

    def _was_too_slow(self, error: StreamcellError) -> bool:
        """A blocking call ran into a clock of ours: it was paid for, and the next would be as slow."""
        return not self._request.stream and error.kind in {"timeout_first", "timeout_idle"}

    async def _attempt(self, deliver: Deliver, ends: float) -> None:
        call = self._provider.encode(self._request)
        decoder = self._provider.decoder(self._request)
        self._request_id = None
        try:
            async with Deadline() as deadline:
                deadline.set_limit(ends - self._clock.monotonic())
                deadline.set("timeout_first", self._timeouts.first, self._late())
                async with self._transport.open(call, connect=self._timeouts.connect or math.inf) as answer:
                    self._request_id = _request_id(answer.headers)
                    await self._read(answer, decoder, deliver, deadline)
        except (BackpressureTimeout, LimitExceeded):
            raise
        except StreamcellError:
            # A connection that dies or falls silent after the answer is complete has done its work.
            if not (decoder.finished or self._done):
                if text := held_text(decoder):
                    await self._pass_on(text, deliver)
                raise
        if self._request.stream and not self._done:
            await self._say(decoder.close(), deliver)

    def _late(self) -> str:
        name, first = self._provider.facts.name, self._timeouts.first
        return f"{name} sent nothing of an answer within {first} s; raise Timeouts(first=…) or try again"

    async def _read(self, answer: Answer, decoder: Decoder, deliver: Deliver, deadline: Deadline) -> None:
        if answer.status >= 400:  # noqa: PLR2004 - HTTP's own boundary
            body = await answer.read(ERROR_BODY_LIMIT)
            # A Retry-After may be a date, which means something only beside the server's own.
            headers = {"date": formatdate(self._clock.time(), usegmt=True), **answer.headers}
            raise from_info(self._provider.decode_error(answer.status, headers, body))
        if not self._request.stream:
            body = await answer.read(WHOLE_BODY_LIMIT)
            await self._say(map(_whole, self._provider.decode_whole(self._request, body)), deliver)
            return
        reader = wire.reader(self._provider.facts.framing)
        idle = self._timeouts.idle
        silent = f"no new content for {idle} s; raise Timeouts(idle=…) or continue the answer"
        linger = LINGER_SECONDS if idle is None else min(LINGER_SECONDS, idle)
        lingering = False
        async for block in answer.blocks():
            content = await self._decode(decoder, reader.feed(block), deliver, deadline)
            if decoder.complete or self._done:
                return
            if content or decoder.finished != lingering:
                # Set once at the finish: heartbeats behind it must not prolong the wait.
                lingering = decoder.finished
                deadline.set("timeout_idle", linger if lingering else idle, silent)
        await self._decode(decoder, reader.close(), deliver, deadline)

    async def _decode(
        self, decoder: Decoder, payloads: Iterable[wire.Payload], deliver: Deliver, deadline: Deadline
    ) -> bool:
        """Pass on what the payloads say, also what came before an error in them; True if it was content."""
        events, failure = _until_failure(event for payload in payloads for event in decoder.feed(payload))
        content = any(isinstance(event, CONTENT) for event in events)
        if content:
            # While the reader is slow nobody waits for the provider.
            deadline.set("timeout_idle", None, "")
        if events:
            await self._pass_on(events, deliver)
        if failure is not None and not self._done:
            raise failure
        return content

    async def _say(self, said: Iterable[Event], deliver: Deliver) -> None:
        """Pass on what is said, also what came before an error in it."""
        events, failure = _until_failure(said)
        if events:
            await self._pass_on(events, deliver)
        if failure is not None:
            raise failure

    async def _pass_on(self, events: list[Event], deliver: Deliver) -> None:
        if self._chunks_left is not None and self._request.stream:
            events = self._within_budget(events)
        if not self._committed:
            self._held += events
            if not any(isinstance(event, (*CONTENT, Finished)) for event in events):
                return
            events, self._held, self._committed = self._held, [], True
        await deliver(events)

    def _within_budget(self, events: list[Event]) -> list[Event]:
        """The events up to the last text delta allowed, then an end of our own."""
        assert self._chunks_left is not None  # noqa: S101
        for index, event in enumerate(events):
            if isinstance(event, TextDelta):
                self._chunks_left -= 1
                if self._chunks_left <= 0:
                    self._done = True
                    return [*events[: index + 1], Finished("length", stop=OWN_LIMIT)]
        return events


def held_text(decoder: Decoder) -> list[Event]:
    """What waits in the decoder of a broken answer to be told from a tag: it was received, too."""
    said, _ = _until_failure(decoder.close())
    return [event for event in said if isinstance(event, TextDelta | ReasoningDelta)]


def _whole(event: Event) -> Event:
    return msgspec.structs.replace(event, streamed=False) if isinstance(event, Started) else event


def _until_failure(said: Iterable[Event]) -> tuple[list[Event], StreamcellError | None]:
    events: list[Event] = []
    try:
        events.extend(said)
    except StreamcellError as error:
        return events, error
    return events, None


def _request_id(headers: Mapping[str, str]) -> str | None:
    return headers.get("x-request-id") or headers.get("request-id")


def _after(now: float, seconds: float | None) -> float:
    return math.inf if seconds is None else now + seconds
