"""The registry of streams: what the last reader's leaving does, and what the end of the server does."""

from __future__ import annotations

import asyncio

import pytest

from streamcell.io.clock import SystemClock
from streamcell.serve.limits import Limits
from streamcell.serve.models import Models
from streamcell.serve.streams import Streams


def streams(model, **options):
    return Streams(Models([model]), limits=Limits(), clock=SystemClock(), **options)


@pytest.mark.parametrize(("on_leave", "stopped"), [("go_on", False), ("stop", True)])
def test_only_the_last_reader_that_leaves_may_stop_a_stream(endless, on_leave, stopped):
    async def leave():
        kept = streams(endless, on_leave=on_leave)
        held = await kept.start("hi", None, {}, "me")
        with kept.reading(held):
            with kept.reading(held):
                pass
            between = held.stream.finished
        after = held.stream.finished
        await kept.close()
        return between, after

    assert asyncio.run(leave()) == (False, stopped)


def test_the_end_of_the_server_stops_what_runs(endless):
    async def end():
        kept = streams(endless)
        held = await kept.start("hi", None, {}, "me")
        assert kept.running() == kept.running("me") == 1
        assert kept.running("you") == 0
        await kept.close()
        return held, kept.running()

    held, running = asyncio.run(end())
    assert held.stream.response.stop_reason == "cancelled"
    assert running == 0
    assert held.ended is not None


def test_ids_are_long_and_never_the_same(scripted):
    async def start():
        kept = streams(scripted("x"))
        found = {(await kept.start("hi", None, {}, "me")).id for _ in range(10)}
        await kept.close()
        return found

    found = asyncio.run(start())
    assert len(found) == 10
    assert min(map(len, found)) == 32
