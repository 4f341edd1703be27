"""Which display shows an answer, and which shows several: the richest that the place can.

Widgets load with the first display that needs them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from IPython.display import display as publish

from streamcell.many.comparison import Comparison
from streamcell.notebook import kernel
from streamcell.notebook.display import Display, Kind, NoDisplay, StaticDisplay, TerminalDisplay


def choose_display(
    shell: Any,
    kind: Kind,
    *,
    model: str,
    scripted: bool,
    placed: bool = False,
    rate: float | None = None,
    place: Any = None,
) -> Display:
    """The display for where we are; ``auto`` is the richest that the place can show.

    `placed`: the cell will be over before the answer; `rate`: messages a second to the page; `place`: where a
    live view goes (`view.Place`), if not into an output of its own.
    """
    where = kernel.host(shell)
    if placed and where == "no_page":
        where = kernel.room(shell)
    if where == "terminal" or kind == "text":
        return TerminalDisplay(plain=kind == "text" or not sys.stdout.isatty())
    if kind == "static" or (kind == "auto" and where == "no_page"):
        return StaticDisplay(placed=placed)
    try:
        from streamcell.notebook.view import WidgetDisplay  # noqa: PLC0415 - widgets load on first display
    except ImportError as error:
        print(f"note: live views are off ({error}); `pip install anywidget` turns them on")  # noqa: T201
        return StaticDisplay(placed=placed)
    return WidgetDisplay(model=model, scripted=scripted, rate=rate, place=place)


Choose = Callable[..., Display]
"""Called as `choose_display` is."""


class Wall(NamedTuple):
    """Where several answers are shown: a display for each, and what shows the comparison at the end."""

    display: Choose
    end: Callable[[Comparison], object]


def wall(shell: Any, kind: Kind) -> Wall:
    """Columns in a page; in a terminal one answer after the other; elsewhere all of it at the end."""
    where = kernel.host(shell)
    if where == "terminal" or kind == "text":
        return Wall(choose_display, lambda compared: publish(compared.summary))
    if kind == "static" or (kind == "auto" and where == "no_page"):
        return Wall(_nothing, publish)
    try:
        from streamcell.notebook.columns import Columns  # noqa: PLC0415 - widgets load on first display
    except ImportError:
        return Wall(choose_display, lambda compared: publish(compared.summary))
    columns = Columns()

    def in_columns(*said: Any, **named: Any) -> Display:
        return choose_display(*said, **named, place=columns)

    return Wall(in_columns, lambda compared: columns.end(compared._repr_mimebundle_()))


def _nothing(*_said: Any, **_named: Any) -> Display:
    return NoDisplay()
