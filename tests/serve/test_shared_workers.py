"""Three workers that are one server: real processes behind a real Redis, readers that are cut, one killed."""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import pytest

from redis_server import redis_server
from serving import frames, said
from streamcell.core.script import Script
from streamcell.events import Finished, TextDelta
from streamcell.testing import Fault, WireServer
from stubs import PATIENCE

TEXT = "## Streams\n\nEin Bächlein läuft 🏞 und hört nicht auf.\n" * 6
PIECES = Script.of(TEXT).pieces
READERS = 100
STEADY, STUCK = "steady", "stuck"
"""One model answers as fast as a model does, the other falls silent half way and never ends."""

WORKER = """
import sys
from streamcell import Agent
from streamcell.serve import Limits, run

log, *addresses = sys.argv[1:]
run(
    [
        Agent("openai:m", name=name, base_url=f"{address}/v1", retries=0)
        for name, address in zip(("steady", "stuck"), addresses)
    ],
    port=0,
    limits=Limits(streams=1000, starts_per_minute=10000),
    log=log,
)
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.address


class Worker:
    """One process and its address."""

    def __init__(self, process, address):
        self._process = process
        self.address = address

    async def kill(self):
        self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def three_workers(log):
    """Three processes, and the web client that asks them."""
    async with AsyncExitStack() as stack:
        steady = Script(PIECES, pace=0.01)
        stuck = Script(PIECES, fault=Fault("stall", after=len(PIECES) // 2))
        models = [await stack.enter_async_context(WireServer(script)) for script in (steady, stuck)]
        arguments = (log, *(model.base_url for model in models))
        workers = [await stack.enter_async_context(_worker(arguments)) for _ in range(3)]
        limits = httpx2.Limits(max_connections=None)
        web = httpx2.AsyncClient(limits=limits, timeout=PATIENCE, trust_env=False)
        yield workers, await stack.enter_async_context(web)


@asynccontextmanager
async def _worker(arguments):
    command = (sys.executable, "-c", WORKER, *arguments)
    process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE)
    said_so = []
    address = None
    while address is None:
        line = (await process.stderr.readline()).decode()
        said_so.append(line)
        assert line, "".join(said_so)
        address = re.search(r"running on (http://\S+)", line)
    rest = asyncio.create_task(process.stderr.read())
    try:
        yield Worker(process, address[1])
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()
        await rest


class Reader:
    """One reader of one stream, who remembers what it has."""

    def __init__(self, web):
        self._web = web
        self.place = None
        self.had = []

    async def start(self, worker, model, *, until):
        asked = {"prompt": "hi", "model": model}
        await self._read(("POST", f"{worker.address}/v1/streams"), until, json=asked)

    async def resume(self, worker, *, until=None):
        headers = {"last-event-id": str(self.had[-1].id)} if self.had else {}
        await self._read(("GET", f"{worker.address}{self.place}"), until, headers=headers)

    @property
    def ended(self):
        return bool(self.had) and isinstance(self.had[-1].data, Finished)

    async def _read(self, where, until, **options):
        """Read so many events, and leave; what else came by then never reached this reader."""
        before, text = self.had, ""
        async with self._web.stream(*where, **options) as answer:
            assert answer.status_code == 200
            self.place = answer.headers["location"]
            async for piece in answer.aiter_text():
                text += piece
                self.had = before + frames(text)
                if until is not None and len(self.had) >= until:
                    self.had = self.had[:until]
                    return


def check_numbers(reader):
    assert [frame.id for frame in reader.had] == list(range(len(reader.had)))


def test_a_hundred_readers_cut_anywhere_and_resumed_on_other_workers_get_the_exact_text(log):
    chance = random.Random(20261121)  # noqa: S311 - the same cuts in every run

    async def read(workers, web):
        reader, here = Reader(web), chance.choice(workers)
        cuts = sorted(chance.sample(range(1, len(PIECES)), 3))
        await reader.start(here, STEADY, until=cuts[0])
        for until in [*cuts[1:], None]:
            here = chance.choice([worker for worker in workers if worker is not here])
            await reader.resume(here, until=until)
        return reader

    async def main():
        async with asyncio.timeout(PATIENCE), three_workers(log) as (workers, web):
            return await asyncio.gather(*(read(workers, web) for _ in range(READERS)))

    readers = asyncio.run(main())
    assert len(readers) == READERS
    for reader in readers:
        check_numbers(reader)
        assert said(reader.had) == TEXT
        assert reader.had[-1].data.reason == "stop"


def test_a_worker_that_is_killed_ends_its_own_streams_and_no_others(log):
    async def main():
        async with asyncio.timeout(PATIENCE), three_workers(log) as (workers, web):
            killed, *others = workers
            lost = [Reader(web) for _ in range(10)]
            kept = [Reader(web) for _ in range(20)]
            half = len(PIECES) // 2
            await asyncio.gather(*(reader.start(killed, STUCK, until=5) for reader in lost))
            # What another worker reads was written before the end of the one that wrote it.
            await asyncio.gather(*(reader.resume(others[0], until=half + 1) for reader in lost))
            await asyncio.gather(*(reader.start(others[0], STEADY, until=5) for reader in kept))
            # Half of the readers of others' streams read them through the worker that is killed.
            through = [asyncio.create_task(_cut(reader, killed)) for reader in kept[:10]]
            watching = [asyncio.create_task(reader.resume(others[1])) for reader in kept[10:] + lost]
            await killed.kill()
            await asyncio.gather(*through)
            await asyncio.gather(*(reader.resume(others[1]) for reader in kept[:10] if not reader.ended))
            await asyncio.gather(*watching)
            late = Reader(web)
            late.place = lost[0].place
            await late.resume(others[0])
            return lost, kept, late

    lost, kept, late = asyncio.run(main())
    for reader in kept:
        check_numbers(reader)
        assert said(reader.had) == TEXT
        assert reader.had[-1].data.reason == "stop"
    for reader in lost:
        check_numbers(reader)
        assert said(reader.had) == "".join(piece.text for piece in PIECES[: len(PIECES) // 2])
        assert reader.had[-1].data.reason == "truncated"
        assert "the worker that ran this stream is gone" in reader.had[-1].data.error.message
    assert late.had == lost[0].had


async def _cut(reader, worker):
    """Read on there, until the worker is gone or the stream has ended."""
    try:
        await reader.resume(worker)
    except httpx2.TransportError:
        return


def test_a_stream_is_stopped_and_kept_on_any_worker(log):
    async def main():
        async with asyncio.timeout(PATIENCE), three_workers(log) as ((one, two, three), web):
            reader = Reader(web)
            await reader.start(one, STUCK, until=5)
            watching = asyncio.create_task(reader.resume(three))
            stopped = await web.delete(f"{two.address}{reader.place}")
            await watching
            return stopped.json(), reader

    stopped, reader = asyncio.run(main())
    assert stopped["stop_reason"] == "cancelled"
    assert reader.had[-1].data == Finished("cancelled")
    assert sum(isinstance(frame.data, TextDelta) for frame in reader.had) == len(reader.had) - 2
    check_numbers(reader)
