"""`show`: a stream in front of the user, wherever that is."""

from __future__ import annotations

from IPython.core.getipython import get_ipython

from streamcell.handle import Stream
from streamcell.notebook.cell import Cell
from streamcell.notebook.commands import choose_display, one_line_errors
from streamcell.notebook.display import Kind


def show(stream: Stream, *, display: Kind = "auto") -> None:
    """Show `stream` live until it ends: in a notebook as a live view, in a terminal with Rich.

    Blocks; Ctrl-C (the kernel's interrupt) stops the stream and keeps what came. The response is
    ``stream.result()``, also afterwards. Raises the stream's error once the partial answer is shown.
    """
    metadata = stream.response.metadata
    view = choose_display(
        get_ipython(),
        display,
        model=str(metadata.get("model", "")),
        scripted=bool(metadata.get("scripted")),
    )
    cell = Cell(stream, view, number=0, model="", leave=lambda _response: None)
    with one_line_errors():
        cell.begin()
        cell.wait()
        cell.check()
