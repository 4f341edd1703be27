"""What users' own tests are built on."""

from __future__ import annotations

import asyncio
import threading
import time

import httpx2
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.io.clock import Clock, SystemClock
from streamcell.testing import (
    Fault,
    Script,
    ScriptedProvider,
    VirtualClock,
    WireServer,
    create_mock_stream,
)

PROMPT = [{"role": "user", "content": "Explain DNA"}]


async def collect(stream):
    return [chunk async for chunk in stream]


# -- mock streams


@given(st.text(), st.integers(1, 9))
def test_a_mock_stream_gives_the_text_in_chunks_and_an_empty_last_one(text, size):
    *chunks, last = create_mock_stream(text, chunk_size=size)
    assert "".join(chunk.content for chunk in chunks) == text
    assert all(1 <= len(chunk.content) <= size and not chunk.is_final for chunk in chunks)
    assert (last.content, last.is_final) == ("", True)


def test_a_mock_stream_is_read_both_ways_and_again():
    stream = create_mock_stream("Hello world")
    contents = [chunk.content for chunk in stream]
    assert contents == ["Hello", " worl", "d", ""]
    assert [chunk.content for chunk in asyncio.run(collect(stream))] == contents
    assert [chunk.content for chunk in stream] == contents


def test_a_mock_stream_waits_before_each_chunk(monkeypatch):
    waited = []
    monkeypatch.setattr(time, "sleep", waited.append)
    list(create_mock_stream("abc", chunk_size=1, delay=0.25))
    assert waited == [0.25] * 4


def test_a_chunk_size_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        create_mock_stream("x", chunk_size=0)


# -- servers


def test_a_server_serves_a_synchronous_client():
    with (
        WireServer(Script.of("Hello")) as server,
        openai.OpenAI(base_url=server.base_url, api_key="none") as api,
    ):
        answer = api.chat.completions.create(model="m", messages=PROMPT)
        assert answer.choices[0].message.content == "Hello"
        assert server.requests[0].body["messages"] == PROMPT


def test_a_server_starts_beside_a_loop_that_runs():
    async def as_in_a_notebook():
        with WireServer(Script.of("Hi")) as server:
            return server.base_url

    assert asyncio.run(as_in_a_notebook()).startswith("http://127.0.0.1:")


def test_a_server_leaves_no_thread():
    before = threading.enumerate()
    with WireServer(Script.of("Hello", fault=Fault("stall", after=0))) as server:
        with (
            httpx2.Client(base_url=server.base_url) as http,
            http.stream("POST", "/chat/completions", json={"stream": True}),
        ):
            assert server.open_connections == 1
        assert threading.enumerate() != before
    assert threading.enumerate() == before


def test_an_asynchronous_server_starts_no_thread():
    async def main():
        before = threading.enumerate()
        async with (
            WireServer(Script.of("Hello")) as server,
            httpx2.AsyncClient(base_url=server.base_url) as http,
        ):
            answer = await http.post("/chat/completions", json={"messages": PROMPT})
            assert answer.json()["choices"][0]["message"]["content"] == "Hello"
            assert threading.enumerate() == before

    asyncio.run(main())


def test_a_scripted_provider_answers_in_turn():
    with ScriptedProvider("one", Script.of("two")) as scripted:
        with openai.OpenAI(base_url=scripted.base_url, api_key="none") as api:
            answers = [api.chat.completions.create(model="m", messages=PROMPT) for _ in range(3)]
        assert [answer.choices[0].message.content for answer in answers] == ["one", "two", "two"]
        assert len(scripted.requests) == 3
        facts = scripted.provider.facts
        assert (facts.name, facts.base_url, facts.scripted) == ("scripted", scripted.base_url, True)


# -- clocks


def test_a_virtual_clock_moves_instead_of_waiting():
    async def main():
        clock = VirtualClock(start=1000.0)
        await clock.sleep(3600)
        await clock.sleep(0)
        return clock.monotonic(), clock.time()

    assert asyncio.run(main()) == (3600.0, 4600.0)


@given(st.lists(st.integers(0, 50), max_size=8))
def test_sleepers_wake_in_the_order_of_their_times(seconds):
    async def main():
        clock = VirtualClock()
        woken = []

        async def sleeper(after):
            await clock.sleep(after)
            woken.append((after, clock.monotonic()))

        await asyncio.gather(*(sleeper(after) for after in seconds))
        return woken

    assert asyncio.run(main()) == [(after, float(after)) for after in sorted(seconds)]


def test_a_worker_that_sleeps_often_is_before_a_later_timeout():
    async def main():
        clock = VirtualClock()
        order = []

        async def work():
            for _ in range(10):
                await clock.sleep(1)
                await asyncio.sleep(0)
            order.append("work")

        async def timeout():
            await clock.sleep(10.5)
            order.append("timeout")

        await asyncio.gather(timeout(), work())
        return order

    assert asyncio.run(main()) == ["work", "timeout"]


def test_a_cancelled_sleeper_moves_no_time():
    async def main():
        clock = VirtualClock()
        sleeper = asyncio.create_task(clock.sleep(100))
        await asyncio.sleep(0)
        sleeper.cancel()
        await clock.sleep(1)
        return clock.monotonic()

    assert asyncio.run(main()) == 1.0


def test_a_manual_clock_stands_still_until_it_is_advanced():
    async def main():
        clock = VirtualClock(manual=True)
        sleeper = asyncio.create_task(clock.sleep(5))
        for _ in range(50):
            await asyncio.sleep(0)
        states = [sleeper.done()]
        await clock.advance(4.5)
        states.append(sleeper.done())
        await clock.advance(0.5)
        return [*states, sleeper.done(), clock.monotonic()]

    assert asyncio.run(main()) == [False, False, True, 5.0]


def test_the_system_clock_does_not_run_backwards():
    async def main():
        clock: Clock = SystemClock()
        before = clock.monotonic()
        await clock.sleep(0)
        return clock.monotonic() >= before and clock.time() > 1_700_000_000

    assert asyncio.run(main())
