"""One task on its way: its turn, its stream, its attempts and its deadline, up to its result.

Whatever happens to a task becomes its `TaskResult`; it raises nothing that could stop another. It knows no
other task.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import random
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from typing import Any, NamedTuple, Protocol, Unpack, cast

import msgspec

from streamcell.core.prompt import Prompt, to_messages
from streamcell.core.response import StreamingResponse
from streamcell.errors import StreamcellError, UsageError
from streamcell.events import ErrorInfo
from streamcell.handle import Stream
from streamcell.io.clock import Clock
from streamcell.io.keys import redact
from streamcell.io.retry import Policy
from streamcell.many.bus import EventBus
from streamcell.many.gate import Gate, Request
from streamcell.many.rates import Charge, Rates
from streamcell.many.tasks import Task, TaskChunk, TaskResult
from streamcell.messages import TextPart
from streamcell.options import Options

log = logging.getLogger("streamcell")

STARTED, COMPLETED = "task.stream_started", "task.stream_completed"
FAILED, CANCELLED = "task.stream_failed", "task.stream_cancelled"

_IMAGE_CHARACTERS = 4000
_LONGEST_REASON = 300
_CANCELLED = ErrorInfo("cancelled", "the task was cancelled")

Tell = Callable[[TaskChunk], Awaitable[None]]


class Airspace(NamedTuple):
    """What all flights of one scheduler share."""

    gate: Gate
    rates: Rates
    clock: Clock
    bus: EventBus


class Answering(Protocol):
    """Whoever answers; an `Agent` does."""

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> Stream: ...


class Nobody(NamedTuple):
    """In place of an agent that is not there: fails whatever task it is given."""

    error: UsageError

    def stream(self, prompt: Prompt, **options: Unpack[Options]) -> Stream:
        raise self.error


class Flight:
    """Runs `task` on `agent`, once. Belongs to the loop that makes it; `stop` may come from any thread."""

    def __init__(self, task: Task, name: str, agent: Answering, air: Airspace) -> None:
        self.task = task
        self.name = name
        self._agent = agent
        self._air = air
        self._loop = asyncio.get_running_loop()
        self._running: asyncio.Task[Any] | None = None
        self._stopped: ErrorInfo | None = None
        self._taken_up = air.clock.monotonic()
        self._began: float | None = None
        self._attempts = 0
        self._shown = False
        self._response = StreamingResponse()

    async def run(self, tell: Tell | None) -> TaskResult:
        """The task's result, once its chunks were told; without `tell` nobody waits for them.

        A cancel from outside, which means that nobody wants the result, is raised again.
        """
        self._running = asyncio.current_task()
        try:
            async with self._deadline():
                failure = self._stopped or await self._fly(tell)
        except asyncio.CancelledError:
            if not self._was_stopped():
                self._say(CANCELLED, self._result(_CANCELLED))
                raise
            failure = self._stopped
        finally:
            self._running = None
        result = self._result(failure)
        self._say(COMPLETED if failure is None else CANCELLED if failure is _CANCELLED else FAILED, result)
        return result

    def stop(self) -> None:
        """Cancel the task, from any thread; nothing when it is over."""
        with contextlib.suppress(RuntimeError):  # its loop is gone, and the task with it
            self._loop.call_soon_threadsafe(self._stop, _CANCELLED)

    def _stop(self, reason: ErrorInfo) -> None:
        if self._stopped is None:
            self._stopped = reason
            if self._running is not None:
                self._running.cancel()

    def _was_stopped(self) -> bool:
        """Whether the cancel was our own, and no other came with it."""
        return self._stopped is not None and self._running is not None and not self._running.uncancel()

    @contextlib.asynccontextmanager
    async def _deadline(self) -> AsyncGenerator[None, None]:
        seconds = self.task.deadline
        if seconds is None:
            yield
            return
        timer = asyncio.create_task(self._expire(seconds), name="streamcell-deadline")
        try:
            yield
        finally:
            timer.cancel()
            await asyncio.wait({timer})

    async def _expire(self, seconds: float) -> None:
        await self._air.clock.sleep(seconds - (self._air.clock.monotonic() - self._taken_up))
        late = f"task {self.task.id!r} was not done within {seconds} s; raise its deadline"
        self._stop(ErrorInfo("timeout_total", late))

    # Attempts

    async def _fly(self, tell: Tell | None) -> ErrorInfo | None:
        """Begin anew as often as the task says, but nothing of which a piece was shown."""
        policy = Policy(retries=self.task.retries)
        # Not `_attempts`, for one that ends at the gate sends nothing, but counts.
        for attempt in itertools.count(1):
            failure = await self._attempt(tell)
            if failure is None or self._shown:
                break
            delay = policy.delay(attempt, failure, random.random())  # noqa: S311 - jitter, no secret
            if delay is None:
                break
            await self._air.clock.sleep(delay)
        return failure

    async def _attempt(self, tell: Tell | None) -> ErrorInfo | None:
        try:
            return await self._ask(tell)
        except StreamcellError as error:
            return error.info()
        except Exception as error:
            log.exception("task %r failed for a reason that is no error of ours", self.task.id)
            reason = redact(f"{type(error).__name__}: {error}")[:_LONGEST_REASON]
            return ErrorInfo("provider", f"agent {self.name!r} raised {reason}")

    async def _ask(self, tell: Tell | None) -> ErrorInfo | None:
        task, account = self.task, account_of(self._agent)
        # First of all, for it sends nothing and finds whatever is wrong with the call.
        stream = self._agent.stream(task.prompt, **task.options)
        self._response = stream.response
        length = characters(task.prompt)
        request = Request(self.name, account, task.priority, length, task.options.get("max_tokens"))
        async with self._air.gate.passage(request) as charge:
            self._begin()
            try:
                await self._read(stream, tell)
            finally:
                stream.cancel()
                self._settle(account, charge, length)
        # It raised nothing: it was told to keep its error, or somebody else cancelled it.
        response = stream.response
        return response.error or (_CANCELLED if response.stop_reason == "cancelled" else None)

    async def _read(self, stream: Stream, tell: Tell | None) -> None:
        if tell is None:
            await stream
            return
        async for chunk in stream:
            if not chunk.is_final:
                self._shown = True
                await tell(TaskChunk(self.task.id, chunk.content))

    def _begin(self) -> None:
        self._attempts += 1
        if self._began is None:
            self._began = self._air.clock.monotonic()
            data = {"task_id": self.task.id, "task_type": self.task.task_type, "agent": self.name}
            self._air.bus.emit(STARTED, data)

    def _settle(self, account: Hashable, charge: Charge, length: int) -> None:
        response = self._response
        # Nobody counts tokens of a request that was refused.
        refused = response.error is not None and not response.chunk_count
        used = 0 if refused and response.total_tokens is None else response.total_tokens
        retries = response.metrics.retries
        self._air.rates.settle(account, charge, characters=length, tokens=used, retries=retries)

    # The end

    def _result(self, failure: ErrorInfo | None) -> TaskResult:
        now = self._air.clock.monotonic()
        began = now if self._began is None else self._began
        return TaskResult(
            task_id=self.task.id,
            task_type=self.task.task_type,
            agent_selected=self.name,
            result=self._response.text,
            latency=now - began,
            success=failure is None,
            error=None if failure is None else failure.message,
            kind=None if failure is None else failure.kind,
            waited=began - self._taken_up,
            attempts=self._attempts,
            usage=msgspec.structs.replace(self._response.usage, raw=None),
        )

    def _say(self, name: str, result: TaskResult) -> None:
        data = {
            "task_id": result.task_id,
            "task_type": result.task_type,
            "agent": result.agent_selected,
            "latency": result.latency,
            "error": result.error,
            "kind": result.kind,
        }
        self._air.bus.emit(name, data)


def account_of(agent: Answering) -> Hashable:
    """What the agent's limits are counted for; an agent that does not say has an account of its own."""
    return cast("Hashable", getattr(agent, "account", agent))


def characters(prompt: Prompt) -> int:
    """About how long a prompt is; an image counts as a page of text."""
    if isinstance(prompt, str):
        return len(prompt)
    parts = (part for message in to_messages(prompt) for part in message.parts)
    return sum(len(part.text) if isinstance(part, TextPart) else _IMAGE_CHARACTERS for part in parts)
