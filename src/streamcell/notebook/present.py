"""`show`: a stream, or how far a batch is, in front of the user, wherever that is."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Generator
from typing import Any, overload

from IPython.core.getipython import get_ipython

from streamcell.foreign import is_read_only_here, wrap
from streamcell.many.results import Results
from streamcell.notebook.asking import one_line_errors
from streamcell.notebook.cell import Cell
from streamcell.notebook.display import Kind
from streamcell.notebook.progress import bar_for, watched
from streamcell.notebook.screens import choose_display


@overload
def show(source: Results, *, display: Kind = "auto") -> Results: ...
@overload
def show(source: Any, *, display: Kind = "auto") -> Awaitable[None] | None: ...
def show(source: Any, *, display: Kind = "auto") -> Results | Awaitable[None] | None:
    """Show a stream live until it ends: in a notebook as a live view, in a terminal with Rich.

    `source` is a `Stream`, or anything that `wrap` takes: a stream of an official client, an iterator of
    its chunks or of `str`. Blocks; Ctrl-C (the kernel's interrupt) stops the stream and keeps what came. The
    response of a `Stream` is ``stream.result()``, also afterwards; to keep that of another source, wrap it
    first. Raises the stream's error once the partial answer is shown.

    An open stream of an async client can be read on its own loop alone, which a blocked cell would stop:
    write ``await show(stream)`` for it. Of anything else None is returned, and it is shown by then.

    Of a batch, ``await show(scheduler.map(…))``, it is shown how far it is: tasks done and failed, tokens a
    second, the time left. Awaited or iterated it gives the results, as without `show`.
    """
    if isinstance(source, Results):
        return watched(source, functools.partial(bar_for, get_ipython(), display))
    with one_line_errors():
        stream = wrap(source)
    metadata = stream.response.metadata
    view = choose_display(
        get_ipython(),
        display,
        model=str(metadata.get("model", "")),
        scripted=bool(metadata.get("scripted")),
    )
    cell = Cell(stream, view, number=0, model="", leave=lambda _response: None)
    if is_read_only_here(stream):
        return _Unshown(cell)
    with one_line_errors():
        cell.begin()
        cell.wait()
        cell.check()
    return None


class _Unshown:
    """What awaiting shows; its text says so to who forgot the `await`."""

    def __init__(self, cell: Cell) -> None:
        self._cell = cell

    def __await__(self) -> Generator[Any, None, None]:
        return self._shown().__await__()

    async def _shown(self) -> None:
        cell = self._cell
        reading = asyncio.ensure_future(cell.stream)
        # The cell raises the stream's error; a task whose error nobody took would be reported as well.
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.sleep(0)  # the task has started the stream on this loop, so `begin` only opens the view
        with one_line_errors():
            cell.begin()
            await cell.wait_awaited()
            cell.check()

    def __repr__(self) -> str:
        return "not shown yet: this stream belongs to the cell's own loop; write `await show(…)`"
