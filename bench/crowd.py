"""A process that asks many questions at once, one way or the other, and says what that cost it.

    python bench/crowd.py WAY ADDRESS WAVE …

`WAY` is ``scheduler`` or ``gather`` (the official client, as one would write it by hand). A wave is
``QUESTIONS/MODEL``; its model is one of `crowd_model`. Prints one line of JSON with an `Outcome` for each.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import openai

from crowd_model import Saying, deltas, trouble_of
from streamcell import Agent
from streamcell.many.scheduler import Scheduler
from streamcell.many.tasks import Task

AT_ONCE = 1000

_STATUS = Path("/proc/self/status")


class End(NamedTuple):
    """The kind of the error, empty for an answer that came to its end; and how much of it came."""

    kind: str
    characters: int


Ends = dict[int, End]
Ask = Callable[[str, str, int], Awaitable[Ends]]


class Outcome(msgspec.Struct):
    """One wave: how its questions ended, and what it cost.

    `unexpected` counts, by the kind they ended with, those that ended otherwise than the model made them, or
    short of the whole answer. `size` is how large the process was before, `peak` at most; both in MiB.
    """

    whole: int
    failed: int
    unexpected: dict[str, int]
    cpu: float
    seconds: float
    size: float
    peak: float


async def main(way: str, address: str, *waves: str) -> list[Outcome]:
    """The outcomes of the waves, one after the other."""
    ask = {"scheduler": _scheduler, "gather": _gather}[way]
    return [await _measured(ask, address, *wave.split("/")) for wave in waves]


async def _measured(ask: Ask, address: str, questions: str, model: str) -> Outcome:
    _forget_peak()
    cpu, begun, size = time.process_time(), time.monotonic(), _mebibytes("VmRSS")
    ends = await ask(address, model, int(questions))
    cpu, seconds, peak = time.process_time() - cpu, time.monotonic() - begun, _mebibytes("VmHWM")
    failed = sum(1 for end in ends.values() if end.kind)
    return Outcome(len(ends) - failed, failed, _unexpected(ends, model), cpu, seconds, size, peak)


def _unexpected(ends: Ends, model: str) -> dict[str, int]:
    said = Saying.of(model)
    length = sum(len(delta.text) for delta in deltas(said.count))
    wrong: Counter[str] = Counter()
    for number, (kind, characters) in ends.items():
        trouble = trouble_of(number, said.percent)
        expected = trouble.kind if trouble else ""
        if kind != expected or (not kind and characters != length):
            wrong[kind or "none"] += 1
    return dict(wrong)


def _forget_peak() -> None:
    """Let the kernel measure the largest size anew (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5")


def _mebibytes(name: str) -> float:
    """A size of this process; not `ru_maxrss`, which begins with that of the parent."""
    return int(re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text()).group(1)) / 1024


async def _scheduler(address: str, model: str, questions: int) -> Ends:
    agent = Agent(f"openai:{model}", base_url=address, api_key="none", retries=0, keep=False)
    scheduler = Scheduler(agents={"one": agent}, max_concurrency=AT_ONCE)
    kinds: dict[int, str] = {}
    lengths: Counter[int] = Counter()
    async for record in scheduler.stream_all(Task(str(number), str(number)) for number in range(questions)):
        number = int(record.task_id)
        if record.done:
            kinds[number] = record.kind or ""
        else:
            lengths[number] += len(record.chunk)
    return {number: End(kind, lengths[number]) for number, kind in kinds.items()}


async def _gather(address: str, model: str, questions: int) -> Ends:
    async with openai.AsyncOpenAI(base_url=address, api_key="none", max_retries=0) as client:
        ends = await asyncio.gather(*(_by_hand(client, model, number) for number in range(questions)))
    return dict(enumerate(ends))


async def _by_hand(client: openai.AsyncOpenAI, model: str, number: int) -> End:
    length = 0
    try:
        answer = await client.chat.completions.create(
            model=model, stream=True, messages=[{"role": "user", "content": str(number)}]
        )
        async for chunk in answer:
            length += len(chunk.choices[0].delta.content or "") if chunk.choices else 0
    except Exception as error:  # noqa: BLE001 - it raises what its HTTP library raises, too
        return End(type(error).__name__, length)
    return End("", length)


if __name__ == "__main__":
    print(msgspec.json.encode(asyncio.run(main(*sys.argv[1:]))).decode())
