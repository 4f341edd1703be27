"""The shapes that need no schema: what is shown as it is, when it is complete, or not at all.

How a value is read when it is complete is a matter of who made the shape.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from msgspec import UNSET

from streamcell.core.structure.complete import Reader

Shape = Callable[[Any, Any, int], Any]
"""Given a value as far as it has come, the same without an open string (UNSET if that is all of it), and how
many levels of it are still open (see `growing.Grown`): what to show; UNSET for nothing yet."""


def as_it_is(value: Any, _whole: Any, _levels: int) -> Any:
    """The shape of what has no type: plain JSON."""
    return value


def inside(levels: int, value: dict[str, Any], key: str) -> int:
    """How many levels are still open in what an object has under a key: none but in the last."""
    return levels - 1 if levels and key == next(reversed(value), None) else 0


def until_unset(shapes: Iterable[Shape], value: list[Any], whole: Any, levels: int) -> Iterator[Any]:
    """The items of a list up to the first that has nothing to show, so that what is shown only grows."""
    held = whole if isinstance(whole, list) else []
    for index, (shape, item) in enumerate(zip(shapes, value, strict=True)):
        below = levels - 1 if levels and index == len(value) - 1 else 0
        grown = shown_by(shape, item, held[index] if index < len(held) else UNSET, below)
        if grown is UNSET:
            return
        yield grown


def shown_by(shape: Shape, value: Any, whole: Any, levels: int) -> Any:
    """What the shape shows; null is shown wherever it came: whether it is allowed is seen at the end."""
    return None if value is None else shape(value, whole, levels)


def text(value: Any, _whole: Any, _levels: int) -> Any:
    return value if isinstance(value, str) else UNSET


def text_or(other: Shape) -> Shape:
    def shape(value: Any, whole: Any, levels: int) -> Any:
        return value if isinstance(value, str) else other(value, whole, levels)

    return shape


def nothing(_value: Any, _whole: Any, _levels: int) -> Any:
    return UNSET


def when_complete(read: Reader) -> Shape:
    def shape(_value: Any, whole: Any, levels: int) -> Any:
        return UNSET if levels or whole is UNSET else read(whole)

    return shape


def is_hashable(value: Any) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True
