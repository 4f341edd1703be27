"""What the kernel we run in can tell: which front end asked, and what still waits in its queue.

All of it is looked for, none of it relied on: where a kernel answers otherwise, the safe default holds.
Observed with ipykernel 6.31, 7.0, 7.3 and 7.4, JupyterLab 4.6 and nbclient 0.11 (2026-11).
"""

from __future__ import annotations

import sys
from typing import Any, Literal

Host = Literal["terminal", "page", "no_page"]


def host(shell: Any) -> Host:
    """Where output goes: a terminal, a page that can show widgets, or a kernel that no page watches."""
    if shell is None or getattr(shell, "kernel", None) is None:
        return "terminal"
    if "google.colab" in sys.modules or _is_executor(_parent(shell)):
        return "no_page"
    return "page"


def _parent(shell: Any) -> dict[str, Any]:
    try:
        parent = shell.get_parent()
    except (AttributeError, LookupError):
        return {}
    return parent if isinstance(parent, dict) else {}


def _is_executor(request: dict[str, Any]) -> bool:
    """Nbclient and all that build on it (nbconvert, papermill, nbval, `jupyter execute`).

    Their request ids begin with the session id (jupyter_client's format; pages send UUIDs), and nobody is
    there to be asked for input.
    """
    header = request.get("header") or {}
    session = str(header.get("session") or "")
    asks = (request.get("content") or {}).get("allow_stdin", True)
    return bool(session) and str(header.get("msg_id", "")).startswith(f"{session}_") and not asks


def stop_is_queued(shell: Any, comm_id: str) -> bool:
    """Whether the page's Stop for this widget waits unread: the interrupt that follows it was that Stop.

    On ipykernel 6 no widget message is delivered while a cell runs, but it is in the queue of the main shell.
    """
    queue = getattr(getattr(shell, "kernel", None), "msg_queue", None)
    entries = tuple(getattr(queue, "_queue", ()))
    wanted = comm_id.encode()
    for entry in entries:
        frames = b"".join(bytes(frame) for frame in _frames(entry))
        if wanted in frames and b'"type":"stop"' in frames.replace(b" ", b""):
            return True
    return False


def _frames(entry: object) -> list[Any]:
    """The message frames inside a queue entry ``(number, dispatch, (frames, …))``."""
    match entry:
        case (_, _, (list() as frames, *_)):
            return frames
        case _:
            return []
