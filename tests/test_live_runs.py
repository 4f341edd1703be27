"""Runs from their begin on, as a dashboard tells them."""

import asyncio
import gc
import logging
import weakref

import pytest

from runs import FAILURE, FINISHED, STARTED, texts
from streamcell.events import Finished, Usage, UsageReport
from streamcell.handle import Stream
from streamcell.live_runs import LiveRuns

ANSWER = [STARTED, *texts("abcd", "efgh"), UsageReport(Usage(10, 4)), FINISHED]


class Held:
    """A source that waits in the middle, until it is let go."""

    def __init__(self, *events):
        self.events = events
        self.said, self.free = asyncio.Event(), asyncio.Event()

    async def __call__(self, deliver):
        await deliver(list(self.events))
        self.said.set()
        await self.free.wait()
        await deliver([FINISHED])


class Told:
    def __init__(self):
        self.heard = []

    def begun(self, run):
        self.heard.append(("begun", run.number))

    def ended(self, run):
        self.heard.append(("ended", run.number, run.state))


def source(*events):
    async def said(deliver):
        await deliver(list(events))

    return said


@pytest.fixture
def runs():
    return LiveRuns(kept=2)


def ended(runs, *events, **metadata):
    stream = Stream(source(*(events or ANSWER)), on_error="keep")
    stream.response.metadata |= metadata
    runs.follow(stream)
    stream.result()
    return stream


async def going(runs):
    held = Held(STARTED, *texts("abcd"))
    stream = Stream(held)
    runs.follow(stream)
    assert runs.running() == []
    waiting = asyncio.ensure_future(stream._wait())
    await held.said.wait()
    return held, stream, waiting


def test_a_run_is_there_from_its_begin_to_its_end(runs):
    async def main():
        held, stream, waiting = await going(runs)
        (run,) = runs.running()
        board = runs.board(waited=lambda one: one is stream)
        assert (run.number, run.state, runs.find("1")) == (1, "streaming", run)
        assert [(one.run, one.state, one.waited) for one in board.runs] == [("1", "streaming", True)]
        assert (board.running, board.tokens) == (1, 1)
        held.free.set()
        await waiting
        assert runs.running() == []
        assert runs.find("1") is None
        assert runs.board().done == 1

    asyncio.run(main())


def test_a_run_can_be_stopped_by_its_number(runs):
    async def main():
        _, stream, waiting = await going(runs)
        runs.find("1").stream.cancel()
        await waiting
        assert stream.response.stop_reason == "cancelled"
        assert runs.board().stopped == 1

    asyncio.run(main())


def test_the_newest_are_first_and_the_oldest_are_counted_only(runs):
    for _ in range(3):
        ended(runs)
    board = runs.board()
    assert [one.run for one in board.runs] == ["3", "2"]
    assert (board.more, board.done, board.tokens) == (1, 3, 12)


@pytest.mark.parametrize(
    ("end", "state"),
    [
        (Finished("length"), "done"),
        (Finished("cancelled"), "stopped"),
        (Finished("error", FAILURE), "failed"),
    ],
)
def test_a_run_ends_in_one_of_three_states(runs, end, state):
    ended(runs, STARTED, *texts("a"), end)
    board = runs.board()
    assert board.runs[0].state == state
    assert getattr(board, state) == 1


def test_a_replay_is_shown_and_not_counted(runs):
    ended(runs, replayed=True)
    board = runs.board()
    assert board.runs[0].replayed
    assert (board.tokens, board.first.bins, board.gaps.bins) == (0, [], [])


def test_a_number_that_is_none_finds_nothing(runs):
    assert [runs.find(number) for number in ("", "x", "-1", "²", "7")] == [None] * 5


def test_watchers_are_told_of_begin_and_end(runs):
    told = Told()
    end = runs.watch(told)
    ended(runs)
    end()
    ended(runs)
    assert told.heard == [("begun", 1), ("ended", 1, "done")]


def test_a_broken_watcher_is_reported_once_and_detached(runs, caplog):
    runs.watch(None)
    with caplog.at_level(logging.ERROR, "streamcell"):
        ended(runs)
        ended(runs)
    assert len(caplog.records) == 1


def test_a_stream_that_is_over_is_held_by_nobody(runs):
    stream = weakref.ref(ended(runs))
    gc.collect()
    assert stream() is None
