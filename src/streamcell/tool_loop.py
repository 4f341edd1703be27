"""A model and its tools as one run: the model speaks, its calls are run, it is told, and speaks again.

A call runs when the model's turn ended as whole, its arguments fit the tool, and whoever has to consent did;
everything else is told to the model as an error. Nothing runs twice: a call is known by its id within a turn.
The calls of a turn run side by side. How a tool is described and checked is `core.tools`' business.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from streamcell.approvals import Approvals, ask_policy
from streamcell.core.fold import Fold
from streamcell.core.response import StreamingResponse
from streamcell.core.tools import Tool, content_of, digest_of, failure_of
from streamcell.errors import LimitExceeded, ToolError
from streamcell.events import (
    ApprovalRequest,
    ApprovalResult,
    Event,
    Finished,
    ToolCall,
    ToolResult,
)
from streamcell.io import prints, worker
from streamcell.io.clock import Clock
from streamcell.io.deadline import Deadline
from streamcell.messages import Message, Request
from streamcell.run import Deliver, Source

log = logging.getLogger("streamcell")

MAX_TURNS: Final = 10
"""How often a model may speak in one run, unless said otherwise."""
AT_ONCE: Final = 16
"""How many tools run at the same time."""
DENIED: Final = "The user did not allow this call. Do not repeat it; go on without it, or ask."
_SHORT: Final = 10_000
_WHOLE: Final = frozenset({"stop", "tool_calls"})


class ToolLoop:
    """The turns of one run (`run.Source`). `ask` gives the source of one turn.

    `total` is the time for all turns and tools together, in seconds; more than `max_turns` turns raise
    `LimitExceeded`.
    """

    def __init__(
        self,
        request: Request,
        ask: Callable[[Request], Source],
        *,
        tools: Mapping[str, Tool],
        approvals: Approvals,
        clock: Clock,
        max_turns: int = MAX_TURNS,
        total: float | None = None,
    ) -> None:
        self._request = request
        self._ask = ask
        self._first = ask(request)
        self._tools = tools
        self._approvals = approvals
        self._clock = clock
        self._max_turns = max_turns
        self._total = total

    async def __call__(self, deliver: Deliver) -> None:
        self._approvals.check(self._tools.values())
        delivery = _InOrder(deliver)
        async with Deadline() as deadline:
            deadline.set_limit(self._total)
            await self._take_turns(delivery)

    async def _take_turns(self, deliver: Deliver) -> None:
        messages = self._request.messages
        source = self._first
        used: set[str] = set()
        for _ in range(self._max_turns):
            turn = _Turn(deliver, used)
            await source(turn.take)
            calls = turn.calls
            if not calls:
                await turn.end()
                return
            turn.add(await self._answer(turn, calls, deliver))
            messages = (*messages, *turn.messages)
            source = self._ask(msgspec.structs.replace(self._request, messages=messages))
        raise LimitExceeded(
            f"the model called tools in all of its {self._max_turns} turns; allow more with max_turns=",
        )

    async def _answer(self, turn: _Turn, calls: Sequence[ToolCall], deliver: Deliver) -> list[ToolResult]:
        """The results, in the order of the calls; each is delivered when it is there."""
        room = asyncio.Semaphore(AT_ONCE)

        async def settle(call: ToolCall) -> ToolResult:
            told = turn.repeated.get(call.id)
            result = _told(call, told) if told else await self._settle(call, deliver, room)
            await deliver([result])
            return result

        tasks = [asyncio.create_task(settle(call), name=f"streamcell-tool-{call.name}") for call in calls]
        try:
            return await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _settle(self, call: ToolCall, deliver: Deliver, room: asyncio.Semaphore) -> ToolResult:
        try:
            tool = self._tool(call)
            arguments = tool.arguments(call)
        except ToolError as error:
            return _told(call, str(error))
        if self._approvals.asks(tool) and not await self._is_allowed(tool, call, deliver):
            return _told(call, DENIED)
        async with room:
            return await self._run(tool, call, arguments)

    def _tool(self, call: ToolCall) -> Tool:
        if call.name not in self._tools:
            raise ToolError(f"there is no tool {call.name!r}; there are {', '.join(self._tools)}")
        return self._tools[call.name]

    async def _is_allowed(self, tool: Tool, call: ToolCall, deliver: Deliver) -> bool:
        policy = self._approvals.policy
        if policy is not None:
            approved = await ask_policy(policy, call)
        else:
            request = ApprovalRequest(call.id, call.name, digest_of(tool.name, call.arguments or {}))
            with self._approvals.asked(tool, request) as answer:
                await deliver([request])
                approved = await answer
        await deliver([ApprovalResult(call.id, call.name, approved)])
        return approved

    async def _run(self, tool: Tool, call: ToolCall, arguments: dict[str, Any]) -> ToolResult:
        begun = self._clock.monotonic()
        with prints.kept() as printed:
            content, error = await _outcome(tool, arguments)
        seconds = self._clock.monotonic() - begun
        return ToolResult(call.id, call.name, content, error=error, seconds=seconds, printed=str(printed))


class _Turn:
    """One turn of the model: passes its events on, all but the end, and keeps what the next one needs."""

    def __init__(self, deliver: Deliver, used: set[str]) -> None:
        self._deliver = deliver
        self._used = used
        self._said: set[tuple[str, str, str]] = set()
        self._response = StreamingResponse()
        self._fold = Fold(self._response)
        self._end: Finished | None = None
        self.repeated: dict[str, str] = {}

    async def take(self, events: list[Event]) -> None:
        said = [told for event in events for told in self._told(event)]
        if said:
            await self._deliver(said)

    @property
    def calls(self) -> list[ToolCall]:
        """The calls to run: none when the turn was cut, for the last of them may be half a call."""
        if self._end is None or self._end.reason not in _WHOLE:
            return []
        return [call for call in self._response.tool_calls if not call.server]

    @property
    def messages(self) -> tuple[Message, ...]:
        """What was said and answered, as the next request carries it."""
        return tuple(self._response.messages)

    def add(self, results: Sequence[ToolResult]) -> None:
        for result in results:
            self._fold.add(result)

    async def end(self) -> None:
        if self._end is not None:
            await self._deliver([self._end])

    def _told(self, event: Event) -> list[Event]:
        if isinstance(event, Finished):
            self._end = event
            return []
        if isinstance(event, ToolCall) and not event.server:
            event = self._named_once(event)
        self._fold.add(event)
        return [event]

    def _named_once(self, call: ToolCall) -> ToolCall:
        """The call under an id of its own: some servers count their calls anew in each turn."""
        number, own = 1, call.id
        while own in self._used:
            number += 1
            own = f"{call.id}_{number}"
        self._used.add(own)
        said = (call.id, call.name, call.raw_arguments or digest_of(call.name, call.arguments or {}))
        if said in self._said:
            self.repeated[own] = f"This repeats the call {call.id}, which is run once."
        self._said.add(said)
        return call if own == call.id else msgspec.structs.replace(call, id=own)


class _InOrder:
    """Deliveries of several tasks, one after the other: a run's events come from one place at a time."""

    def __init__(self, deliver: Deliver) -> None:
        self._deliver = deliver
        self._turn = asyncio.Lock()

    async def __call__(self, events: list[Event]) -> None:
        async with self._turn:
            await self._deliver(events)


async def _outcome(tool: Tool, arguments: dict[str, Any]) -> tuple[str, bool]:
    """What the model is told, and whether that is an error."""
    work = asyncio.create_task(_called(tool, arguments))
    try:
        done, _ = await asyncio.wait({work}, timeout=tool.timeout)
    finally:
        work.cancel()
    if not done:
        return f"{tool.name} gave no result within {tool.timeout:g} s", True
    if work.cancelled():
        return f"{tool.name} was cancelled", True
    error = work.exception()
    if error is None:
        return work.result(), False
    log.info("the tool %s raised; the model is told", tool.name, exc_info=error)
    return failure_of(error), True


async def _called(tool: Tool, arguments: dict[str, Any]) -> str:
    """The text of what the tool returns; a result may take as long to write down as to compute."""
    try:
        value = tool.function(**arguments) if tool.is_async else await worker.call(tool.function, **arguments)
        if inspect.isawaitable(value):
            value = await value
        if isinstance(value, str) and len(value) < _SHORT:
            return content_of(value)
        return str(await worker.call(content_of, value))
    except (SystemExit, KeyboardInterrupt) as error:  # out of a task they would end the loop and all on it
        raise ToolError(failure_of(error)) from error


def _told(call: ToolCall, problem: str) -> ToolResult:
    return ToolResult(call.id, call.name, problem, error=True)
