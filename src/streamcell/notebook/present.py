"""`show`: a stream in front of the user, wherever that is."""

from __future__ import annotations

from typing import Any

from IPython.core.getipython import get_ipython

from streamcell.foreign import wrap
from streamcell.notebook.cell import Cell
from streamcell.notebook.commands import choose_display, one_line_errors
from streamcell.notebook.display import Kind


def show(source: Any, *, display: Kind = "auto") -> None:
    """Show a stream live until it ends: in a notebook as a live view, in a terminal with Rich.

    `source` is a `Stream`, or anything that `wrap` takes: a stream of an official client, an iterator of
    its chunks or of `str`. Blocks; Ctrl-C (the kernel's interrupt) stops the stream and keeps what came. The
    response of a `Stream` is ``stream.result()``, also afterwards; to keep that of another source, wrap it
    first. Raises the stream's error once the partial answer is shown.
    """
    with one_line_errors():
        stream = wrap(source)
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
