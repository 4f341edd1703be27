"""What the model is told of a tool's work: the value it returned, or why it failed, as capped text.

Tables and arrays are known by the methods they have: no library of theirs is imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any

import msgspec

from streamcell.core.response import StreamingResponse

LONGEST_CONTENT = 100_000
"""Characters of a result."""
LONGEST_FAILURE = 2_000
"""Characters of the line that tells a failure."""
_ROWS = 1_000
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def content_of(value: object) -> str:
    """A string as it is; JSON of everything that has one; else its repr, without its address in memory.

    None is ``null``. A pandas table is CSV, at most 1,000 rows of it. Capped, with a note of how much more
    there was; half a surrogate pair, which no provider takes, becomes a question mark.
    """
    text = _text(value)
    more = len(text) - LONGEST_CONTENT
    if more > 0:
        text = f"{text[:LONGEST_CONTENT]}… [cut: {more:,} more characters]"
    return text.encode("utf-8", "replace").decode("utf-8")


def failure_of(error: BaseException) -> str:
    """The class and the message of an error in one line; of a group, those of its members."""
    line = _failure(error).encode("utf-8", "replace").decode("utf-8")
    return line if len(line) <= LONGEST_FAILURE else f"{line[: LONGEST_FAILURE - 1]}…"


def _text(value: object) -> str:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, StreamingResponse):
        return value.text
    try:
        table = _table(value)
        return _json(value) if table is None else table
    except Exception:  # noqa: BLE001 - serializers are the user's code; the repr says what there is
        return _repr(value)


def _json(value: object) -> str:
    from pydantic_core import to_json  # noqa: PLC0415 - heavy, and needed only by those who use tools

    if isinstance(value, Iterator):
        # Each item is two characters at least: what is left out would have been cut.
        value = list(islice(value, LONGEST_CONTENT))
    text = to_json(value, fallback=_plain, inf_nan_mode="strings").decode()
    # A date or a number of exact digits stands without the quotes it has inside of JSON.
    return str(json.loads(text)) if text.startswith('"') else text


def _plain(value: Any) -> object:
    """What pydantic cannot write, as something that it can."""
    if isinstance(value, msgspec.Struct):
        return msgspec.to_builtins(value)
    if isinstance(value, range):
        return list(value[:LONGEST_CONTENT])
    table = _table(value)
    if table is not None:
        return table
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return _array(value)
    return _repr(value)


def _table(value: Any) -> str | None:
    """The CSV of a pandas table or series, None of anything else."""
    if not any(base.__module__.startswith("pandas.") for base in type(value).__mro__):
        return None
    if not hasattr(value, "to_csv") or not hasattr(value, "head"):
        return None
    named = type(value.index).__name__ != "RangeIndex"
    csv = str(value.head(_ROWS).to_csv(index=named))
    return csv if len(value) <= _ROWS else f"{csv}… [cut: {len(value) - _ROWS:,} more rows]"


def _array(value: Any) -> object:
    """Numbers as lists; times as text, and an array that would be cut anyway as its own summary."""
    if value.size > LONGEST_CONTENT:
        return f"shape {value.shape}, {value.dtype}\n{value}"
    # Nanoseconds would become bare integers.
    is_time = getattr(value.dtype, "kind", "") in "mM"
    return value.astype(str).tolist() if is_time else value.tolist()


def _repr(value: object) -> str:
    try:
        return _ADDRESS.sub("", repr(value))
    except Exception:  # noqa: BLE001 - a user's own __repr__ may raise anything
        return f"<{type(value).__name__}>"


def _failure(error: BaseException) -> str:
    name = type(error).__name__
    if isinstance(error, BaseExceptionGroup):
        return f"{name}: {'; '.join(map(_failure, error.exceptions))}"
    try:
        message = " ".join(_ADDRESS.sub("", str(error)).split())
    except Exception:  # noqa: BLE001 - as above
        message = ""
    return f"{name}: {message}" if message else name
