"""Named steps, one after the other, that stream what they do and hand data on in one dict.

A step is a function of that dict, an agent or a scheduler. The workflow knows nothing of what a step does; it
passes on what the step says and keeps what came of it under the step's name.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator
from contextlib import aclosing
from typing import Any, Literal, TypeVar, overload

import msgspec

from streamcell.agent import Agent
from streamcell.core.interpolate import interpolate
from streamcell.errors import UsageError, from_info
from streamcell.events import ErrorInfo
from streamcell.io.clock import Clock, SystemClock
from streamcell.many.batch import each
from streamcell.many.scheduler import Scheduler
from streamcell.many.tasks import Record, Task, TaskChunk, TaskResult
from streamcell.messages import StreamChunk

Context = dict[str, Any]
Step = Callable[[Context], Any]
StepFunction = TypeVar("StepFunction", bound=Step)


class StepChunk(msgspec.Struct, frozen=True):
    """Something a step says: a `status` of its own, or a piece of the `text` of an answer."""

    step: str
    content: str
    kind: Literal["status", "text"] = "text"
    done: Literal[False] = False


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a step, `latency` seconds after its begin; `result` is what the next ones find of it."""

    step: str
    result: Any = None
    latency: float = 0.0
    done: Literal[True] = True
    success: bool = True
    error: str | None = None


Update = StepChunk | StepResult


class Workflow:
    """Steps in the order in which they were named; it can be run any number of times, also side by side."""

    def __init__(self, name: str = "workflow", *, clock: Clock | None = None) -> None:
        self.name = name
        self._steps: dict[str, Step] = {}
        self._clock = clock or SystemClock()

    @overload
    def step(self, name: StepFunction) -> StepFunction: ...
    @overload
    def step(self, name: str) -> Callable[[StepFunction], StepFunction]: ...
    def step(self, name: str | StepFunction) -> StepFunction | Callable[[StepFunction], StepFunction]:
        """Makes the decorated function the next step; it takes the context, a dict.

        ``@workflow.step("name")``, or ``@workflow.step`` for a step named like its function.

        It may yield text (a status), a `Stream`, chunks, or any iterator of these; or it returns, or awaits,
        a value or a `Stream`. What becomes ``context[name]``, unless the step sets that itself: the value, or
        the text of what it streamed, or else its statuses in one. Raises `UsageError` for a name that is
        taken or is no text.
        """
        if callable(name):
            return self._add(_own_name(name), name)
        _check_name(name)
        return functools.partial(self._add, name)

    def add(
        self, name: str, answering: Agent | Scheduler, *, prompt: str = "{input}", agent: str | None = None
    ) -> None:
        """Makes the answer of an agent, or of a scheduler's `agent`, the next step.

        ``{names}`` in the prompt are what the context holds under them. A task of the scheduler that fails
        ends the run, as an agent that fails does.
        """
        _check_name(name)
        self._add(name, functools.partial(_ask, answering, name=name, prompt=prompt, agent=agent))

    def stream(self, given: Context | str | None = None) -> WorkflowRun:
        """One run, not yet begun; a dict that is given is its context, a text is ``context["input"]``."""
        if not self._steps:
            raise UsageError(f"workflow {self.name!r} has no steps; add one with @workflow.step('name')")
        context = {"input": given} if isinstance(given, str) else {} if given is None else given
        return WorkflowRun(dict(self._steps), context, clock=self._clock)

    def _add(self, name: str, step: StepFunction) -> StepFunction:
        if name in self._steps:
            raise UsageError(f"workflow {self.name!r} has a step {name!r} already; name this one otherwise")
        if not callable(step):
            raise UsageError(f"step {name!r} is no function but {type(step).__name__}")
        self._steps[name] = step
        return step


class WorkflowRun:
    """Iterated, it gives updates as they come; awaited, the context in the end. Once, by one reader.

    A step that raises ends the run: first its `StepResult` says so, then the exception comes. Leaving the
    iteration cancels what runs.
    """

    def __init__(self, steps: dict[str, Step], context: Context, *, clock: Clock) -> None:
        self.context = context
        self._steps = steps
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[Update]:
        for name, step in self._steps.items():
            async with aclosing(self._run(name, step)) as updates:
                async for update in updates:
                    yield update

    def __await__(self) -> Generator[Any, None, Context]:
        return self._whole().__await__()

    async def _whole(self) -> Context:
        async for _ in self:
            pass
        return self.context

    async def _run(self, name: str, step: Step) -> AsyncGenerator[Update, None]:
        began = self._clock.monotonic()
        said: dict[str, list[str]] = {"text": [], "status": []}
        before = self.context.get(name)
        try:
            async with aclosing(self._said(name, step)) as chunks:
                async for chunk in chunks:
                    said[chunk.kind].append(chunk.content)
                    yield chunk
        except Exception as error:
            latency = self._clock.monotonic() - began
            yield StepResult(step=name, latency=latency, success=False, error=str(error))
            raise
        streamed = "".join(said["text"] or said["status"])
        if streamed and self.context.get(name) is before:
            self.context[name] = streamed
        latency = self._clock.monotonic() - began
        yield StepResult(step=name, result=self.context.get(name), latency=latency)

    async def _said(self, name: str, step: Step) -> AsyncGenerator[StepChunk, None]:
        came = step(self.context)
        # First of all: a Stream can be awaited too.
        if not _is_streamed(came) and inspect.isawaitable(came):
            came = await came
        if not _is_streamed(came):
            if came is not None:
                self.context[name] = came
            return
        async with aclosing(_chunks(name, came)) as chunks:
            async for chunk in chunks:
                yield chunk


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise UsageError(f"a step is named with text, not {name!r}: @workflow.step('name')")


def _own_name(function: Step) -> str:
    name = getattr(function, "__name__", "<lambda>")
    if name == "<lambda>":
        raise UsageError("the step has no name, nor has its function: workflow.step('name')(function)")
    return str(name)


def _is_streamed(came: object) -> bool:
    return isinstance(came, AsyncIterable) or inspect.isgenerator(came)


async def _chunks(name: str, came: Any) -> AsyncGenerator[StepChunk, None]:
    """What a step yielded, however deep, as chunks of its own."""
    async with aclosing(each(came)) as items:
        async for item in items:
            match item:
                case str():
                    yield StepChunk(name, item, "status")
                case StreamChunk():
                    if item.content:
                        yield StepChunk(name, item.content)
                case TaskChunk():
                    yield StepChunk(name, item.chunk)
                case TaskResult():
                    if not item.success:
                        yield StepChunk(name, f"Task {item.task_id} failed: {item.error}", "status")
                case _ if _is_streamed(item):
                    async with aclosing(_chunks(name, item)) as chunks:
                        async for chunk in chunks:
                            yield chunk
                case _:
                    kind = type(item).__name__
                    raise UsageError(f"step {name!r} yielded {kind}; yield text, a Stream or chunks")


def _ask(
    answering: Agent | Scheduler, context: Context, *, name: str, prompt: str, agent: str | None
) -> AsyncIterable[Any]:
    filled = interpolate(prompt, context)
    if filled.unknown:
        missing = ", ".join(filled.unknown)
        raise UsageError(f"the prompt of step {name!r} names {missing}, which no step before it has set")
    if isinstance(answering, Scheduler):
        return _answered(answering.stream(Task(name, filled.text), agent))
    return answering.stream(filled.text)


async def _answered(records: AsyncIterator[Record]) -> AsyncGenerator[Record, None]:
    """The records of one task; raises what it failed with."""
    async with aclosing(each(records)) as own:
        async for record in own:
            if isinstance(record, TaskResult) and not record.success:
                raise from_info(ErrorInfo(record.kind or "provider", record.error or ""))
            yield record
