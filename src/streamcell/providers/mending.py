"""JSON that is almost JSON: broken UTF-8, half surrogate pairs, NaN, raw control characters.

Seen from servers that cut text by tokens or print numbers with Python's own `json`. What cannot be read
becomes U+FFFD or null; the structure is never guessed at.
"""

from __future__ import annotations

import json
import re
from typing import Any

from streamcell.providers.loose import parse

_LONE_SURROGATE = re.compile(
    r"(?<!\\)((?:\\\\)*)"
    r"(?:((?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})+)|\\u[dD][89a-fA-F][0-9a-fA-F]{2})"
)


def parse_mended(data: bytes) -> Any:
    """The JSON value of `data`, mended where that is needed; None when it is no JSON."""
    value = parse(data)
    if value is not None:
        return value
    text = _LONE_SURROGATE.sub(_replaced, data.decode("utf-8", "replace"))
    try:
        return json.loads(text, strict=False, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return None


def _replaced(match: re.Match[str]) -> str:
    return match.group(1) + (match.group(2) or "\\ufffd")
