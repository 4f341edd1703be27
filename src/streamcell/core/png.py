"""Small pictures as PNGs that carry their own bytes: what may stand inside HTML wherever a notebook is read.

`core.links` lets them through; GitHub and nbviewer take the colours out of inline SVG. They have no text, so
they need no font and no library. What is drawn, this module does not know: it is given the pixels.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

CLEAR = bytes(4)


def pixel(colour: str) -> bytes:
    """The four bytes of a colour such as ``#2f7de1``."""
    return bytes.fromhex(colour[1:]) + b"\xff"


def data_address(rows: Sequence[bytes]) -> str:
    """A `data:` address of the picture; each row holds four bytes (RGBA) a pixel."""
    return "data:image/png;base64," + base64.b64encode(_png(rows)).decode()


def _png(rows: Sequence[bytes]) -> bytes:
    """8-bit RGBA, each row behind its filter byte 0 (PNG, third edition, sections 9 and 11)."""
    header = struct.pack(">IIBBBBB", len(rows[0]) // len(CLEAR), len(rows), 8, 6, 0, 0, 0)
    packed = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = _chunk(b"IHDR", header), _chunk(b"IDAT", packed), _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
