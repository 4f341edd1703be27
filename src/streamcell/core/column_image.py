"""Columns of a chart as a PNG: heights beside each other on a line. It knows shares, not what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamcell.core import png
from streamcell.core.bar_image import ARRIVING, WAITING

WIDTH: Final = 320
HEIGHT: Final = 64
"""Pixels; fits a telephone held upright, where some pages do not scale images down."""
_WIDEST: Final = 32


def data_address(shares: Sequence[float], *, gap: int = 2) -> str:
    """A `data:` address of columns, each 0 to 1 of the whole height; what is more than 0 can be seen."""
    pitch = min(WIDTH // max(len(shares), 1), _WIDEST)
    heights = [_height(share) for share in shares]
    rows = [_row(heights, HEIGHT - 1 - row, pitch, gap) for row in range(HEIGHT - 1)]
    return png.data_address([*rows, png.pixel(WAITING) * WIDTH])


def _height(share: float) -> int:
    return max(round(share * (HEIGHT - 1)), 2) if share > 0 else 0


def _row(heights: Sequence[int], above: int, pitch: int, gap: int) -> bytes:
    """The pixels so many above the line."""
    filled = png.pixel(ARRIVING) * (pitch - gap) + png.CLEAR * gap
    empty = png.CLEAR * pitch
    row = b"".join(filled if height >= above else empty for height in heights)
    return row.ljust(len(png.CLEAR) * WIDTH, b"\0")
