"""Which of a user's values are pictures, and their bytes.

Matplotlib figures and axes, PIL images and IPython's `Image` are known by the names of their classes, so that
none of those libraries is loaded here. Whether the bytes are an image that a provider reads is told by
`prompt.image`.
"""

from __future__ import annotations

import io
from typing import Any

from streamcell.errors import UsageError

_CLASSES = {
    ("matplotlib.figure", "FigureBase"),
    ("matplotlib.axes._base", "_AxesBase"),
    ("PIL.Image", "Image"),
    ("IPython.core.display", "Image"),
}


def is_picture(value: object) -> bool:
    """Whether a `{name}` that holds this value means a picture, not its text.

    Objects that can also be drawn (formulas, molecules) are text; `--image` shows those.
    """
    return any((base.__module__, base.__name__) in _CLASSES for base in type(value).__mro__)


def can_be_drawn(value: object) -> bool:
    """Whether `drawn` is worth trying: a picture, or anything that saves or shows itself as one."""
    return is_picture(value) or hasattr(value, "savefig") or hasattr(value, "_repr_png_")


def drawn(source: Any) -> bytes:
    """The bytes of a picture, of a figure, or of anything that a notebook shows as a PNG.

    Raises `UsageError` when there are none.
    """
    reason = ""
    try:
        found = _drawn(source)
    except Exception as error:  # noqa: BLE001 - drawing is somebody else's code
        found, reason = None, f": {type(error).__name__}"
    if not isinstance(found, bytes):
        raise UsageError(f"this {type(source).__name__} gives no PNG{reason}; convert it first")
    return found


def _drawn(source: Any) -> object:
    figure = _figure(source)
    if figure is not None:
        figure.savefig(buffer := io.BytesIO(), format="png")
        return buffer.getvalue()
    data = getattr(source, "data", None)  # IPython's `Image` of a file that is no PNG has nothing else
    return data if isinstance(data, bytes) else source._repr_png_()


def _figure(source: Any) -> Any:
    """The figure that draws: the source itself, or the one that axes and subfigures belong to."""
    if hasattr(source, "savefig"):
        return source
    figure = getattr(source, "figure", None)
    return figure if hasattr(figure, "savefig") else None
