"""The bar of a batch: when it is drawn, what it leaves, and that the results pass it untouched."""

from __future__ import annotations

import asyncio
import io
import re

import pytest
from IPython.utils.capture import capture_output
from rich.console import Console

from runs import FINISHED, STARTED, texts
from streamcell import Scheduler, show
from streamcell.notebook.progress import PAUSE, PageBar, TerminalBar, watched
from streamcell.notebook.tally import Tally
from streamcell.testing import VirtualClock
from stubs import DOWN, Stub, failing, nobody_else, turns


class NotedBar:
    """Notes what is drawn on it, and how it ended."""

    def __init__(self, *, broken=False):
        self.lines = []
        self.last = None
        self._broken = broken

    def draw(self, tally, line):
        if self._broken:
            raise BrokenPipeError
        self.lines.append(line)

    def close(self, tally, line):
        self.last = line


class Held:
    """An agent that answers a prompt when it is let go."""

    def __init__(self):
        self.agent = Stub(self._answer)
        self._let_go = {}

    def let_go(self, prompt):
        self._event(prompt).set()

    def _event(self, prompt):
        return self._let_go.setdefault(prompt, asyncio.Event())

    def _answer(self, prompt):
        async def run(deliver):
            await self._event(prompt).wait()
            await deliver([STARTED, *texts(prompt), FINISHED])

        return run


def of(agent, prompts, bar, *, clock=None, **options):
    results = Scheduler(agents={"a": agent}).map(prompts, **options)
    return watched(results, lambda: bar, clock=clock or VirtualClock(manual=True))


async def batch(held, bar, clock, prompts="xyz"):
    """A batch that is under way, as a task."""
    running = asyncio.ensure_future(of(held.agent, list(prompts), bar, clock=clock))
    await turns()
    return running


def test_the_results_pass_as_they_are():
    async def main():
        return await of(Stub(), ["x", "y"], NotedBar())

    assert [result.result for result in asyncio.run(main())] == ["re: x", "re: y"]


def test_they_can_be_iterated_too():
    async def main():
        return [result.result async for result in of(Stub(), ["x", "y"], NotedBar())]

    assert asyncio.run(main()) == ["re: x", "re: y"]


def test_it_is_drawn_at_most_four_times_a_second_and_only_when_something_is_new():
    held, bar, clock = Held(), NotedBar(), VirtualClock(manual=True)

    async def main():
        running = await batch(held, bar, clock)
        for prompt in "xy":
            held.let_go(prompt)
            await turns()
        assert bar.lines == ["0/3 · 0:00"]
        await clock.advance(PAUSE)
        assert bar.lines[1:] == ["2/3 · 0:00 left"]
        await clock.advance(PAUSE / 2)
        await clock.advance(PAUSE / 2)
        assert len(bar.lines) == 2
        held.let_go("z")
        await running

    asyncio.run(main())
    assert bar.last == "3/3 · 0:00"
    assert len(bar.lines) == 2


def test_what_waits_for_its_turn_is_counted_already():
    held, bar, clock = Held(), NotedBar(), VirtualClock(manual=True)

    async def main():
        running = await batch(held, bar, clock)
        held.let_go("z")
        await turns()
        await clock.advance(10 * PAUSE)
        held.let_go("x")
        held.let_go("y")
        assert [result.result for result in await running] == ["x", "y", "z"]

    asyncio.run(main())
    assert bar.lines[1].startswith("1/3")


def test_who_leaves_the_batch_ends_its_bar():
    bar = NotedBar()

    async def main():
        results = aiter(of(Stub(), ["x", "y"], bar, ordered=False))
        await anext(results)
        await results.aclose()
        await nobody_else()

    asyncio.run(main())
    assert bar.last is not None


def test_a_bar_that_breaks_ends_no_batch_and_is_told_of_once(caplog):
    bar = NotedBar(broken=True)

    async def main():
        return await of(Stub(), ["x", "y"], bar)

    assert len(asyncio.run(main())) == 2
    assert len(caplog.records) == 1
    assert bar.last is None


def test_failures_are_counted_as_they_come():
    bar = NotedBar()

    async def main():
        await of(Stub(failing(DOWN)), ["x", "y"], bar)

    asyncio.run(main())
    assert bar.last == "2/2 · 2 failed · 0:00"


# Where it is drawn


def drawn(bar, *counts, total):
    tally = Tally(total, began=0.0)
    for count in counts:
        tally.done = count
        bar.draw(tally, tally.line(0.0))
    bar.close(tally, tally.line(0.0))


@pytest.mark.usefixtures("shell")
def test_a_page_gets_one_output_that_is_renewed():
    with capture_output() as captured:
        drawn(PageBar(live=True), 0, 1, 2, total=2)
    ids = {output.transient["display_id"] for output in captured.outputs}
    assert [output.update for output in captured.outputs] == [False, True, True, True]
    assert len(ids) == 1
    last = captured.outputs[-1].data
    assert last["text/plain"] == "2/2 · 0:00"
    assert '<progress max="2" value="2"></progress> 2/2 · 0:00' in last["text/html"]


@pytest.mark.usefixtures("shell")
def test_without_a_total_the_page_draws_no_bar():
    with capture_output() as captured:
        drawn(PageBar(live=True), 3, total=None)
    assert "<progress" not in captured.outputs[-1].data["text/html"]


@pytest.mark.usefixtures("shell")
def test_a_page_that_nobody_watches_gets_the_end_alone():
    with capture_output() as captured:
        drawn(PageBar(live=False), 0, 1, 2, total=2)
    assert [output.data["text/plain"] for output in captured.outputs] == ["2/2 · 0:00"]


@pytest.mark.parametrize("total", [2, None])
def test_a_terminal_keeps_the_last_line(total):
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=80)
    drawn(TerminalBar(console), 0, 1, 2, total=total)
    last = re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", console.file.getvalue()).splitlines()[-1]
    assert last.endswith("2/2 · 0:00" if total else "2 done · 0:00")


def test_a_pipe_gets_nothing(capsys):
    async def main():
        scheduler = Scheduler(agents={"a": Stub()})
        return await show(scheduler.map(["x", "y"]))

    assert len(asyncio.run(main())) == 2
    assert capsys.readouterr() == ("", "")
