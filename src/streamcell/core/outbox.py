"""Joins neighbouring deltas, so that a reader that comes late or seldom gets few, larger events.

Joining changes no answer: folding the joined events gives the same response (tested as a property).
"""

from __future__ import annotations

from collections.abc import Iterable

from streamcell.events import Event, ReasoningDelta, TextDelta, ToolCallDelta

Delta = TextDelta | ReasoningDelta | ToolCallDelta


def joined(events: Iterable[Event]) -> list[Event]:
    """The same events with each stretch of deltas of one kind and part made one; linear in their text."""
    result: list[Event] = []
    stretch: list[Delta] = []
    for event in events:
        delta = event if isinstance(event, TextDelta | ReasoningDelta | ToolCallDelta) else None
        if stretch and not (delta is not None and _continues(stretch[-1], delta)):
            result.append(_join(stretch))
            stretch = []
        if delta is None:
            result.append(event)
        else:
            stretch.append(delta)
    if stretch:
        result.append(_join(stretch))
    return result


def _continues(last: Delta, event: Delta) -> bool:
    match last, event:
        case TextDelta(), TextDelta():
            return last.part == event.part
        case ReasoningDelta(signature=None), ReasoningDelta():
            return last.part == event.part
        case ToolCallDelta(), ToolCallDelta():
            same = event.part == last.part and event.server == last.server
            return same and event.id in (None, last.id) and event.name in (None, last.name)
        case _:
            return False


def _join(stretch: list[Delta]) -> Event:
    first, last = stretch[0], stretch[-1]
    if len(stretch) == 1:
        return first
    if isinstance(first, TextDelta):
        return TextDelta("".join(delta.text for delta in stretch if isinstance(delta, TextDelta)), first.part)
    if isinstance(first, ReasoningDelta):
        text = "".join(delta.text for delta in stretch if isinstance(delta, ReasoningDelta))
        return ReasoningDelta(text, first.part, last.signature if isinstance(last, ReasoningDelta) else None)
    pieces = "".join(delta.arguments for delta in stretch if isinstance(delta, ToolCallDelta))
    return ToolCallDelta(first.part, first.id, first.name, pieces, first.server)
