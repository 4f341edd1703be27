"""`make soak HOURS=8`: streams for hours, with faults, cancels and slow readers; then nothing has grown.

Every minute is a shift with a model process of its own. When it is over and every stream has ended, memory,
open descriptors, tasks and threads of this process are printed. Exits 1 when one of them grows, or when a
stream ends in another way than its model made it.

    python bench/soak.py [--hours 8] [--streams 50]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import os
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import NamedTuple

from crowd_model import trouble_of
from many import make_room, model
from streamcell import Agent, StreamcellError
from streamcell.many.scheduler import Scheduler
from streamcell.many.tasks import Task, TaskResult
from streamcell.past_runs import KEPT

SHIFT = 60.0
FAULTS = 10
CANCELLED = 0.002
"""The chance of a chunk to be the one at which its task is cancelled, or its reader leaves."""
READERS = 5
LEAVERS = 5
SLOW = 0.01
"""Seconds that the first of the readers spends on each record."""
MODEL = f"n40-p50-d0-f{FAULTS}"
ALLOWED = 3.0
"""MiB that memory may grow by at all, and besides it, in each hour, `ALLOWED_AN_HOUR`."""
ALLOWED_AN_HOUR = 1.0
_HEAD = "minute    whole   failed  cancelled     left  unexpected    memory  descriptors  tasks  threads"


class Left(NamedTuple):
    """What the process holds while nothing runs; memory in MiB."""

    memory: float
    descriptors: int
    tasks: int
    threads: int


class Shift:
    """One minute of streams from one model; `tally` counts how they ended."""

    def __init__(self, address: str, *, streams: int, numbers: itertools.count[int]) -> None:
        self.tally: Counter[str] = Counter()
        self._agent = Agent(f"openai:{MODEL}", base_url=address, api_key="none", retries=0, keep=False)
        self._scheduler = Scheduler({"one": self._agent}, max_concurrency=streams)
        self._room = streams // READERS
        self._numbers = numbers
        self._end = time.monotonic() + SHIFT
        self._chance = random.Random()  # noqa: S311 - no secret

    async def work(self) -> None:
        """Return when the minute is over and all its streams have ended."""
        async with asyncio.TaskGroup() as group:
            for number in range(READERS):
                group.create_task(self._read(pause=0.0 if number else SLOW))
            for _ in range(LEAVERS):
                group.create_task(self._leave())
        await self._agent.aclose()

    async def _tasks(self, room: asyncio.Semaphore) -> AsyncIterator[Task]:
        while time.monotonic() < self._end:
            await room.acquire()
            number = str(next(self._numbers))
            yield Task(number, number)

    async def _read(self, *, pause: float) -> None:
        room = asyncio.Semaphore(self._room)
        async for record in self._scheduler.stream_all(self._tasks(room)):
            if isinstance(record, TaskResult):
                room.release()
                self.tally[_end_of(record)] += 1
            elif self._chance.random() < CANCELLED:
                self._scheduler.cancel(record.task_id)
            await asyncio.sleep(pause)

    async def _leave(self) -> None:
        """Read streams by hand, and leave some of them in the middle."""
        while time.monotonic() < self._end:
            number = next(self._numbers)
            try:
                async for _ in self._agent.stream(str(number)):
                    if self._chance.random() < CANCELLED:
                        self.tally["left"] += 1
                        break
                else:
                    self.tally[_judged(number, None)] += 1
            except StreamcellError as error:
                self.tally[_judged(number, error.kind)] += 1


def _end_of(result: TaskResult) -> str:
    return "cancelled" if result.kind == "cancelled" else _judged(int(result.task_id), result.kind)


def _judged(number: int, kind: str | None) -> str:
    trouble = trouble_of(number, FAULTS)
    if kind != (trouble and trouble.kind):
        return "unexpected"
    return "failed" if kind else "whole"


def left() -> Left:
    """What is left now, garbage collected."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return Left(
        memory=pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        descriptors=sum(1 for _ in Path("/proc/self/fd").iterdir()),
        tasks=len(asyncio.all_tasks()),
        threads=threading.active_count(),
    )


def growth(first: Left, last: Left, *, hours: float) -> list[str]:
    """What is not flat, in words."""
    allowed = ALLOWED + ALLOWED_AN_HOUR * hours
    found = [
        f"{name} grew from {before} to {after}"
        for name, before, after in zip(Left._fields[1:], first[1:], last[1:], strict=True)
        if after > before
    ]
    if last.memory > first.memory + allowed:
        found.append(
            f"memory grew from {first.memory:.1f} to {last.memory:.1f} MiB, {allowed:.1f} are allowed"
        )
    return found


async def fill_history() -> None:
    """As many runs as `history()` keeps, so that no minute's memory is that of its rows."""
    with model() as served:
        agent = Agent("openai:n1-p0-d0-f0", base_url=served.address, api_key="none", keep=False)
        scheduler = Scheduler({"one": agent}, max_concurrency=READERS)
        async for _ in scheduler.map(map(str, range(KEPT)), ordered=False):
            pass
        await agent.aclose()


async def soak(*, hours: float, streams: int) -> list[str]:
    """Work for `hours`, at least two minutes; what went wrong."""
    numbers = itertools.count()
    samples: list[Left] = []
    unexpected = 0
    await fill_history()
    print(_HEAD, flush=True)
    for minute in range(1, max(2, round(hours * 60)) + 1):
        with model() as served:
            shift = Shift(served.address, streams=streams, numbers=numbers)
            await shift.work()
        tally = shift.tally
        unexpected += tally["unexpected"]
        del shift
        samples.append(left())
        _print(minute, tally, samples[-1])
    # The first minute loads what is loaded once.
    wrong = growth(samples[0], samples[-1], hours=hours)
    return [*wrong, f"{unexpected} streams ended otherwise than they should"] if unexpected else wrong


def _print(minute: int, tally: Counter[str], sample: Left) -> None:
    ends = "".join(
        f"{tally[name]:{width}}"
        for name, width in (("whole", 9), ("failed", 9), ("cancelled", 11), ("left", 9), ("unexpected", 12))
    )
    held = f"{sample.memory:6.1f} MiB{sample.descriptors:13}{sample.tasks:7}{sample.threads:9}"
    print(f"{minute:6}{ends}{held}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak as long as asked; the exit code."""
    parser = argparse.ArgumentParser(prog="soak", description="Streams for hours; nothing may grow.")
    parser.add_argument("--hours", type=float, default=8.0)
    parser.add_argument("--streams", type=int, default=50, help="how many run at once")
    asked = parser.parse_args(arguments)
    make_room()
    wrong = asyncio.run(soak(hours=asked.hours, streams=asked.streams))
    print("flat" if not wrong else "NOT FLAT: " + "; ".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
