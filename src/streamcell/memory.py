"""How a stream and a conversation meet: what is sent before the prompt, and where the answer is put.

The conversation itself is pure (`core.conversation`); nothing here sends.
"""

from __future__ import annotations

import functools
from typing import cast

from streamcell.core.conversation import Conversation, Place
from streamcell.core.prompt import Prompt, to_messages
from streamcell.events import Event, Finished
from streamcell.handle import Stream
from streamcell.messages import Message
from streamcell.options import Options


def placed(prompt: Prompt, options: Options) -> Options:
    """The options with the answer's place in its conversation instead of the conversation, if any."""
    conversation = options.get("conversation")
    if not isinstance(conversation, Conversation):
        return options
    return cast("Options", {**options, "conversation": conversation.place(prompt)})


def said(prompt: Prompt, options: Options) -> tuple[tuple[Message, ...], str | None]:
    """All messages to send, and the system prompt: the call's own, else the conversation's."""
    place = options.get("conversation")
    if not isinstance(place, Place):
        return to_messages(prompt), options.get("system")
    system = options.get("system")
    return place.messages, place.conversation.system if system is None else system


def remember(stream: Stream, options: Options) -> None:
    """Put the answer of `stream` into its conversation when it ends."""
    place = options.get("conversation")
    if isinstance(place, Place):
        place.conversation.expect(place)
        stream.subscribe(functools.partial(_put, stream, place))


def _put(stream: Stream, place: Place, event: Event) -> None:
    if isinstance(event, Finished):
        place.conversation.arrive(place, stream.response)
