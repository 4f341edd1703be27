"""A server that listens, and what it sends, read: numbered events, and their text."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from typing import NamedTuple

import msgspec

from streamcell.events import Event, TextDelta
from streamcell.serve.process import server


@contextmanager
def listening(models, **options):
    """The address of a server with these models, for as long as it is entered."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    process = server(models, host="127.0.0.1", port=port, **options)
    thread = threading.Thread(target=process.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.should_exit = True
        thread.join()


class Frame(NamedTuple):
    """One server-sent event."""

    id: int | None
    event: str
    data: Event


def frames(text: str) -> list[Frame]:
    """The whole events in `text`; one that was cut is left out, as browsers do."""
    blocks = text.split("\n\n")[:-1]
    return [_frame(block) for block in blocks if not block.startswith(":")]


def said(found: list[Frame]) -> str:
    return "".join(frame.data.text for frame in found if isinstance(frame.data, TextDelta))


def _frame(block: str) -> Frame:
    fields = dict(line.split(": ", 1) for line in block.split("\n"))
    number = int(fields["id"]) if "id" in fields else None
    return Frame(number, fields["event"], msgspec.json.decode(fields["data"], type=Event))


def heard(message: str) -> Frame:
    """A message of a WebSocket as the event that it holds."""
    fields = msgspec.json.decode(message)
    data = msgspec.convert(fields["event"], Event)
    return Frame(fields["id"], fields["event"]["type"], data)
