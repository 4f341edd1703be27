"""An answer that a conversation remembers, as a run that is over: pages draw it like any other.

What was not kept is not made up: such a run has no times, no tokens and no cost.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import cast

from streamcell.core.turns import Turn
from streamcell.errors import StreamcellError
from streamcell.events import (
    STOP_REASONS,
    Event,
    Finished,
    ReasoningDelta,
    Started,
    StopReason,
    TextDelta,
    ToolCall,
    ToolResult,
)
from streamcell.handle import Stream
from streamcell.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from streamcell.run import Deliver


def recalled(turn: Turn) -> Stream:
    """The answer of `turn` as a finished stream; its response holds what the turn holds."""
    asked = tuple(message for message in turn.messages if message.role == "user")
    return _over(list(_events(turn)), prompt=asked)


def failed(error: StreamcellError, prompt: tuple[Message, ...]) -> Stream:
    """A stream that ended before it began."""
    return _over([Finished("error", error=error.info())], prompt=prompt)


def _over(events: list[Event], *, prompt: tuple[Message, ...]) -> Stream:
    stream = Stream(_asks_nobody, prompt=prompt)
    stream.ledger.append(events, 0.0, 0.0)
    return stream


async def _asks_nobody(deliver: Deliver) -> None:
    """Never called: the stream is over."""


def _events(turn: Turn) -> Iterator[Event]:
    provider, _, model = turn.model.partition(":")
    after_tools = True
    part = 0
    for message in turn.messages:
        if message.role == "user":
            continue
        if after_tools and message.role == "assistant":
            yield Started(provider, model)
            part = 0
        after_tools = message.role == "tool"
        for said in message.parts:
            yield from _event(said, part)
            part += 1
    known = turn.stop_reason in STOP_REASONS
    yield Finished(cast("StopReason", turn.stop_reason) if known else "unknown")


def _event(said: Part, part: int) -> Iterator[Event]:
    match said:
        case TextPart():
            yield TextDelta(said.text, part)
        case ReasoningPart():
            yield ReasoningDelta(said.text, part, said.signature)
        case ToolCallPart():
            written = json.dumps(said.arguments, ensure_ascii=False, default=str)
            yield ToolCall(part, said.id, said.name, said.arguments, written)
        case ToolResultPart():
            yield ToolResult(said.id, said.name, said.content, error=said.error)
        case ImagePart():
            yield TextDelta(f"[image: {said.media_type}]", part)
