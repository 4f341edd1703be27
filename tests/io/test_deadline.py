"""One timer for the clocks of a run; real but small times, judged by order alone."""

from __future__ import annotations

import asyncio

import pytest

from streamcell.errors import ProtocolError, TransportError
from streamcell.io.deadline import Deadline

SOON = 0.01
NEVER = 3600.0


async def for_ever():
    await asyncio.Event().wait()


def test_a_moment_that_passes_ends_the_block_with_its_kind():
    async def main():
        async with Deadline() as deadline:
            deadline.set("timeout_idle", SOON, "no new content")
            await for_ever()

    with pytest.raises(TransportError, match="no new content") as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.retryable) == ("timeout_idle", True)
    assert caught.value.__suppress_context__
    assert caught.value.__cause__ is None


def test_the_limit_has_a_kind_of_its_own_and_no_later_moment_moves_it():
    async def main():
        async with Deadline() as deadline:
            deadline.set_limit(SOON)
            deadline.set("timeout_idle", NEVER, "")
            await for_ever()

    with pytest.raises(TransportError, match="total") as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.retryable) == ("timeout_total", False)


def test_a_moment_moved_on_does_not_fire_at_its_old_time():
    async def main():
        async with Deadline() as deadline:
            deadline.set("timeout_first", SOON, "")
            deadline.set("timeout_idle", NEVER, "")
            await asyncio.sleep(3 * SOON)

    asyncio.run(main())


def test_a_moment_moved_forward_fires_at_its_new_time():
    async def main():
        async with Deadline() as deadline:
            deadline.set("timeout_first", NEVER, "")
            deadline.set("timeout_idle", SOON, "")
            await for_ever()

    with pytest.raises(TransportError) as caught:
        asyncio.run(main())
    assert caught.value.kind == "timeout_idle"


def test_never_is_a_time():
    async def main():
        async with Deadline() as deadline:
            deadline.set("timeout_idle", SOON, "")
            deadline.set("timeout_idle", None, "")
            deadline.set_limit(None)
            await asyncio.sleep(3 * SOON)

    asyncio.run(main())


def test_moving_it_makes_no_new_timer():
    async def main():
        async with Deadline() as deadline:
            deadline.set("timeout_first", 60.0, "")
            timer = deadline._timer
            for _ in range(100):
                deadline.set("timeout_idle", NEVER, "")
            assert deadline._timer is timer

    asyncio.run(main())


def test_a_cancel_from_outside_stays_a_cancel():
    async def block():
        async with Deadline() as deadline:
            deadline.set("timeout_idle", NEVER, "")
            await for_ever()

    async def main():
        task = asyncio.create_task(block())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_a_cancel_from_outside_goes_before_a_moment_that_passes_with_it():
    async def block():
        async with Deadline() as deadline:
            deadline.set("timeout_idle", NEVER, "")
            deadline._due = 0
            deadline._look()
            await for_ever()

    async def main():
        task = asyncio.create_task(block())
        asyncio.get_running_loop().call_soon(task.cancel)
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


def test_an_error_of_the_block_is_not_hidden():
    async def main():
        async with Deadline() as deadline:
            deadline.set("timeout_idle", NEVER, "")
            raise ProtocolError("broken")

    with pytest.raises(ProtocolError, match="broken"):
        asyncio.run(main())


def test_after_the_block_no_timer_is_left():
    async def main():
        async with Deadline() as deadline:
            deadline.set("timeout_idle", NEVER, "")
        assert deadline._timer.cancelled()
        assert asyncio.current_task().cancelling() == 0

    asyncio.run(main())


def test_it_works_in_a_task_that_took_a_cancel_back_no_further_than_before():
    async def block():
        try:
            await for_ever()
        except asyncio.CancelledError:
            async with Deadline() as deadline:
                deadline.set("timeout_total", SOON, "too late")
                await for_ever()

    async def main():
        task = asyncio.create_task(block())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(TransportError, match="too late"):
            await task
        assert task.cancelling() == 1

    asyncio.run(main())
