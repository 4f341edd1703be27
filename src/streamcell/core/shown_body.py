"""The body of a request as a person reads it: images by kind and size instead of their base64."""

from __future__ import annotations

import base64
import re
from typing import Any

from streamcell.core.prompt import image
from streamcell.errors import UsageError

_BASE64 = re.compile(r"(?:data:[\w/+.-]{1,60};base64,)?([A-Za-z0-9+/]{12,}={0,2})", re.ASCII)


def shown_body(value: Any) -> Any:
    """The same JSON value; a text that is an image stands as ``<image/png, 12,345 bytes>``."""
    if isinstance(value, dict):
        return {name: shown_body(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shown_body(inner) for inner in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    match = _BASE64.fullmatch(text)
    if match is None:
        return text
    try:
        found = image(base64.b64decode(match[1], validate=True))
    except (ValueError, UsageError):
        return text
    return f"<{found.media_type}, {len(found.data):,} bytes>"
