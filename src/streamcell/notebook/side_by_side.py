"""Several answers in one cell: streams at the same time, then their blocking calls, then how they compare.

It knows cells and their comparison; how one answer is shown is its cell's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from streamcell.agent import Asked
from streamcell.errors import StreamcellError
from streamcell.many.comparison import Comparison, failure_of, together
from streamcell.notebook.cell import Cell, Interrupted


class SideBySide:
    """The cells of one comparison, to be waited for as one. `leave` is given the comparison.

    `open_cell` gives the begun cell for an answer, `show` shows the comparison at the end. With `raising`,
    the first failure is raised by `check`.
    """

    def __init__(
        self,
        streamed: Mapping[str, Asked],
        at_once: Mapping[str, Asked],
        *,
        open_cell: Callable[[Asked], Cell],
        show: Callable[[Comparison], object],
        leave: Callable[[Comparison], object],
        raising: bool,
    ) -> None:
        self._streamed = streamed
        self._at_once = at_once
        self._open_cell = open_cell
        self._show = show
        self._leave = leave
        self._raising = raising
        self._cells = [open_cell(asked) for asked in streamed.values()]

    def wait(self) -> None:
        """Show the answers until all have ended. Ctrl-C stops those that run and raises `Interrupted`."""
        try:
            for cell in self._cells:
                cell.wait()
            for asked in self._at_once.values():
                self._next(asked).wait()
        except Interrupted:
            for cell in self._stopped():
                cell.wait()
            raise
        finally:
            self._end()

    async def wait_awaited(self) -> None:
        """The same where the kernel's own loop stays free meanwhile."""
        try:
            await _all(self._cells)
            for asked in self._at_once.values():
                await self._next(asked).wait_awaited()
        finally:
            self._end()

    def check(self) -> None:
        """Raise the first failure as its cell alone would raise it, naming whose it is."""
        if not self._raising:
            return
        for label, answer in self._comparison().items():
            failure = failure_of(answer)
            if failure is not None:
                raise _named(label, failure)

    def _next(self, asked: Asked) -> Cell:
        cell = self._open_cell(asked)
        self._cells.append(cell)
        return cell

    def _stopped(self) -> list[Cell]:
        running = [cell for cell in self._cells if not cell.stream.finished]
        for cell in running:
            cell.stream.cancel()
        return running

    def _comparison(self) -> Comparison:
        return together(self._streamed, self._at_once)

    def _end(self) -> None:
        comparison = self._comparison()
        self._show(comparison)
        self._leave(comparison)


async def _all(cells: Sequence[Cell]) -> None:
    """All at the same time; each ends well by itself, also when the kernel is interrupted.

    Where the page's Stop is an interrupt, it ends the answer whose Stop was pressed; another ends all.
    """
    waits = {cell: asyncio.ensure_future(cell.wait_awaited()) for cell in cells}
    while running := [cell for cell, wait in waits.items() if not wait.done()]:
        try:
            await asyncio.wait([waits[cell] for cell in running])
        except asyncio.CancelledError:
            for cell in [cell for cell in running if cell.heard_stop()] or running:
                waits[cell].cancel()
    for wait in waits.values():
        wait.result()


def _named(label: str, error: StreamcellError) -> StreamcellError:
    error.args = (f"{label}: {error}",)
    return error
