"""`{name}` in a prompt becomes the user's value; every other brace stays what it was.

Prompts are full of braces (JSON, LaTeX, code, f-strings), and `str.format` would let `{x.__globals__[...]}`
read the whole process. So only plain names are looked up, in one pass, and what is put in is not read again.
No attribute access, no calls, no conversions, no format specs. A name that holds a picture is marked in the
text, and told; showing the picture is the caller's business.
"""

from __future__ import annotations

import os
import re
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcell.core.drawable import is_picture
from streamcell.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_VALUE = 20_000
"""Characters of a value that is not a `str`; a `str` goes in whole, however long."""
LONGEST_SUMMARY = 4_000
"""Characters of the summary of a table or an array."""
_ROWS = 5

_NAMES = re.compile(r"\{\{(?P<escaped>[^\W\d]\w*)\}\}|\{(?P<name>[^\W\d]\w*)\}")
_CODE = (ModuleType, FunctionType, BuiltinFunctionType, MethodType, type)
_ENVIRONMENT = type(os.environ)


class Interpolated(NamedTuple):
    """The prompt, the names whose values went in and those that stayed because nothing has that name.

    `pictures` are the names, each once, whose value is a picture: ``[image: name]`` stands in the text.
    """

    text: str
    used: tuple[str, ...]
    unknown: tuple[str, ...]
    pictures: tuple[str, ...] = ()


def interpolate(text: str, namespace: Mapping[str, object]) -> Interpolated:
    """`text` with each `{name}` of `namespace` replaced, and each `{{name}}` as `{name}`.

    Dunder names are never looked up. Tables and arrays come as a summary (shape, types, first rows).
    Raises `UsageError` for a name that holds a module, function, class, key, the process environment or a
    value that cannot be written as text.
    """
    used: dict[str, None] = {}
    unknown: dict[str, None] = {}
    pictures: dict[str, None] = {}

    def replacement(match: re.Match[str]) -> str:
        if match["escaped"]:
            return f"{{{match['escaped']}}}"
        name = match["name"]
        if _is_dunder(name) or name not in namespace:
            unknown[name] = None
            return match[0]
        used[name] = None
        if is_picture(namespace[name]):
            pictures[name] = None
            return f"[image: {name}]"
        return _written(name, namespace[name])

    replaced = _NAMES.sub(replacement, text)
    return Interpolated(replaced, tuple(used), tuple(unknown), tuple(pictures))


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _written(name: str, value: object) -> str:
    refusal = refused(value)
    if refusal:
        raise UsageError(
            f"{{{name}}} holds {refusal}, which is not put into a prompt; "
            f"write {{{{{name}}}}} for the text {{{name}}} itself"
        )
    try:
        if isinstance(value, str):
            return str(value)
        summary = _summary(value)
        if summary is not None:
            return _capped(summary, LONGEST_SUMMARY)
        return _capped(repr(value) if isinstance(value, bytes | bytearray) else str(value), LONGEST_VALUE)
    except Exception as error:  # noqa: BLE001 (a user's own __str__ may raise anything)
        raise UsageError(
            f"{{{name}}} cannot be written as text: its {type(value).__name__} raised {type(error).__name__}"
        ) from None


def refused(value: object) -> str | None:
    """What a value is that is not put into a prompt; None for one that may be."""
    if isinstance(value, ModuleType):
        return "a module"
    if isinstance(value, _CODE):
        return "a class" if isinstance(value, type) else "a function"
    if hasattr(type(value), "__streamcell_secret__") or "__streamcell_secret__" in getattr(
        value, "__dict__", ()
    ):
        return "a key"
    return "the process environment" if isinstance(value, _ENVIRONMENT) else None


def _summary(value: Any) -> str | None:
    """Shape, types and first rows of what looks like a table or an array; None for everything else."""
    shape = getattr(value, "shape", None)
    if not isinstance(shape, tuple) or not shape:
        return None
    kind = type(value).__name__
    head = getattr(value, "head", None)
    if hasattr(value, "dtypes") and hasattr(value, "columns") and callable(head):
        types = ", ".join(
            f"{column} ({dtype})" for column, dtype in zip(value.columns, value.dtypes, strict=False)
        )
        return f"{kind}, {shape[0]} rows, {shape[1]} columns: {types}\nFirst rows:\n{head(_ROWS)}"
    if not hasattr(value, "dtype"):
        return None
    if callable(head):
        return f"{kind}, {shape[0]} values, {value.dtype}\nFirst values:\n{head(_ROWS)}"
    return f"{kind}, shape {shape}, {value.dtype}\n{value}"


def _capped(written: str, longest: int) -> str:
    if len(written) <= longest:
        return written
    return f"{written[:longest]}… [cut: {len(written) - longest:,} more characters]"
