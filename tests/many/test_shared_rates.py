"""One rate for several processes: they keep it in a real Redis, and together they never exceed it."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from contextlib import aclosing

import pytest
import redis

from redis_server import redis_server
from streamcell import Agent
from streamcell.io.clock import SystemClock
from streamcell.many.rates import MINUTE, Rates
from streamcell.many.scheduler import Scheduler
from streamcell.testing import Script, WireServer
from stubs import Stub

KEY = "canary-" + "0123456789abcdef"
LIMIT = 40

TAKER = """
import asyncio, json, sys
from streamcell.io.clock import SystemClock
from streamcell.many.rates import Rates

async def main(storage, limits):
    rates = Rates(clock=SystemClock(), storage=storage, **json.loads(limits))
    await rates.take("somebody else", 1)
    print("ready", flush=True)
    sys.stdin.readline()
    granted = 0
    while not (charge := await rates.take("one", 10)).wait:
        granted += 1
    await rates.aclose()
    print(json.dumps([granted, charge.wait]))

asyncio.run(main(*sys.argv[1:]))
"""

ASKER = """
import asyncio, json, sys
from streamcell import Agent
from streamcell.io.clock import SystemClock
from streamcell.many.scheduler import Scheduler

class Impatient(SystemClock):
    waits = []

    async def sleep(self, seconds):
        self.waits.append(seconds)
        if scheduler.stats()["running"]:
            await asyncio.Event().wait()  # asked again when one of them ends
        scheduler.cancel_all()

async def main(storage, address, key, limit):
    global scheduler
    agent = Agent("openai:m", base_url=address, api_key=key, retries=0)
    scheduler = Scheduler(
        {"a": agent}, requests_per_minute=int(limit), storage=storage, clock=Impatient()
    )
    print("ready", flush=True)
    sys.stdin.readline()
    results = await scheduler.map([str(number) for number in range(int(limit))])
    print(json.dumps([sum(result.success for result in results), max(Impatient.waits)]))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    """The address of a Redis of our own."""
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server.address


async def both(code, *arguments):
    """What two processes print that run `code` and begin at the same time."""
    command = (sys.executable, "-W", "error", "-c", code, *arguments)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [await asyncio.create_subprocess_exec(*command, **pipes) for _ in range(2)]
    try:
        for process in processes:
            assert await process.stdout.readline() == b"ready\n", (await process.stderr.read()).decode()
        said = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert [errors for _, errors in said] == [b"", b""]
    return [json.loads(answer) for answer, _ in said]


@pytest.mark.parametrize("limits", [{"requests": 300}, {"tokens": 3000}, {"requests": 400, "tokens": 3000}])
def test_two_processes_that_race_get_exactly_the_limit_together(storage, limits):
    redis.Redis.from_url(storage).flushall()
    (one, one_wait), (other, other_wait) = asyncio.run(both(TAKER, storage, json.dumps(limits)))
    assert one + other == 300
    assert min(one, other) > 0
    assert all(0 < wait <= MINUTE for wait in (one_wait, other_wait))


def test_the_schedulers_of_two_processes_send_no_more_than_the_limit_together(storage):
    async def main():
        async with WireServer(Script.of("Yes.")) as server:
            address = f"{server.base_url}/v1"
            said = await both(ASKER, storage, address, KEY, str(LIMIT))
            return said, len(server.requests)

    ((one, one_wait), (other, other_wait)), sent = asyncio.run(main())
    assert one + other == sent == LIMIT
    assert all(0 < wait <= MINUTE for wait in (one_wait, other_wait))


def test_no_key_gets_into_the_storage_and_no_connection_stays(storage):
    client = redis.Redis.from_url(storage)

    async def main():
        async with WireServer(Script.of("Yes.")) as server:
            agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key=KEY)
            scheduler = Scheduler({"a": agent}, requests_per_minute=LIMIT, storage=storage)
            results = await scheduler.map(["Hi", "Hi"])
            await agent.aclose()
        return [result.success for result in results]

    client.flushall()
    assert asyncio.run(main()) == [True, True]
    names = client.keys()
    assert names
    assert not any(KEY.encode() in name for name in names)
    assert len(client.client_list()) == 1
    client.close()


def test_a_scheduler_can_be_used_again_on_another_loop(storage):
    scheduler = Scheduler({"a": Stub()}, requests_per_minute=LIMIT, storage=storage)

    async def once():
        async with aclosing(scheduler.map(["Hi"]).__aiter__()) as results:
            return [result.success async for result in results]

    assert [asyncio.run(once()) for _ in range(2)] == [[True], [True]]


def test_a_storage_that_is_away_fails_the_task_and_says_so():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    agent = Stub()
    scheduler = Scheduler({"a": agent}, requests_per_minute=1, storage=f"redis://127.0.0.1:{port}")

    async def main():
        return await scheduler.map(["Hi"])

    (result,) = asyncio.run(main())
    assert (result.success, result.kind, agent.asked) == (False, "connect", [])
    assert "is it running?" in result.error


def test_an_estimate_too_high_is_not_given_back_to_a_shared_storage(storage):
    async def main():
        rates = Rates(tokens=1000, clock=SystemClock(), storage=storage)
        charge = await rates.take("estimated", 900)
        rates.settle("estimated", charge, characters=0, tokens=100)
        wait = (await rates.take("estimated", 200)).wait
        await rates.aclose()
        return wait

    assert 0 < asyncio.run(main()) <= MINUTE
