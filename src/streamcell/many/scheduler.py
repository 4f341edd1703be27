"""Many tasks for named agents: who runs, in what order, how fast, and what became of each.

The scheduler puts together what its neighbours do: `gate` says whose turn it is, `rates` how fast, `flight`
runs one task, `confluence` makes one iterator of many, `batch` and `journal` read prompts and remember
results. It starts nothing that is not iterated, and leaving an iteration ends what ran in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from typing import Any, cast
from weakref import WeakSet

from streamcell.agent import Agent
from streamcell.errors import UsageError
from streamcell.io.clock import Clock, SystemClock
from streamcell.many.batch import Batch, Items, each
from streamcell.many.bus import BusEvent, EventBus
from streamcell.many.confluence import Confluence, Job, Tell
from streamcell.many.flight import Airspace, Answering, Flight, Nobody
from streamcell.many.gate import Gate
from streamcell.many.journal import Journal, PathName
from streamcell.many.rates import Rates
from streamcell.many.results import Heard, Results, in_order, told, unnumbered
from streamcell.many.tasks import Record, Task, TaskChunk, TaskResult
from streamcell.options import Options

LOOKAHEAD = 100
"""Tasks that are taken from a source beyond those that run: priorities and other agents' rates count among
these."""


class Scheduler:
    """Runs tasks on `agents`, at most `max_concurrency` at once and within the rates of each account.

    An agent may be given by the name of its model: ``Scheduler(agents={"a": "demo"})``.

    `requests_per_minute` and `tokens_per_minute` hold for each account (provider and key) and any sixty
    seconds; with `storage` (``redis://…``) for all processes together. `backpressure` is how many seconds a
    reader may take nothing before its iteration ends with `BackpressureTimeout`. Belongs to one loop at a
    time. `events` tells listeners of ``task.stream_started``, ``task.stream_completed``,
    ``task.stream_failed`` and ``task.stream_cancelled``. Raises `UsageError` for a value out of range.
    """

    def __init__(
        self,
        agents: Mapping[str, Agent | str],
        *,
        max_concurrency: int = 8,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        storage: str | None = None,
        backpressure: float | None = None,
        clock: Clock | None = None,
    ) -> None:
        if not isinstance(agents, Mapping) or not agents:
            raise UsageError("a scheduler needs agents by name: Scheduler(agents={'a': Agent(...)})")
        if backpressure is not None and not _is_time(backpressure):
            raise UsageError(f"backpressure must be more than 0 seconds, or None, not {backpressure!r}")
        clock = clock or SystemClock()
        rates = Rates(requests=requests_per_minute, tokens=tokens_per_minute, clock=clock, storage=storage)
        self.agents = {name: _agent(name, given) for name, given in agents.items()}
        self.events = EventBus()
        self._gate = Gate(max_concurrency, rates, clock=clock)
        self._at_once = max_concurrency + LOOKAHEAD
        self._air = Airspace(self._gate, rates, clock, self.events)
        self._backpressure = backpressure
        self._counters: Counter[str] = Counter()
        # Weak, for a task that is cancelled before its first step never takes itself out.
        self._flights: WeakSet[Flight] = WeakSet()
        self._breaks = 0
        self._rates = rates
        self._readers = 0
        self.events.on("task.*", self._count)

    def stream(self, task: Task, agent: str | None = None) -> AsyncIterator[Record]:
        """The task's `TaskChunk`s as they come, then its `TaskResult`; `agent` before the task's own.

        Raises `UsageError` at once for an agent that is not there; what goes wrong later is in the result.
        """
        self._named(agent or task.agent)
        return self.stream_all([task], agent)

    def stream_all(
        self, tasks: Iterable[Task] | AsyncIterable[Task], agent: str | None = None
    ) -> AsyncIterator[Record]:
        """The records of all tasks, merged as they come; a task that fails stops no other.

        A list is begun in the order of its priorities; an iterator is read `LOOKAHEAD` tasks ahead.
        """
        if isinstance(tasks, Sequence):
            tasks = sorted(tasks, key=_urgency)
        return self._merged(self._streams(each(tasks), agent))

    def map(
        self,
        prompts: Items,
        agent: str | None = None,
        *,
        template: str | None = None,
        ordered: bool = True,
        resume: PathName | None = None,
        task_type: str = "",
        priority: int = 0,
        deadline: float | None = None,
        retries: int = 0,
        **options: Any,
    ) -> Results:
        """The `TaskResult` of each prompt: awaited, a list; iterated, one by one as they come.

        `prompts` is a list, a DataFrame with a `template` (``"Classify: {text}"``), or any iterable or
        asynchronous iterable of prompts, rows or tasks, read as it is needed. `ordered=False` gives each
        result as soon as it is there. `resume` names a file of JSON lines: what is finished in it is not
        asked again. `options` are those of `stream`, but `retries` is the task's, as in `Task`. `show` of
        what this returns shows how far it is. Raises `UsageError` at once for an agent or option that is not
        there.
        """
        common = Task("", "", task_type, agent, priority, deadline, retries, cast("Options", options))
        self._named(agent)
        batch = Batch(prompts, template, common)
        return Results(functools.partial(self._results, batch, resume, ordered=ordered), total=batch.total)

    def cancel(self, task_id: str) -> bool:
        """End the task of that id, from any thread; whether it was running or waiting."""
        found = [flight for flight in tuple(self._flights) if flight.task.id == task_id]
        for flight in found:
            flight.stop()
        return bool(found)

    def cancel_all(self) -> None:
        """End everything that runs or waits, and take up nothing more for the iterations under way."""
        self._breaks += 1
        for flight in tuple(self._flights):
            flight.stop()

    def stats(self) -> dict[str, Any]:
        """`counters` by name (``tasks.stream_started``, …), and how many tasks run and wait now."""
        running = self._gate.inside
        names = ("started", "completed", "failed", "cancelled")
        counters = {f"tasks.stream_{name}": 0 for name in names} | self._counters
        return {"counters": counters, "running": running, "waiting": len(self._flights) - running}

    get_all_stats = stats

    def _count(self, event: BusEvent) -> None:
        self._counters[event.name.replace("task.", "tasks.", 1)] += 1

    def _named(self, name: str | None) -> tuple[str, Answering]:
        """The agent of that name; the only one need not be named."""
        if name is None and len(self.agents) == 1:
            return next(iter(self.agents.items()))
        if name is None or name not in self.agents:
            said = "name an agent" if name is None else f"there is no agent {name!r}"
            raise UsageError(f"{said}; one of {', '.join(map(repr, self.agents))}")
        return name, self.agents[name]

    async def _merged(self, jobs: AsyncGenerator[Job[Any], None]) -> AsyncGenerator[Any, None]:
        """What the jobs tell; with the last iteration that is under way the rates' connections close."""
        merged = Confluence(jobs, at_once=self._at_once, patience=self._backpressure)
        self._readers += 1
        try:
            async with aclosing(merged.items()) as items:
                async for item in items:
                    yield item
        finally:
            self._readers -= 1
            if not self._readers:
                await self._rates.aclose()

    async def _streams(
        self, tasks: AsyncGenerator[Any, None], agent: str | None
    ) -> AsyncGenerator[Job[Record], None]:
        async with aclosing(self._flights_of(tasks, agent)) as flights:
            async for flight in flights:
                yield functools.partial(self._stream, flight)

    async def _answers(
        self, tasks: AsyncGenerator[Any, None], journal: Journal | None, room: asyncio.Semaphore
    ) -> AsyncGenerator[Job[tuple[int, TaskResult]], None]:
        number = 0
        async with aclosing(self._flights_of(tasks, None)) as flights:
            async for flight in flights:
                yield functools.partial(self._answer, flight, number, journal)
                number += 1
                await room.acquire()

    async def _results(
        self, batch: Batch, resume: PathName | None, heard: Heard, *, ordered: bool
    ) -> AsyncGenerator[TaskResult, None]:
        room = asyncio.Semaphore(self._at_once)
        with contextlib.nullcontext() if resume is None else contextlib.closing(Journal(resume)) as journal:
            numbered = told(self._merged(self._answers(batch.tasks(), journal, room)), heard)
            async with aclosing(
                in_order(numbered, room) if ordered else unnumbered(numbered, room)
            ) as results:
                async for result in results:
                    yield result

    async def _flights_of(
        self, tasks: AsyncGenerator[Any, None], agent: str | None
    ) -> AsyncGenerator[Flight, None]:
        """A flight for each task; ends with `cancel_all`."""
        breaks = self._breaks
        async with aclosing(tasks):
            async for task in tasks:
                if self._breaks != breaks:
                    return
                if not isinstance(task, Task):
                    raise UsageError(f"the scheduler takes streamcell.Task, not {type(task).__name__}")
                flight = self._flight(task, agent or task.agent)
                self._flights.add(flight)
                yield flight

    def _flight(self, task: Task, wanted: str | None) -> Flight:
        try:
            name, agent = self._named(wanted)
        except UsageError as error:
            name, agent = wanted or "", Nobody(error)
        return Flight(task, name, agent, self._air)

    async def _stream(self, flight: Flight, tell: Tell[Record]) -> None:
        await tell(await self._fly(flight, tell))

    async def _answer(
        self, flight: Flight, number: int, journal: Journal | None, tell: Tell[tuple[int, TaskResult]]
    ) -> None:
        known = None if journal is None else journal.find(flight.task, flight.name)
        result = known or await self._fly(flight, None)
        if journal is not None and known is None:
            journal.write(flight.task, result)
        await tell((number, result))

    async def _fly(self, flight: Flight, tell: Tell[TaskChunk] | None) -> TaskResult:
        try:
            return await flight.run(tell)
        finally:
            self._flights.discard(flight)


def _agent(name: str, given: Agent | str) -> Agent:
    if isinstance(given, str):
        return Agent(given, name=name)
    if isinstance(given, type) or not callable(getattr(given, "stream", None)):
        raise UsageError(f"agent {name!r} is an Agent or the name of a model, not {type(given).__name__}")
    return given


def _is_time(seconds: object) -> bool:
    return isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0


def _urgency(task: object) -> int:
    return -task.priority if isinstance(task, Task) else 0
