"""What turns and answers say, as the messages of a request: the words a conversation is made of.

Functions of values; how turns stand to each other they do not know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from streamcell.core.turns import Turn
from streamcell.messages import Message, TextPart, ToolCallPart

if TYPE_CHECKING:
    from streamcell.core.response import StreamingResponse


def messages(turns: Iterable[Turn]) -> tuple[Message, ...]:
    return tuple(message for turn in turns for message in turn.messages)


def without_system(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    return tuple(message for message in messages if message.role != "system")


def beyond(own: tuple[Message, ...], asked: tuple[Message, ...]) -> tuple[Message, ...]:
    """What is `asked` after the messages that stand at the end of our `own`."""
    overlap = next(n for n in range(min(len(own), len(asked)), -1, -1) if own[len(own) - n :] == asked[:n])
    return asked[overlap:]


def answer(response: StreamingResponse) -> tuple[Message, ...]:
    """The answer's messages; none when it said nothing that a next request could carry."""
    given = tuple(response.messages[len(without_system(response.prompt_messages)) :])
    parts = [part for message in given for part in message.parts]
    if response.refusal and not response.text:
        return (Message("assistant", (TextPart(response.refusal),)), *given)
    return given if any(isinstance(part, TextPart | ToolCallPart) for part in parts) else ()


def told(turn: Turn, messages: tuple[Message, ...], response: StreamingResponse) -> Turn:
    """The turn with what it holds now, and what the response tells of the answer."""
    names = (response.metadata.get("provider"), response.metadata.get("model"))
    return msgspec.structs.replace(
        turn,
        messages=messages,
        model=":".join(str(name) for name in names if name),
        stop_reason=response.stop_reason,
        tokens=response.total_tokens,
    )
