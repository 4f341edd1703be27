"""How far a batch is, on a bar: in a page an output that is renewed, in a terminal a line of Rich.

The results pass through untouched, and what cannot be drawn ends no batch. What is counted, and in which
words it is said, `tally` knows.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import Any, Protocol

from IPython.display import DisplayHandle
from IPython.display import display as publish
from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as RichProgress

from streamcell.core import safe_html
from streamcell.io.clock import Clock, SystemClock
from streamcell.many.batch import each
from streamcell.many.results import Heard, Results
from streamcell.many.tasks import TaskResult
from streamcell.notebook import kernel
from streamcell.notebook.display import Kind
from streamcell.notebook.tally import Tally

log = logging.getLogger("streamcell")

PAUSE = 0.25
"""Seconds from one drawing to the next."""
_SYSTEM = SystemClock()


class Bar(Protocol):
    """Where the progress of one batch is drawn."""

    def draw(self, tally: Tally, line: str) -> None:
        """How far it is now; the first time, the bar appears."""
        ...

    def close(self, tally: Tally, line: str) -> None:
        """How far it came: leave what should last."""
        ...


class PageBar:
    """An output of the cell, without a widget; unless `live`, only what came of it at the end."""

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._handle: DisplayHandle | None = None

    def draw(self, tally: Tally, line: str) -> None:
        if self._live:
            self.close(tally, line)

    def close(self, tally: Tally, line: str) -> None:
        bundle = {"text/plain": line, "text/html": _html(tally, line)}
        if self._handle is None:
            self._handle = publish(bundle, raw=True, display_id=True)
        else:
            self._handle.update(bundle, raw=True)


class TerminalBar:
    """A line of a terminal; where standard error is none, nothing at all."""

    def __init__(self, console: Console | None = None) -> None:
        console = console or Console(file=sys.stderr, highlight=False, force_jupyter=False)
        self._shown = console.is_terminal
        columns = (BarColumn(), TextColumn("{task.description}", markup=False))
        # Without Rich's own thread.
        self._progress = RichProgress(*columns, console=console, auto_refresh=False)
        self._task = self._progress.add_task("", start=False)

    def draw(self, tally: Tally, line: str) -> None:
        if self._shown:
            self._progress.start()
            self._progress.update(self._task, completed=tally.done, total=tally.total, description=line)
            self._progress.refresh()

    def close(self, tally: Tally, line: str) -> None:
        self.draw(tally, line)
        if self._shown:
            self._progress.stop()


def bar_for(shell: Any, kind: Kind) -> Bar:
    """The bar for where we are."""
    where = kernel.host(shell)
    if where == "terminal" or kind == "text":
        return TerminalBar()
    return PageBar(live=kind != "static" and where == "page")


def watched(results: Results, bar: Callable[[], Bar], *, clock: Clock = _SYSTEM) -> Results:
    """The same results, with a bar each time they are awaited or iterated."""
    return Results(functools.partial(_watched, results, bar, clock), total=results.total)


async def _watched(
    results: Results, bar: Callable[[], Bar], clock: Clock, heard: Heard
) -> AsyncGenerator[TaskResult, None]:
    tally = Tally(results.total, began=clock.monotonic())

    def hear(result: TaskResult) -> None:
        tally.add(result)
        heard(result)

    async with _drawn(tally, bar(), clock), aclosing(each(results.heard_by(hear))) as passing:
        async for result in passing:
            yield result


@asynccontextmanager
async def _drawn(tally: Tally, bar: Bar, clock: Clock) -> AsyncGenerator[None, None]:
    """Draw every `PAUSE` as long as the block lasts, and once more at its end."""
    drawing = asyncio.create_task(_draw(tally, bar, clock), name="streamcell-progress")
    try:
        yield
    finally:
        drawing.cancel()
        await asyncio.wait({drawing})
        if drawing.cancelled():
            bar.close(tally, tally.line(clock.monotonic()))


async def _draw(tally: Tally, bar: Bar, clock: Clock) -> None:
    drawn = ""
    try:
        while True:
            line = tally.line(clock.monotonic())
            if line != drawn:
                bar.draw(tally, line)
                drawn = line
            await clock.sleep(PAUSE)
    except Exception:
        log.exception("the progress of a batch cannot be shown any more")


def _html(tally: Tally, line: str) -> str:
    """A page animates a bar of no length for ever, so without a total there is none."""
    bar = (
        ""
        if tally.total is None
        else f'<progress max="{max(1, tally.total)}" value="{tally.done}"></progress> '
    )
    return f'<div class="streamcell-progress">{bar}{safe_html.text(line)}</div>'
