"""The live view: a widget of few traits and one message handler. The work is done by the session."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections import deque
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

import anywidget
import ipywidgets
import msgspec
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import DisplayHandle
from IPython.display import display as publish

from streamcell.core import static
from streamcell.core.protocol import Decide, FromKernel, Part, Snapshot
from streamcell.events import Event
from streamcell.handle import Stream
from streamcell.io.portal import portal
from streamcell.notebook.display import UNFINISHED
from streamcell.notebook.kernel import queued, stop_is_queued
from streamcell.notebook.paced import PacedSession
from streamcell.notebook.pacer import Paced, Pacer
from streamcell.notebook.page_code import delivery, layout, page_code, source
from streamcell.notebook.session import Session, read_message

BUNDLE = "widget.js"
KEPT_OPEN = 8
"""How many finished views stay open for a page that was reloaded and will ask for what it missed."""

_numbers = itertools.count(1)


class StreamView(anywidget.AnyWidget):
    """A live view of one stream, for notebooks; it may be displayed several times and all views agree.

    Synced state holds no request and no key. Handlers may be called on any thread.
    """

    version = traitlets.Unicode().tag(sync=True)
    bundle_ref = traitlets.Unicode().tag(sync=True)
    snapshot = traitlets.Dict().tag(sync=True)
    static = traitlets.Dict().tag(sync=True)

    def __init__(self, stream: Stream, *, model: str = "", scripted: bool = False) -> None:
        code = page_code(BUNDLE)
        self._esm = source("loader.js")
        self._stream = stream
        known = stream.response.metadata
        label = model or ":".join(str(known[key]) for key in ("provider", "model") if known.get(key))
        self._session = Session(stream, self, run=str(next(_numbers)), model=label, scripted=scripted)
        self.paced = PacedSession(self._session, wake_pacer)
        super().__init__(
            version=code.version,
            bundle_ref=code.model_id,
            snapshot=msgspec.to_builtins(self._session.snapshot()),
            layout=layout(),
        )
        self.on_msg(self._receive)
        stream.ledger.events.watch(self.paced.wake)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """Displaying a view of a stream that nobody has begun to read begins it."""
        self._stream.start()
        return super()._repr_mimebundle_(**kwargs)

    # What the session's channel does

    def tell(self, message: FromKernel) -> None:
        self.send(msgspec.to_builtins(message))

    def publish(self, snapshot: Snapshot) -> None:
        self.snapshot = msgspec.to_builtins(snapshot)

    def publish_static(self) -> None:
        self.static = static.bundle(self._stream.response)

    def deliver_bundle(self, part: Part | None) -> None:
        self.tell(delivery(BUNDLE, part))

    def look_for_answers(self) -> None:
        """Take consents that the kernel does not deliver while its cell runs; they come again, unheard."""
        if self._stream.approvals.waiting:
            for content in queued(get_ipython(), self.comm.comm_id):
                message = read_message(content)
                if isinstance(message, Decide):
                    self._stream.decide(message)

    def gone(self) -> None:
        # Another page may show it still, and this one may be reloaded before it was saved.
        with contextlib.suppress(ValueError):
            _finished.remove(self)
            _finished.appendleft(self)

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        message = read_message(content)
        if message is not None:
            self.paced.receive(message, time.monotonic())


class Place(Protocol):
    """Where a live view stands in the output of a cell."""

    def put(self, view: StreamView) -> None:
        """The view begins here."""
        ...

    def replace(self, bundle: Mapping[str, str]) -> None:
        """The answer is over: what lasts of it."""
        ...


class OwnOutput:
    """An output for one widget, which its lasting form replaces."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None

    def put(self, view: ipywidgets.DOMWidget) -> None:
        bundle = {
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": view.model_id,
            },
            "text/plain": UNFINISHED,
        }
        self._handle = publish(bundle, raw=True, display_id=True)

    def replace(self, bundle: Mapping[str, str]) -> None:
        if self._handle is not None:
            self._handle.update(dict(bundle), raw=True)


class WidgetDisplay:
    """A live view in the cell, replaced by the static answer when the run is over."""

    asks = True

    def __init__(
        self, *, model: str, scripted: bool, rate: float | None = None, place: Place | None = None
    ) -> None:
        if rate is not None:
            pacer.rate = rate
        self._model = model
        self._scripted = scripted
        self._place = place or OwnOutput()
        self._view: StreamView | None = None

    def open(self, stream: Stream) -> None:
        self._view = StreamView(stream, model=self._model, scripted=self._scripted)
        self._place.put(self._view)

    def show(self, events: list[Event]) -> None:
        """The session sends them by itself; what the page answered meanwhile may have to be looked for."""
        if self._view is not None:
            self._view.look_for_answers()

    def close(self, stream: Stream) -> None:
        view = self._view
        if view is None:
            return
        portal.post(lambda: pacer.flush_now(view.paced))
        self._place.replace(static.bundle(stream.response))
        _keep_open(view)

    def quiet(self) -> AbstractContextManager[object]:
        return nullcontext()

    def heard_stop(self) -> bool:
        return self._view is not None and stop_is_queued(get_ipython(), self._view.comm.comm_id)


pacer = Pacer(now=time.monotonic, later=lambda seconds, function: portal.post(function, delay=seconds))
"""The one pacer of this kernel; called on the portal's thread only."""

_finished: deque[StreamView] = deque()


def wake_pacer(paced: Paced) -> None:
    """Give `paced` its turn; from any thread."""
    portal.post(lambda: pacer.wake(paced))


def _keep_open(view: StreamView) -> None:
    """Leave a finished view open for a page that asks late, but not for ever."""
    _finished.append(view)
    while len(_finished) > KEPT_OPEN:
        _finished.popleft().close()
