"""Where one answer is shown: the common shape of all displays, and the ones that need no widget.

A display is opened before the request goes out, shown the events as they come, and closed when the run is
over, however it ended. It draws; it decides nothing.
"""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Literal, Protocol

from IPython.display import DisplayHandle
from IPython.display import display as publish
from rich.console import Console

from streamcell.core import static
from streamcell.events import Event
from streamcell.handle import Stream
from streamcell.notebook.terminal import TerminalView

UNFINISHED = "This answer was still streaming when the notebook was saved."

Kind = Literal["auto", "widget", "static", "text"]


class Display(Protocol):
    """One answer on a screen; used on the main thread, and closed on any."""

    def open(self, stream: Stream) -> None:
        """Before the request goes out."""
        ...

    def show(self, events: list[Event]) -> None:
        """What came since the last time."""
        ...

    def close(self, stream: Stream) -> None:
        """The run is over: leave what should last."""
        ...

    @property
    def asks(self) -> bool:
        """Whether the user can consent to the call of a tool on this display itself."""
        ...

    def quiet(self) -> AbstractContextManager[object]:
        """Inside, nothing is drawn: the user is asked something in the same place."""
        ...

    def heard_stop(self) -> bool:
        """Whether an interrupt just seen was really the user's Stop on this display."""
        ...


class StaticDisplay:
    """The finished answer only, as the MIME bundle that a saved notebook keeps.

    `placed`: the cell will be over before the answer is, so its place in the page is taken at once.
    """

    asks = False

    def __init__(self, *, placed: bool = False) -> None:
        self._placed = placed
        self._handle: DisplayHandle | None = None

    def open(self, stream: Stream) -> None:
        if self._placed:
            self._handle = publish({"text/plain": UNFINISHED}, raw=True, display_id=True)

    def show(self, events: list[Event]) -> None:
        pass

    def close(self, stream: Stream) -> None:
        bundle = static.bundle(stream.response)
        if self._handle is None:
            publish(bundle, raw=True)
        else:
            self._handle.update(bundle, raw=True)

    def quiet(self) -> AbstractContextManager[object]:
        return nullcontext()

    def heard_stop(self) -> bool:
        return False


class NoDisplay:
    """Nothing: the answer is shown with others when all are over."""

    asks = False

    def open(self, stream: Stream) -> None:
        pass

    def show(self, events: list[Event]) -> None:
        pass

    def close(self, stream: Stream) -> None:
        pass

    def quiet(self) -> AbstractContextManager[object]:
        return nullcontext()

    def heard_stop(self) -> bool:
        return False


class TerminalDisplay:
    """Rich Markdown in a terminal; plain text as it comes where there is none."""

    asks = False

    def __init__(self, *, plain: bool) -> None:
        self._console = Console(
            file=sys.stdout, highlight=False, force_jupyter=False, force_terminal=False if plain else None
        )
        self._view = TerminalView(self._console)
        self._stream: Stream | None = None

    def open(self, stream: Stream) -> None:
        self._stream = stream
        self._view = TerminalView(self._console, form=stream.response.metadata.get("format", "markdown"))
        self._view.start()

    def show(self, events: list[Event]) -> None:
        self._view.on_events(events, self._stream.figures() if self._stream else None)

    def close(self, stream: Stream) -> None:
        self._view.finish(stream.response)

    def quiet(self) -> AbstractContextManager[object]:
        return self._view.quiet()

    def heard_stop(self) -> bool:
        return False
