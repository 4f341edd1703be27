"""Lets every fault of the table happen to a provider, all at once on one loop, and notes what came of it."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

import streamcell
from faults import KEY, Fault, Site, faults_of
from streamcell import StreamcellError, run
from streamcell.events import Event, Finished, TextDelta
from streamcell.io import refusals
from streamcell.testing import VirtualClock
from wires import WIRES, Reply, Server

PATIENCE = 60.0
"""Seconds for one run, whatever happens: only ever reached by a hang."""
AT_ONCE = 12


class Outcome(NamedTuple):
    """What one run ended with. The text itself is kept only where the table asks for it."""

    error: BaseException | None
    trace: str
    text: str
    is_whole: bool
    """Whether the response, the partial of the error and the deltas are all the same."""
    events: list[type[Event]]
    last: Finished
    calls: int
    requests: int
    left: int


class Outcomes(NamedTuple):
    """What all faults of one provider ended with, and what is left of them in this process."""

    by_name: dict[str, Outcome]
    elsewhere: int
    longest_turn: float
    sockets: int
    threads: int


def sockets() -> int:
    """How many sockets this process holds."""
    count = 0
    for entry in Path("/proc/self/fd").iterdir():
        try:
            count += str(entry.readlink()).startswith("socket:")
        except FileNotFoundError:  # the folder's own descriptor, closed by now
            continue
    return count


async def happen(fault: Fault, provider: str, elsewhere: str) -> Outcome:
    wire = WIRES[provider]

    def replies(url: str) -> list[Reply]:
        reply = fault.reply(Site(wire, url, elsewhere))
        return [reply] if isinstance(reply, Reply) else list(reply)

    async with Server(replies) as server:
        address = fault.address(server.url) if fault.address else server.url
        asked = streamcell.stream(
            "Hi",
            f"{provider}:m",
            base_url=address + wire.base,
            api_key=KEY,
            clock=VirtualClock(),
            **fault.options,
        )
        error, trace = None, ""
        try:
            async with asyncio.timeout(PATIENCE):
                await asked
        except Exception as caught:  # noqa: BLE001 - whatever comes out is what is judged
            error, trace = caught, "".join(traceback.format_exception(caught))
        async with asyncio.timeout(PATIENCE):
            await server.quiet()
        return outcome(asked, error, trace, fault, provider=provider, server=server)


def outcome(
    asked: streamcell.Stream,
    error: BaseException | None,
    trace: str,
    fault: Fault,
    *,
    provider: str,
    server: Server,
) -> Outcome:
    response, events = asked.response, asked.ledger.events.read(0)
    deltas = "".join(event.text for event in events if isinstance(event, TextDelta))
    is_whole = deltas == response.text
    if isinstance(error, StreamcellError):
        is_whole &= error.partial is None or error.partial is response
        is_whole &= (error.partial is not None) == isinstance(error, streamcell.StreamInterruptedError)
        error.partial = None
    return Outcome(
        error,
        trace,
        response.text if fault.expected(provider).text is not None else "",
        is_whole,
        [type(event) for event in events],
        events[-1],
        len(response.tool_calls),
        server.requests,
        server.open,
    )


async def watch(longest: list[float]) -> None:
    """Note the longest work of this thread between two turns of the loop."""
    while True:
        before = time.thread_time()
        await asyncio.sleep(0)
        longest[0] = max(longest[0], time.thread_time() - before)
        await asyncio.sleep(0.01)


async def happen_all(provider: str) -> tuple[dict[str, Outcome], int, float]:
    gate, longest = asyncio.Semaphore(AT_ONCE), [0.0]

    async def one(fault: Fault, elsewhere: str) -> tuple[str, Outcome]:
        async with gate:
            return fault.name, await happen(fault, provider, elsewhere)

    async with Server(lambda _: [Reply(())]) as elsewhere:
        watcher = asyncio.create_task(watch(longest))
        pairs = await asyncio.gather(*(one(fault, elsewhere.url) for fault in faults_of(provider)))
        watcher.cancel()
        return dict(pairs), elsewhere.connections, longest[0]


@cache
def outcomes(provider: str) -> Outcomes:
    """What came of all faults of a provider; they happen once, however often this is asked."""
    before, running = sockets(), threading.active_count()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "LINGER_SECONDS", 0.3)
        patch.setattr(refusals, "REFUSAL_SECONDS", 0.1)
        seen = asyncio.run(happen_all(provider))
    return Outcomes(*seen, sockets() - before, threading.active_count() - running)
