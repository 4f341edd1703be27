"""Requests and tokens a minute: charged, waited for, put right; all on a clock that is handed in."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.errors import UsageError
from streamcell.many.rates import MINUTE, USUAL_TOKENS, MemoryWindows, Rates
from streamcell.testing import VirtualClock


def rates(clock, **limits):
    return Rates(clock=clock, **limits)


async def take(rates, clock, tokens=0, account="one"):
    """A charge that was granted, however long that takes."""
    while (charge := await rates.take(account, tokens)).wait:
        await clock.sleep(charge.wait)
    return charge


def minutes(times):
    """What lies in each sixty seconds that begin with a use and are over."""
    last = times[-1][0]
    starts = [start for start, _ in times if start + MINUTE <= last]
    return [sum(amount for at, amount in times if start <= at < start + MINUTE) for start in starts]


def densest(times):
    """The most that lies in any sixty seconds."""
    return max(sum(amount for at, amount in times if start <= at < start + MINUTE) for start, _ in times)


def test_without_limits_everything_passes():
    clock = VirtualClock()
    assert asyncio.run(rates(clock).take("one", 10**9)).wait == 0


def test_requests_beyond_the_limit_wait_until_the_first_is_a_minute_old():
    async def main():
        clock = VirtualClock()
        limited = rates(clock, requests=2)
        waits = []
        for seconds in (10, 5, 0):
            charge = await limited.take("one", 0)
            waits.append(charge.wait)
            await clock.sleep(seconds)
        return waits

    assert asyncio.run(main()) == [0, 0, pytest.approx(45)]


def test_accounts_do_not_share_their_minute():
    async def main():
        limited = rates(VirtualClock(), requests=1)
        return [(await limited.take(account, 0)).wait for account in ("one", "two", "one")]

    first, second, third = asyncio.run(main())
    assert (first, second) == (0, 0)
    assert third > 0


@pytest.mark.parametrize("limit", [7, 60, 500])
def test_the_rate_of_requests_holds_within_five_percent(limit):
    async def main():
        clock = VirtualClock()
        limited = rates(clock, requests=limit)
        times = []
        while clock.monotonic() < 10 * MINUTE:
            await take(limited, clock)
            times.append((clock.monotonic(), 1))
            await clock.sleep(MINUTE / limit / 3)
        return times

    times = asyncio.run(main())
    assert densest(times) <= limit
    assert min(minutes(times)) >= 0.95 * limit


@pytest.mark.parametrize("used", [40, USUAL_TOKENS, 2000])
def test_the_rate_of_tokens_holds_within_five_percent_whatever_was_estimated(used):
    limit = 60_000

    async def main():
        clock = VirtualClock()
        limited = rates(clock, tokens=limit)
        times = []
        while clock.monotonic() < 5 * MINUTE:
            charge = await take(limited, clock, limited.estimate("one", 0, None))
            times.append((clock.monotonic(), used))
            await clock.sleep(0.03)
            limited.settle("one", charge, characters=0, tokens=used)
        return times

    times = asyncio.run(main())
    after_learning = [(at, amount) for at, amount in times if at >= MINUTE]
    assert densest(after_learning) <= 1.05 * limit
    assert min(minutes(after_learning)) >= 0.95 * limit
    assert sum(amount for _, amount in after_learning) == pytest.approx(4 * limit, rel=0.05)


def test_what_was_estimated_too_high_is_given_back():
    async def main():
        limited = rates(VirtualClock(), tokens=1000)
        charge = await limited.take("one", 1000)
        refused = await limited.take("one", 900)
        limited.settle("one", charge, characters=0, tokens=100)
        return refused.wait, (await limited.take("one", 900)).wait

    refused, granted = asyncio.run(main())
    assert (refused, granted) == (MINUTE, 0)


def test_what_was_estimated_too_low_is_paid_before_the_next_request():
    async def main():
        clock = VirtualClock()
        limited = rates(clock, tokens=1000)
        charge = await limited.take("one", 100)
        limited.settle("one", charge, characters=0, tokens=3000)
        await take(limited, clock, 100)
        return clock.monotonic()

    # 900 at once; 1000 after a minute, another after two, with which the next one must not share its minute.
    assert asyncio.run(main()) == pytest.approx(3 * MINUTE, abs=0.1)


def test_a_request_larger_than_the_limit_goes_when_nothing_else_counts_and_is_paid_afterwards():
    async def main():
        clock = VirtualClock()
        limited = rates(clock, tokens=1000)
        starts = []
        for _ in range(3):
            await take(limited, clock, 2000)
            starts.append(clock.monotonic())
        return starts

    assert asyncio.run(main()) == pytest.approx([0, 2 * MINUTE, 4 * MINUTE], abs=0.1)


def test_hidden_retries_count_as_requests():
    async def main():
        clock = VirtualClock()
        limited = rates(clock, requests=3)
        limited.settle("one", await limited.take("one", 0), characters=0, tokens=None, retries=2)
        return (await limited.take("one", 0)).wait

    assert asyncio.run(main()) == MINUTE


def test_a_refusal_charges_nothing():
    async def main():
        limited = rates(VirtualClock(), requests=2, tokens=100)
        await limited.take("one", 90)
        refusals = [(await limited.take("one", 20)).wait for _ in range(5)]
        return refusals, (await limited.take("one", 10)).wait

    assert asyncio.run(main()) == ([MINUTE] * 5, 0)


def test_an_estimate_learns_what_answers_use():
    limited = rates(VirtualClock(), tokens=10**6)
    assert limited.estimate("one", 400, None) == 100 + USUAL_TOKENS
    assert limited.estimate("one", 400, 50) == 150

    async def main():
        for _ in range(30):
            limited.settle("one", await limited.take("one", 100), characters=400, tokens=130)

    asyncio.run(main())
    assert limited.estimate("one", 400, None) == pytest.approx(130, abs=1)


def test_a_refused_request_is_given_back_and_teaches_nothing():
    limited = rates(VirtualClock(), tokens=1000)

    async def main():
        for _ in range(5):
            limited.settle("one", await limited.take("one", 1000), characters=0, tokens=0)
        return (await limited.take("one", 1000)).wait

    assert asyncio.run(main()) == 0
    assert limited.estimate("one", 0, None) == USUAL_TOKENS


@given(st.lists(st.tuples(st.floats(0, 50), st.integers(1, 40)), min_size=1, max_size=40))
def test_no_minute_of_the_memory_ever_holds_more_than_the_limit(uses):
    async def main():
        clock = VirtualClock()
        windows = MemoryWindows(clock.monotonic)
        granted = []
        for seconds, amount in uses:
            await clock.sleep(seconds)
            if await windows.acquire_entry("k", 100, MINUTE, amount):
                granted.append((clock.monotonic(), amount))
        return granted

    assert densest(asyncio.run(main())) <= 100


def test_a_shared_storage_counts_for_all_who_name_it():
    async def main():
        clock = VirtualClock()
        limited = rates(clock, requests=1, tokens=1000, storage="memory://")
        first = await limited.take("one", 300)
        limited.settle("one", first, characters=0, tokens=100)
        return first.wait, (await limited.take("one", 300)).wait

    first, second = asyncio.run(main())
    assert first == 0
    assert second > 0


@pytest.mark.parametrize("storage", ["nonsense://x", "nonsense"])
def test_a_storage_that_cannot_be_used_is_refused(storage):
    with pytest.raises(UsageError, match="nonsense"):
        rates(VirtualClock(), storage=storage)


@pytest.mark.parametrize("limit", [0, -1, 1.5, True])
def test_a_limit_below_one_is_refused(limit):
    with pytest.raises(UsageError, match="requests_per_minute"):
        rates(VirtualClock(), requests=limit)
