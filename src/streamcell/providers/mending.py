"""JSON that is almost JSON: broken UTF-8, half surrogate pairs, NaN, raw control characters.

Seen from servers that cut text by tokens or print numbers with Python's own `json`. What cannot be read
becomes U+FFFD or null; the structure is never guessed at.
"""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

_LONE_SURROGATE = re.compile(
    r"(?<!\\)((?:\\\\)*)"
    r"(?:((?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+)|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def parse_mended(data: bytes) -> Any:
    """The JSON value of `data`, mended where that is needed; None when it is no JSON."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _mended(data)


def _mended(data: bytes) -> Any:
    text = _LONE_SURROGATE.sub(_replaced, data.decode("utf-8", "replace"))
    try:
        return json.loads(text, strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _replaced(match: re.Match[str]) -> str:
    return match.group(1) + (match.group(2) or "\\ufffd")
