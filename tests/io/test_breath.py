"""When the reader of a body rests, on a clock that is turned by hand."""

import asyncio

from streamcell.io.breath import SECONDS, Breath


def rests(gaps):
    """Whether there was a rest after each piece; `gaps` are the seconds each piece is waited for."""
    now, slept = 0.0, []

    async def sleep(seconds):
        nonlocal now
        now += seconds
        slept.append(seconds)

    async def read():
        nonlocal now
        breath, taken = Breath(now=lambda: now, sleep=sleep), []
        for gap in gaps:
            now += gap
            breath.piece()
            before = len(slept)
            await breath.rest()
            taken.append(len(slept) > before)
        return taken

    return asyncio.run(read())


def test_the_first_piece_is_never_rested_after():
    assert rests([0.001]) == [False]


def test_a_fast_stream_is_read_less_often():
    assert rests([0.001] * 4) == [False, True, True, True]


def test_a_slow_stream_is_never_held_up():
    assert rests([3 * SECONDS] * 5) == [False] * 5


def test_what_is_buffered_already_is_handed_on_at_once():
    assert rests([0.001, 0.001, 0.0, 0.0, 0.0]) == [False, True, False, False, False]
