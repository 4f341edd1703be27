"""One bar of a chart as a PNG that carries its own bytes: a thin part, a thick part, nothing else.

The one kind of picture that may stand inside HTML wherever a notebook is read (`core.links` lets it through;
GitHub and nbviewer take the colours out of inline SVG). It has no text, so it needs no font and no library.
"""

from __future__ import annotations

import base64
import struct
import zlib

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

_CLEAR = bytes(4)


def data_address(begin: float, end: float, *, thick: bool) -> str:
    """A `data:` address: thin up to `begin`, thick from there to `end`, both 0 to 1 of the whole width.

    Without `thick` the thin part goes on to the end.
    """
    last = max(round(end * WIDTH), _LEAST)
    first = min(round(begin * WIDTH), last - _LEAST) if thick else last
    rows = b"".join(b"\0" + _row(first, last, thin=row in _THIN) for row in range(HEIGHT))
    return "data:image/png;base64," + base64.b64encode(_png(rows)).decode()


def _row(first: int, last: int, *, thin: bool) -> bytes:
    waiting = (_pixel(WAITING) if thin else _CLEAR) * first
    return waiting + _pixel(ARRIVING) * (last - first) + _CLEAR * (WIDTH - last)


def _pixel(colour: str) -> bytes:
    return bytes.fromhex(colour[1:]) + b"\xff"


def _png(rows: bytes) -> bytes:
    """`rows` of 8-bit RGBA, each behind its filter byte 0 (PNG, third edition, sections 9 and 11)."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 6, 0, 0, 0)
    chunks = _chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(rows, 9)), _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
