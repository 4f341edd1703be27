"""For tests of many tasks: an agent without a model, and what is done to a scheduler again and again."""

from __future__ import annotations

import asyncio

from runs import FINISHED, STARTED, source, texts
from streamcell.errors import ProviderError
from streamcell.handle import Stream
from streamcell.many.tasks import Task

PATIENCE = 60.0
DOWN = ProviderError("it is down", kind="server", retryable=True)


class Stub:
    """An agent that answers each prompt with a source of events, and notes what was asked and what runs."""

    def __init__(self, answer=None, clock=None):
        self._answer = answer or (lambda prompt: source([STARTED, *texts("re: ", prompt)], [FINISHED]))
        self._clock = clock
        self.asked = []
        self.options = []
        self.inside = self.peak = 0

    def stream(self, prompt, **options):
        self.options.append(options)
        answer = self._answer(prompt)

        async def run(deliver):
            self.asked.append(prompt)
            self.inside += 1
            self.peak = max(self.peak, self.inside)
            try:
                await answer(deliver)
            finally:
                self.inside -= 1

        return Stream(run, clock=self._clock)


def stuck(_):
    return source([STARTED, *texts("a")], never_ends=True)


def failing(error, *groups):
    return lambda _: source(*groups, error=error)


def tasks(count, **fields):
    return [Task(str(number), f"prompt {number}", **fields) for number in range(count)]


def results(records):
    return {record.task_id: record for record in records if record.done}


async def collect(records, into=None):
    """All records; `into` keeps those before an error."""
    into = [] if into is None else into
    async with asyncio.timeout(PATIENCE):
        async for record in records:
            into.append(record)
    return into


def run(scheduler, given, agent=None):
    return asyncio.run(collect(scheduler.stream_all(given, agent)))


async def turns(count=20):
    for _ in range(count):
        await asyncio.sleep(0)


async def nobody_else():
    async with asyncio.timeout(PATIENCE):
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)


def failing_first(*errors, shown=()):
    """An agent that fails with each of `errors` in turn, then answers."""
    turn = iter(errors)

    def answer(prompt):
        error = next(turn, None)
        if error is None:
            return source([STARTED, *texts(prompt)], [FINISHED])
        return source([STARTED, *texts(*shown)], error=error)

    return answer
