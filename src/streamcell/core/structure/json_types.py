"""Types as pydantic takes them: before Python 3.12 it refuses `typing.TypedDict`, which everybody writes.

Goes when 3.11 does.
"""

from __future__ import annotations

import functools
import operator
import sys
import types
import typing
from typing import Any, cast

from streamcell.errors import UsageError


def with_late_typed_dicts(given: Any) -> Any:
    """The type with each `typing.TypedDict` in it, also inside lists and unions, as one of today's."""
    if sys.version_info >= (3, 12):
        return given
    if type(given).__module__ == "typing" and typing.is_typeddict(given):
        return _late(given)
    arguments = typing.get_args(given)
    late = tuple(with_late_typed_dicts(argument) for argument in arguments)
    if late == arguments:
        return given
    if isinstance(given, types.UnionType):
        return functools.reduce(operator.or_, late)
    return given.copy_with(late) if hasattr(given, "copy_with") else typing.get_origin(given)[late]


@functools.cache
def _late(given: type) -> Any:
    from typing_extensions import TypedDict  # noqa: PLC0415 - comes with pydantic

    try:
        hints = typing.get_type_hints(given, include_extras=True)
    except NameError as error:
        raise UsageError(f"schema {given.__name__} names a type that is not there: {error}") from None
    optional = cast("frozenset[str]", given.__optional_keys__)  # type: ignore[attr-defined]
    fields = {name: _field(hint, optional=name in optional) for name, hint in hints.items()}
    made = TypedDict(given.__name__, fields)  # type: ignore[misc]
    made.__doc__ = given.__doc__
    return made


def _field(hint: Any, *, optional: bool) -> Any:
    """The field's type of today; what it says itself goes before what its class says."""
    origin = typing.get_origin(hint)
    if origin in (typing.Required, typing.NotRequired):
        optional = origin is typing.NotRequired
        (hint,) = typing.get_args(hint)
    late = with_late_typed_dicts(hint)
    return typing.NotRequired[late] if optional else late
