"""Reading JSON that a stranger wrote: every look-up has an answer, none raises.

Look-alike servers send null for lists, lists for strings and numbers for objects. These functions give the
value when it has the type that was asked for and an empty one of that type when it has not.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

_LARGEST = 2**53
"""What JSON numbers are exact up to; nothing that is counted here comes near it."""


def parse(data: bytes | str) -> Any:
    """The JSON value of `data`; None when it is no JSON (or nested too deeply to be an answer)."""
    try:
        return msgspec.json.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def record(value: object) -> dict[str, Any]:
    """`value` when it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def records(value: object) -> list[dict[str, Any]]:
    """The objects in `value` when it is a list, else nothing."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def string(value: object) -> str:
    """`value` when it is a string, else an empty one."""
    return value if isinstance(value, str) else ""


def count(value: object) -> int | None:
    """`value` when it is a whole number that counts something, else None."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
        return value
    return None


def json_text(value: object) -> str:
    """`value` as JSON text, empty when it is nested too deeply."""
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        return ""
