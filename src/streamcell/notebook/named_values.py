"""What the names on the line of a cell stand for among the user's variables."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from streamcell.errors import UsageError

_LIST = re.compile(r"\s*[Ll]ist\s*\[\s*(\w+)\s*\]\s*")


def tool(name: str, names: Mapping[str, Any]) -> Callable[..., Any]:
    """The function that ``--tool NAME`` offers."""
    function: Callable[..., Any] = _value("--tool", name, names)
    if not callable(function):
        raise UsageError(f"--tool takes the name of a function; {name} is {type(function).__name__}")
    return function


def schema(name: str, names: Mapping[str, Any]) -> Any:
    """What ``--schema NAME`` or ``--schema list[NAME]`` means."""
    found = _LIST.fullmatch(name)
    if found is None:
        return _value("--schema", name, names)
    item: Any = _value("--schema", found.group(1), names)
    return list[item]


def _value(option: str, name: str, names: Mapping[str, Any]) -> Any:
    if name not in names:
        raise UsageError(f"{option} {name}: there is no variable of that name")
    return names[name]
