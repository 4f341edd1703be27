"""One bar of a chart as a PNG: a thin part, a thick part, nothing else."""

from __future__ import annotations

from streamcell.core import png

WIDTH = 320
HEIGHT = 16
"""Pixels; fits a telephone held upright, where some pages do not scale images down."""
_THIN = range(5, 11)
"""The rows of the thin part."""
_LEAST = 4
"""The thick part is at least this wide, so that an instant can be seen."""

WAITING = "#8a8f98"
ARRIVING = "#2f7de1"
"""Both stand out by 3:1 or more on white and on black (WCAG 2.2, 1.4.11)."""


def data_address(begin: float, end: float, *, thick: bool) -> str:
    """A `data:` address: thin up to `begin`, thick from there to `end`, both 0 to 1 of the whole width.

    Without `thick` the thin part goes on to the end.
    """
    last = max(round(end * WIDTH), _LEAST)
    first = min(round(begin * WIDTH), last - _LEAST) if thick else last
    return png.data_address([_row(first, last, thin=row in _THIN) for row in range(HEIGHT)])


def _row(first: int, last: int, *, thin: bool) -> bytes:
    waiting = (png.pixel(WAITING) if thin else png.CLEAR) * first
    return waiting + png.pixel(ARRIVING) * (last - first) + png.CLEAR * (WIDTH - last)
