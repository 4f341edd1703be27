"""Pauses a server asks for: the table itself, and streams that share it, on a clock that stands still."""

import asyncio

import pytest

import streamcell
from streamcell import ProviderError, Timeouts
from streamcell.events import ErrorInfo, Retrying
from streamcell.io.cooldown import Cooldowns, Pause
from streamcell.testing import Fault, Script, VirtualClock, WireServer

KEY, OTHER_KEY = "canary-" + "0123456789abcdef", "canary-" + "fedcba9876543210"
BUSY = ErrorInfo("rate_limit", "slow down", retryable=True)
PATIENCE = 10.0


def limited(seconds: float) -> Script:
    return Script(fault=Fault("status", status=429, retry_after=seconds))


def ask(server, clock, *, model="openai:m", key=KEY, **options):
    return streamcell.stream(
        "Hi", model, base_url=f"{server.base_url}/v1", api_key=key, clock=clock, **options
    )


def run(main):
    async def bounded():
        async with asyncio.timeout(PATIENCE):
            await main

    asyncio.run(bounded())


async def pausing(stream) -> Retrying:
    """Start the stream; its first pause."""
    told = asyncio.Event()
    pauses = []

    def sink(event):
        if isinstance(event, Retrying):
            pauses.append(event)
            told.set()

    stream.subscribe(sink)
    stream.reading = asyncio.ensure_future(stream._wait())
    await told.wait()
    return pauses[0]


def test_a_pause_in_force_is_never_shortened():
    table = Cooldowns()
    table.ask("here", Pause(10.0, BUSY))
    table.ask("here", Pause(5.0, BUSY))
    assert table.pause("here", 9.9).until == 10.0
    table.ask("here", Pause(12.0, BUSY))
    assert table.pause("here", 9.9).until == 12.0


def test_a_pause_that_is_over_is_forgotten():
    table = Cooldowns()
    table.ask("here", Pause(10.0, BUSY))
    assert table.pause("here", 10.0) is None
    assert table.pause("here", 0.0) is None


def test_a_pause_is_for_its_own_place():
    table = Cooldowns()
    table.ask("here", Pause(10.0, BUSY))
    assert table.pause("there", 0.0) is None


def test_a_stream_that_starts_during_a_pause_waits_too():
    async def main():
        clock = VirtualClock(manual=True)
        async with WireServer([limited(10), Script.of("Hello")]) as server:
            first, second = ask(server, clock), ask(server, clock)
            await pausing(first)
            await clock.advance(4)
            pause = await pausing(second)
            assert (pause.attempt, pause.error.status) == (0, 429)
            assert 6 <= pause.delay <= 6.5
            assert len(server.requests) == 1
            await clock.advance(7)
            assert [(await stream.reading).text for stream in (first, second)] == ["Hello", "Hello"]
            assert len(server.requests) == 3

    run(main())


def test_streams_that_wait_for_the_same_pause_wake_one_after_another():
    async def main():
        clock = VirtualClock(manual=True)
        async with WireServer([limited(10), Script.of("Hello")]) as server:
            await pausing(ask(server, clock))
            waiting = [ask(server, clock) for _ in range(20)]
            assert len({(await pausing(stream)).delay for stream in waiting}) == len(waiting)
            for stream in waiting:
                stream.cancel()

    run(main())


@pytest.mark.parametrize("other", [{"key": OTHER_KEY}, {"model": "openai:n"}, {"model": "groq:m"}])
def test_another_key_or_model_does_not_wait(other):
    async def main():
        clock = VirtualClock(manual=True)
        async with WireServer([limited(10), Script.of("Hello")]) as server:
            first = ask(server, clock)
            await pausing(first)
            if other.get("model") == "groq:m":
                async with WireServer(Script.of("Hello")) as elsewhere:
                    assert (await ask(elsewhere, clock, **other)).text == "Hello"
            else:
                assert (await ask(server, clock, **other)).text == "Hello"
            first.cancel()

    run(main())


def test_a_pause_above_the_cap_fails_its_own_call_at_once_and_holds_up_no_other():
    async def main():
        clock = VirtualClock(manual=True)
        async with WireServer([limited(61), Script.of("Hello")]) as server:
            with pytest.raises(ProviderError) as caught:
                await ask(server, clock)
            assert (caught.value.kind, caught.value.retry_after) == ("rate_limit", 61)
            assert (await ask(server, clock)).text == "Hello"

    run(main())


def test_a_call_without_retries_still_tells_the_others_to_wait():
    async def main():
        clock = VirtualClock(manual=True)
        async with WireServer([limited(10), Script.of("Hello")]) as server:
            with pytest.raises(ProviderError):
                await ask(server, clock, retries=0)
            second = ask(server, clock, retries=0)
            await pausing(second)
            await clock.advance(11)
            assert (await second.reading).text == "Hello"

    run(main())


def test_a_stream_with_less_time_than_the_pause_fails_at_once_and_sends_nothing():
    async def main():
        clock = VirtualClock(manual=True)
        async with WireServer([limited(10), Script.of("Hello")]) as server:
            await pausing(first := ask(server, clock))
            with pytest.raises(ProviderError) as caught:
                await ask(server, clock, timeouts=Timeouts(total=5.0))
            assert (caught.value.status, caught.value.attempts) == (429, 0)
            assert len(server.requests) == 1
            first.cancel()

    run(main())


def test_nobody_waits_for_ever_for_a_server_that_asks_again_and_again():
    async def main():
        clock = VirtualClock()
        async with WireServer(limited(50)) as server:
            streams = [ask(server, clock) for _ in range(4)]
            errors = await asyncio.gather(*streams, return_exceptions=True)
            assert [error.kind for error in errors] == ["rate_limit"] * 4
            # Each of three attempts waits for its own pause and at most once more for the pauses of others.
            assert clock.monotonic() < 3 * 2 * 61

    run(main())


def test_a_cancel_ends_the_wait():
    async def main():
        clock = VirtualClock(manual=True)
        async with WireServer([limited(10), Script.of("Hello")]) as server:
            await pausing(first := ask(server, clock))
            await pausing(second := ask(server, clock))
            first.cancel()
            second.cancel()
            assert (await second.reading).stop_reason == "cancelled"
            assert len(server.requests) == 1

    run(main())
