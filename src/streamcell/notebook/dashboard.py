"""`Dashboard`: the streams of this process in a notebook. Traits, comm and places on the page, nothing else.

Displayed, it takes two outputs, as a chat does: what lasts (inert HTML and text) and, right behind it, the
live view, which hides the other one. No prompt, answer, key or request is in a trait.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import Context
from functools import cache
from typing import Any, Final
from uuid import uuid4

import anywidget
import msgspec
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display as publish

from streamcell.core import board_static
from streamcell.core.board import Board
from streamcell.core.protocol import FromKernel, NeedBundle, Stop, Stopping
from streamcell.io.portal import portal
from streamcell.live_runs import live_runs
from streamcell.notebook import kernel, stop_orders
from streamcell.notebook.board_feed import BoardFeed
from streamcell.notebook.folded import folded
from streamcell.notebook.page_code import delivery, layout, page_code, source, unopened_layout
from streamcell.notebook.session import read_message
from streamcell.notebook.view import wake_pacer

BUNDLE: Final = "dashboard.js"
LOADER: Final = "dashboard_loader.js"
VIEW: Final = "application/vnd.jupyter.widget-view+json"
KEPT: Final = "What the notebook keeps of this table"
NO_KERNEL: Final = "The live dashboard needs a running kernel; run the cell again to see it."


class Dashboard(anywidget.AnyWidget):
    """The streams that run and those that ended, wherever in the process they began; each can be stopped.

    Shows tokens per second over the last two minutes, how the times to the first token and the gaps between
    pieces spread, tokens, and the cost so far in US dollars as far as prices are known. It may be displayed
    several times. What the notebook keeps is a table with charts that needs no kernel.
    """

    version = traitlets.Unicode().tag(sync=True)
    bundle_ref = traitlets.Unicode().tag(sync=True)
    board = traitlets.Dict().tag(sync=True)

    _end: Callable[[], None] | None = None

    def __init__(self) -> None:
        self._host = kernel.room(get_ipython())
        self._lasting_id = uuid4().hex
        self._displayed = False
        self._apart = False
        self._feed = BoardFeed(
            self,
            _board,
            wake_pacer=wake_pacer,
            later=lambda seconds, function: portal.post(function, delay=seconds),
        )
        code = page_code(BUNDLE) if self._host == "page" else None
        self._esm = "export default {}" if code is None else source(LOADER)
        super().__init__(
            version="" if code is None else code.version,
            bundle_ref="" if code is None else code.model_id,
            board=msgspec.to_builtins(_board()),
            layout=unopened_layout() if code is None else layout(),
        )
        self.on_msg(self._receive)

    # What the feed's channel does

    def publish(self, board: Board) -> None:
        self.board = msgspec.to_builtins(board)

    def renew(self, board: Board) -> None:
        if self._displayed:
            # Without the context of a cell that is over: executors ignore what claims to belong to one.
            Context().run(self._display_lasting, board, update=True)

    # Widget and display

    def open(self) -> None:
        """Without a page there is nobody to open a comm to, and an executor would save the widget's state."""
        if self._host == "page":
            super().open()

    def close(self) -> None:
        # Called by the garbage collection, too, of one that was never displayed.
        if self._end is not None:
            self._end()
            self._end = None
            if self._host == "page":
                stop_orders.forget(self.model_id)
        super().close()

    def _attach(self) -> None:
        """From now on somebody may look."""
        if self._end is None:
            self._end = live_runs.watch(self._feed)
            if self._host == "page":
                stop_orders.listen(self.model_id)
        self._feed.note()

    def _ipython_display_(self) -> None:
        if self._host == "terminal":
            print(board_static.bundle(_board())["text/plain"])  # noqa: T201 - what the user asked to see
            return
        self._apart = self._host == "page" and kernel.draws_apart(get_ipython())
        self._display_lasting(_board(), update=False)
        self._displayed = True
        self._attach()
        if self._host == "page":
            place = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
            publish({VIEW: place, "text/plain": NO_KERNEL}, raw=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """For rooms that have a comm but no IPython."""
        if self._host != "page":
            return board_static.bundle(_board())
        self._attach()
        return super()._repr_mimebundle_(**kwargs)

    def __repr__(self) -> str:
        return f"<Dashboard {board_static.counts(_board())}>"

    def _display_lasting(self, board: Board, *, update: bool) -> None:
        bundle = board_static.bundle(board)
        kept = folded(bundle, line=KEPT) if self._apart else bundle
        publish(kept, raw=True, display_id=self._lasting_id, update=update)

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        match read_message(content):
            case Stop(number):
                run = live_runs.find(number)
                if run is not None:
                    run.stream.cancel()
                self._tell(Stopping(number))
            case NeedBundle(part=part):
                self._tell(delivery(BUNDLE, part))
            case _:
                # However it came to be shown (in a box, in marimo): a page that speaks is there.
                self._attach()

    def _tell(self, message: FromKernel) -> None:
        self.send(msgspec.to_builtins(message))


@cache
def shared() -> Dashboard:
    """The one that `%stream status` shows: however often it does, a change is told once."""
    return Dashboard()


def _board() -> Board:
    return live_runs.board(waited=stop_orders.is_waited)
