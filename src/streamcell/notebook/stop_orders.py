"""Stops that come from elsewhere than an answer's own view: which streams cells wait for, what is unread.

While a cell waits, ipykernel 6 delivers no message of a page; it is interrupted then, and the cell asks here
whether that interrupt was really a Stop. Knows no widget, only the numbers of their lines.
"""

from __future__ import annotations

import weakref
from typing import Any

from streamcell.handle import Stream
from streamcell.live_runs import live_runs
from streamcell.notebook.kernel import queued

_waited: weakref.WeakSet[Stream] = weakref.WeakSet()
_lines: dict[str, None] = {}


def wait_for(stream: Stream) -> None:
    """A cell waits for `stream` from now on."""
    _waited.add(stream)


def is_waited(stream: Stream) -> bool:
    return stream in _waited


def listen(comm_id: str) -> None:
    """A page can send stops on this line."""
    _lines[comm_id] = None


def forget(comm_id: str) -> None:
    _lines.pop(comm_id, None)


def stop_is_queued(shell: Any, stream: Stream) -> bool:
    """Whether a Stop of `stream` waits unread on one of the lines."""
    number = live_runs.number(stream)
    return number is not None and any(
        message.get("type") == "stop" and message.get("run") == str(number)
        for line in tuple(_lines)
        for message in queued(shell, line)
    )
