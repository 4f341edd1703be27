"""One `%%stream` cell at work: a stream on a display, waited for, and closed with its variables set.

The stream runs on the portal's loop, never on the kernel's, so it goes on whatever the kernel does. The cell
only waits, in slices: a kernel's interrupt reaches an awaited cell no sooner than its loop next wakes.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable

from IPython.core.getipython import get_ipython

from streamcell.core.response import StreamingResponse
from streamcell.events import ApprovalRequest
from streamcell.handle import Stream
from streamcell.io.cursor import Cursor
from streamcell.io.portal import portal
from streamcell.notebook import consent, stop_orders
from streamcell.notebook.display import Display

SLICE_SECONDS = 0.05
CLOSING_SECONDS = 5.0


class Interrupted(Exception):
    """The user interrupted the kernel while a cell streamed."""

    def _render_traceback_(self) -> list[str]:
        return ["Interrupted"]


class Cell:
    """One answer in the making. `number` and `model` name it to the user; `leave` is given the response."""

    def __init__(
        self,
        stream: Stream,
        display: Display,
        *,
        number: int,
        model: str,
        leave: Callable[[StreamingResponse], object],
    ) -> None:
        self.stream = stream
        self.number = number
        self.model = model
        self._display = display
        self._leave = leave
        self._cursor = Cursor(stream.ledger.events)

    def begin(self, *, waited: bool = True) -> None:
        """Open the display and send the request. `waited`: this cell will wait for the end."""
        self._display.open(self.stream)
        if self._display.asks or (waited and consent.can_ask(get_ipython())):
            self.stream.approvals.attach()
        if waited:
            stop_orders.wait_for(self.stream)
        self.stream.start()

    def wait(self) -> None:
        """Show the stream until it ends. Ctrl-C stops it and raises `Interrupted`."""
        try:
            self._follow()
        except KeyboardInterrupt:
            self.stream.cancel()
            self._follow()
            self._end_interrupted()
        else:
            self._end()

    async def wait_awaited(self) -> None:
        """The same where the kernel's own loop stays free meanwhile."""
        ended = asyncio.get_running_loop().create_future()
        forget = self._when_ended(ended)
        try:
            while not ended.done():
                await asyncio.wait({ended}, timeout=SLICE_SECONDS)
                self._show(by_input=not self._display.asks)
        except asyncio.CancelledError:
            self.stream.cancel()
            await asyncio.wait({ended}, timeout=CLOSING_SECONDS)
            self._end_interrupted()
        else:
            self._end()
        finally:
            forget()

    def wait_in_background(self) -> None:
        """Return at once; the end is taken care of on the thread of the run."""
        portal.post(self._end_when_over)

    def check(self) -> None:
        """Raise the stream's error, if it ended with one that is to be raised."""
        if self.stream.finished:
            self.stream.result()

    def heard_stop(self) -> bool:
        """Whether an interrupt just seen was really the user's Stop of this answer."""
        return self._display.heard_stop() or stop_orders.stop_is_queued(get_ipython(), self.stream)

    def _follow(self) -> None:
        # While a cell blocks the kernel no click arrives, whatever the display.
        while self._cursor.wait():
            self._show(by_input=True)

    def _show(self, *, by_input: bool) -> None:
        events = self._cursor.take()
        self._display.show(events)
        for event in events:
            if by_input and isinstance(event, ApprovalRequest):
                with self._display.quiet():
                    self.stream.decide(consent.ask(event, self.stream.response))

    def _when_ended(self, ended: asyncio.Future[None]) -> Callable[[], None]:
        loop = asyncio.get_running_loop()

        def settle() -> None:
            if not ended.done():
                ended.set_result(None)

        def look() -> None:
            if self.stream.finished:
                loop.call_soon_threadsafe(settle)

        forget = self.stream.ledger.events.watch(look)
        look()
        return forget

    def _end_when_over(self) -> None:
        """On the thread of the run, so that it cannot end between the watch and the first look."""

        def look() -> None:
            if self.stream.finished:
                forget()
                # Without the context of the cell that began it: that cell is over, and a message that
                # claims to belong to it would be ignored by executors.
                contextvars.Context().run(self._end)

        forget = self.stream.ledger.events.watch(look)
        look()

    def _end(self) -> None:
        self._display.show(self._cursor.take())
        self._display.close(self.stream)
        self._leave(self.stream.response)

    def _end_interrupted(self) -> None:
        stopped = self.heard_stop()
        self._end()
        if not stopped:
            raise Interrupted from None
