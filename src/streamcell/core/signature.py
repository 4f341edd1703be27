"""What a function takes, seen through partials, methods, wrappers and objects with `__call__`.

It knows Python's functions and annotations, and neither JSON nor pydantic.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, get_type_hints

from streamcell.errors import UsageError

_BY_KEYWORD = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


def plain(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function behind partials and objects with `__call__`: it has the name, the text and the globals."""
    while isinstance(function, partial):
        function = function.func
    if inspect.isroutine(function) or hasattr(function, "__wrapped__"):
        return function
    called: Callable[..., Any] = function.__call__  # type: ignore[operator]
    return called


def documentation(function: Callable[..., Any]) -> str | None:
    """Its docstring; of an object with `__call__` that of its class, where the method has none."""
    behind = plain(function)
    owner = getattr(behind, "__self__", None) if getattr(behind, "__name__", "") == "__call__" else None
    return behind.__doc__ or (type(owner).__doc__ if owner is not None else None)


def signature_of(function: Callable[..., Any], name: str) -> inspect.Signature:
    """What the tool called `name` can be given, by keyword; raises `UsageError` for what is not named."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError):
        raise UsageError(
            f"the tool {name!r} does not tell its parameters; wrap it in a function with annotations"
        ) from None
    bound = function.keywords if isinstance(function, partial) else {}
    offered = [parameter for parameter in signature.parameters.values() if parameter.name not in bound]
    for parameter in offered:
        if parameter.kind not in _BY_KEYWORD:
            raise UsageError(
                f"the tool {name!r} takes {str(parameter)!r} ({parameter.kind.description}), which a model "
                "cannot give by name; wrap it in a function whose parameters all have names"
            )
    by_name = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in offered]
    return signature.replace(parameters=by_name, return_annotation=Any)


def hints_of(function: Callable[..., Any], signature: inspect.Signature, name: str) -> dict[str, Any]:
    """The annotations as types, also when they were written as strings; Any where there is none.

    Raises `UsageError` for a name that cannot be found from where the function stands.
    """

    def carrier() -> None:
        """Carries the annotations to be resolved: those of the result do not matter."""

    carrier.__annotations__ = {
        parameter.name: Any if parameter.annotation is parameter.empty else parameter.annotation
        for parameter in signature.parameters.values()
    }
    behind = inspect.unwrap(plain(function))
    namespace = getattr(behind, "__globals__", {})
    try:
        return get_type_hints(carrier, globalns=namespace, localns=_locals(behind), include_extras=True)
    except Exception as error:  # noqa: BLE001 - an annotation is any expression
        raise UsageError(
            f"the annotations of the tool {name!r} cannot be read ({type(error).__name__}: {error}); "
            "define the types that they name at the top level of the module or notebook"
        ) from None


def _locals(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The names around a function defined inside of another one that still runs."""
    around, inside, _ = getattr(function, "__qualname__", "").rpartition(".<locals>.")
    frame = inspect.currentframe() if inside else None
    while frame is not None:
        if frame.f_code.co_qualname == around and frame.f_globals is getattr(function, "__globals__", None):
            return frame.f_locals
        frame = frame.f_back
    return {}
