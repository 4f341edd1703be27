"""Where an answer goes on a command line: Rich in a terminal, plain text in a pipe, or lines of JSON.

In a pipe standard output holds the answer's text and nothing else; notes, errors and figures go to standard
error. Used on the main thread only.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol, TextIO

import msgspec
from rich.console import Console

from streamcell.cli import tools
from streamcell.cli.ctrl_c import CtrlC
from streamcell.core.protocol import Figures, Format
from streamcell.core.recording import EventLine
from streamcell.core.static import Answer, notice
from streamcell.core.visible import visible
from streamcell.events import ApprovalRequest, Event
from streamcell.handle import Stream
from streamcell.io.cursor import Cursor
from streamcell.notebook.terminal import TerminalView
from streamcell.notebook.wording import in_words_of_the_line

TICK: Final = 0.1
"""Seconds between two looks at the clock of the status line."""


class Outlet(Protocol):
    """One answer on its way out: `start`, what happens as it comes, `finish` once.

    Inside `quiet` nothing is drawn, for a question to the user.
    """

    def start(self) -> None: ...
    def on_events(self, events: Sequence[Event], figures: Figures | None = None) -> None: ...
    def quiet(self) -> AbstractContextManager[object]: ...
    def finish(self, answer: Answer) -> None: ...


class JsonLines:
    """Each event on a line, as recordings have it, its own time in seconds since the start.

    All ASCII: nothing in it commands a terminal, and half a surrogate pair goes through.
    """

    def __init__(self, file: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._began = 0.0
        self._count = 0

    def start(self) -> None:
        self._began = self._clock()

    def on_events(self, events: Sequence[Event], figures: Figures | None = None) -> None:
        at = round(self._clock() - self._began, 6)
        for event in events:
            line = msgspec.to_builtins(EventLine(self._count, at, event))
            self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
            self._count += 1
        self._file.flush()

    def quiet(self) -> AbstractContextManager[object]:
        return nullcontext()

    def finish(self, answer: Answer) -> None:
        if answer.error is not None and (said := notice(answer)):
            print(f"streamcell: {visible(in_words_of_the_line(said))}", file=sys.stderr)  # noqa: T201 - the answer


def outlet(*, form: Format = "markdown", figures: bool = True, as_json: bool = False) -> Outlet:
    """The outlet for where standard output goes now."""
    if as_json:
        return JsonLines(sys.stdout)
    console = Console(file=sys.stdout, highlight=False, force_jupyter=False)
    if console.is_terminal:
        return TerminalView(console, figures=figures, form=form, worded=in_words_of_the_line)
    aside = Console(file=sys.stderr, highlight=False, force_jupyter=False)
    return TerminalView(
        console,
        figures=figures and aside.is_terminal,
        form=form,
        aside=aside,
        worded=in_words_of_the_line,
    )


def follow(stream: Stream, outlet: Outlet) -> bool:
    """Send the request and show the answer until it ends; True when Ctrl-C ended it. What came is kept."""
    with CtrlC() as ctrl_c:
        try:
            outlet.start()
            stream.start()
            _show(stream, outlet, ctrl_c)
        except KeyboardInterrupt:  # a second one, or one that somebody else handles
            ctrl_c.heard = True
        finally:
            stream.cancel()  # an outlet that cannot be written to any more wants no more; else all is over
            outlet.finish(stream.response)
    return ctrl_c.heard


def _show(stream: Stream, outlet: Outlet, ctrl_c: CtrlC) -> None:
    cursor = Cursor(stream.ledger.events)
    changed = threading.Event()
    end = stream.ledger.events.watch(changed.set)
    try:
        while cursor.waiting or cursor.behind:
            if ctrl_c.heard:
                stream.cancel()
            if cursor.waiting:
                changed.wait(TICK)
            changed.clear()
            events = cursor.take()
            outlet.on_events(events, stream.figures())
            for request in (event for event in events if isinstance(event, ApprovalRequest)):
                with outlet.quiet(), ctrl_c.ends_a_question():
                    stream.decide(tools.ask(request, stream.response))
    finally:
        end()
