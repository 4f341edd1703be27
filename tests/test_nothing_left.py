"""What runs leave behind once they are over, however they ended: no socket, task, thread or memory."""

from __future__ import annotations

import asyncio
import gc
import random
import sys
import threading
import tracemalloc
from collections import Counter

import pytest

import streamcell
from faults import KEY, PIECES
from mishaps import outcomes, sockets
from streamcell import Timeouts
from streamcell.core.script import Script
from streamcell.events import TextDelta
from streamcell.io.portal import portal
from wires import WIRES, Reply, Server, Wire, chunked

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="counts sockets in /proc")

CANCELS = 1000
WARMING = 200
AT_ONCE = 20
TURNS = 120
"""The most turns of the loop that a run gets before it is cancelled: a whole answer takes about half."""
PATIENCE = 60.0
GROWTH = 5 * 1024 * 1024


@pytest.fixture(autouse=True)
def alone():
    """What other tests left to end by itself has ended before anything is counted."""
    if portal._thread is not None:
        portal._thread.join(PATIENCE)
    gc.collect()


def answers(wire: Wire) -> list[Reply]:
    """What a server does to a call: answers, falls silent at some point, or never comes to an end."""
    whole = wire.blocks(Script(pieces=PIECES * 3))
    endless = wire.pieces(TextDelta("on and on "))
    return [
        chunked(wire, whole),
        Reply((), "hang"),
        chunked(wire, [], end="hang"),
        chunked(wire, whole[:4], end="hang"),
        chunked(wire, [whole[0], *endless], end="repeat"),
    ]


def ask(provider: str, server: Server, **options) -> streamcell.Stream:
    return streamcell.stream(
        "Hi", f"{provider}:m", base_url=server.url + WIRES[provider].base, api_key=KEY, **options
    )


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def read_some(stream: streamcell.Stream, count: int) -> None:
    """Read at most `count` chunks, then leave."""
    async for chunk in stream:
        count -= not chunk.is_final
        if count <= 0:
            break


async def drain(stream: streamcell.Stream) -> None:
    async for _ in stream.events():
        pass


READERS = {
    "await": lambda stream, _: stream._wait(),
    "break": read_some,
    "events": lambda stream, _: drain(stream),
}


async def cancel_somewhere(provider: str, server: Server, chance: random.Random) -> tuple[str, bool]:
    """Start a run, end it after some turns of the loop; how it ended, and whether any text had come."""
    stream = ask(provider, server)
    reader = READERS[chance.choice(list(READERS))]
    reading = asyncio.ensure_future(reader(stream, chance.randrange(1, 5)))
    await turns(chance.randrange(TURNS))
    if chance.random() < 0.5:
        reading.cancel()
    stream.cancel()
    await asyncio.wait({reading})
    return stream.response.stop_reason, bool(stream.response.text)


async def nobody_else() -> None:
    """Return when this is the loop's only task."""
    async with asyncio.timeout(PATIENCE):
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others)


async def cancel_many(count: int, chance: random.Random) -> Counter[tuple[str, bool]]:
    gate, ends = asyncio.Semaphore(AT_ONCE), Counter()

    async def one(provider: str, server: Server) -> None:
        async with gate:
            ends[await cancel_somewhere(provider, server, chance)] += 1

    async def all_of(provider: str) -> None:
        async with Server(lambda _: [chance.choice(answers(WIRES[provider]))]) as server:
            await asyncio.gather(*(one(provider, server) for _ in range(count // len(WIRES))))
            async with asyncio.timeout(PATIENCE):
                await server.quiet()

    await asyncio.gather(*(all_of(provider) for provider in WIRES))
    await nobody_else()
    return ends


async def load_clients() -> None:
    """One whole answer from everybody: importing the official clients takes memory and time, once."""
    for provider, wire in WIRES.items():
        async with Server(lambda _, wire=wire: [answers(wire)[0]]) as server:
            assert (await ask(provider, server)).text
    await nobody_else()


def memory() -> int:
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def test_a_thousand_runs_cancelled_anywhere_leave_nothing():
    held, running, chance = sockets(), threading.active_count(), random.Random(1)  # noqa: S311
    asyncio.run(load_clients())
    tracemalloc.start()
    try:
        asyncio.run(cancel_many(WARMING, chance))
        before = memory()
        ends = asyncio.run(cancel_many(CANCELS, chance))
        growth = memory() - before
    finally:
        tracemalloc.stop()
    assert growth < GROWTH
    assert ends.total() == CANCELS
    assert min(ends["cancelled", False], ends["cancelled", True], ends["stop", True]) > CANCELS // 50, ends
    assert sockets() <= held
    assert threading.active_count() <= running


@pytest.mark.parametrize("provider", WIRES)
def test_all_faults_leave_nothing(provider):
    seen = outcomes(provider)
    assert {name for name, outcome in seen.by_name.items() if outcome.left} == set()
    assert (seen.sockets, seen.threads) == (0, 0)


@pytest.mark.parametrize("provider", WIRES)
def test_a_reader_that_is_dropped_closes_its_connection(provider):
    async def main():
        wire = WIRES[provider]
        endless = chunked(wire, wire.blocks(Script(pieces=PIECES))[:2], end="repeat")
        async with Server(lambda _: [endless]) as server:
            chunks = aiter(ask(provider, server))
            await anext(chunks)
            del chunks
            gc.collect()
            async with asyncio.timeout(PATIENCE):
                await server.quiet()
        await nobody_else()

    asyncio.run(main())


@pytest.mark.parametrize("provider", WIRES)
def test_a_stream_that_was_never_read_sends_nothing(provider):
    async def main():
        async with Server(lambda _: answers(WIRES[provider])) as server:
            ask(provider, server)
            gc.collect()
            await turns(TURNS)
            assert server.connections == 0

    asyncio.run(main())


class Background:
    """A server on a loop of its own, for tests that block."""

    def __init__(self, replies):
        self.server = Server(replies)
        self._up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self):
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with self.server:
            self._up.set()
            await self._over.wait()

    def quiet(self):
        asyncio.run_coroutine_threadsafe(self.server.quiet(), self._loop).result(PATIENCE)

    def __enter__(self):
        self._thread.start()
        self._up.wait(PATIENCE)
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()


@pytest.mark.parametrize("provider", WIRES)
def test_leaving_a_plain_loop_closes_the_connection_and_the_portal_ends(provider):
    wire, before = WIRES[provider], sockets()
    endless = chunked(wire, wire.blocks(Script(pieces=PIECES))[:2], end="repeat")
    replies = [endless, Reply((), "hang"), chunked(wire, wire.blocks(Script(pieces=PIECES)))]
    turn = iter(replies)
    with Background(lambda _: [next(turn)]) as background:
        for chunk in ask(provider, background.server):
            assert chunk.content
            break
        background.quiet()
        silent = ask(provider, background.server, retries=0, timeouts=Timeouts(first=0.1))
        silent.start()
        del silent
        assert ask(provider, background.server).result().stop_reason == "stop"
        background.quiet()
    thread = portal._thread
    assert thread is not None
    thread.join(PATIENCE)
    assert not portal.running
    assert sockets() <= before
