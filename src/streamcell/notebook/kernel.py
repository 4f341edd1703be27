"""What the kernel we run in can tell: which front end asked, and what still waits in its queue.

All of it is looked for, none of it relied on: where a kernel answers otherwise, the safe default holds.
Observed with ipykernel 6.31, 7.0, 7.3 and 7.4, JupyterLab 4.6 and nbclient 0.11 (2026-11).
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from typing import Any, Literal, NamedTuple

Host = Literal["terminal", "page", "no_page"]


def host(shell: Any) -> Host:
    """Where output goes: a terminal, a page that can show widgets, or a kernel that no page watches."""
    if shell is None or getattr(shell, "kernel", None) is None:
        return "terminal"
    if "google.colab" in sys.modules or _is_executor(_parent(shell)):
        return "no_page"
    return "page"


def room(shell: Any) -> Host:
    """The same for what stays when the cell is over: a page may be there without IPython, as in marimo.

    Or it opens later: Voilà executes all cells, then shows them on the same kernel.
    """
    if shell is None:
        return "terminal" if hasattr(sys, "ps1") else "page"
    where = host(shell)
    return "page" if where == "no_page" and _is_for_voila() else where


def draws_apart(shell: Any) -> bool:
    """Whether the page draws every output on its own, so that a live view cannot hide the one before it.

    VS Code does. Told by the names that it gives to cells (`cellExecution.ts` of its Jupyter extension, read
    2026-11, not tried): its environment variables are also there for a JupyterLab begun in its terminal.
    """
    cell = (_parent(shell).get("metadata") or {}).get("cellId")
    return str(cell).startswith("vscode-")


class Asker(NamedTuple):
    """A cell that may be run again, and which of its runs this is."""

    cell: str
    run: str


def asker(shell: Any, source: str) -> Asker | None:
    """The cell that runs: by the id that JupyterLab gives, else by its source.

    None where a question is never asked by the same cell again: in a terminal or a console, and for programs
    that run every cell once.
    """
    if host(shell) == "terminal":
        return None
    request = _parent(shell)
    cell = (request.get("metadata") or {}).get("cellId")
    if not cell and _is_numbered(request):
        return None
    run = str((request.get("header") or {}).get("msg_id", ""))
    return Asker(str(cell or hashlib.sha256(source.encode("utf-8", "replace")).hexdigest()), run)


def _parent(shell: Any) -> dict[str, Any]:
    try:
        parent = shell.get_parent()
    except (AttributeError, LookupError):
        return {}
    return parent if isinstance(parent, dict) else {}


def _is_executor(request: dict[str, Any]) -> bool:
    """Nbclient and all that build on it (nbconvert, papermill, nbval, `jupyter execute`).

    Their request ids are jupyter_client's, and nobody is there to be asked for input.
    """
    return _is_numbered(request) and not (request.get("content") or {}).get("allow_stdin", True)


def _is_for_voila() -> bool:
    """Told by what Voilà sets for every kernel, also for one that it starts before anybody comes (0.5.13)."""
    return "VOILA_BASE_URL" in os.environ


def _is_numbered(request: dict[str, Any]) -> bool:
    """Whether a request id begins with the session id: jupyter_client's format. Pages send UUIDs."""
    header = request.get("header") or {}
    session = str(header.get("session") or "")
    return bool(session) and str(header.get("msg_id", "")).startswith(f"{session}_")


def takes_input(shell: Any) -> bool:
    """Whether the page that asked shows an input box for `input()`."""
    return bool((_parent(shell).get("content") or {}).get("allow_stdin", False))


def queued(shell: Any, comm_id: str) -> list[Any]:
    """What the page told this widget that still waits unread.

    On ipykernel 6 no widget message is delivered while a cell runs, but it is in the queue of the main shell.
    """
    queue = getattr(getattr(shell, "kernel", None), "msg_queue", None)
    said: list[Any] = []
    for entry in tuple(getattr(queue, "_queue", ())):
        for frame in map(bytes, _frames(entry)):
            if comm_id.encode() in frame:
                said += _content(frame)
    return said


def stop_is_queued(shell: Any, comm_id: str) -> bool:
    """Whether the page's Stop waits unread: the interrupt that follows it was that Stop."""
    return any(message.get("type") == "stop" for message in queued(shell, comm_id))


def _content(frame: bytes) -> list[dict[str, Any]]:
    """The custom message in the content frame of a comm message; none in any other frame."""
    try:
        content = json.loads(frame)["data"]["content"]
    except (ValueError, TypeError, LookupError):
        return []
    return [content] if isinstance(content, dict) else []


def _frames(entry: object) -> list[Any]:
    """The message frames inside a queue entry ``(number, dispatch, (frames, …))``."""
    match entry:
        case (_, _, (list() as frames, *_)):
            return frames
        case _:
            return []
