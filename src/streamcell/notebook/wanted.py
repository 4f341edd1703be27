"""A question of a chat: what the user typed and attached, and what the model is sent for it.

The two differ where the user names variables or attaches files. Who asks, and when, is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from streamcell.core.chat_protocol import Attached, SentFile
from streamcell.core.interpolate import interpolate
from streamcell.core.prompt import Prompt, to_messages
from streamcell.core.turns import Turn
from streamcell.errors import UsageError
from streamcell.messages import Message, Part, TextPart
from streamcell.notebook import images
from streamcell.notebook.attachments import attachments, recognised
from streamcell.notebook.names import Names

LONGEST: Final = 200_000
"""Characters of a message."""


class Wanted(NamedTuple):
    """A question. `kept` are the parts that stay when it is put in other words; `note` is for the user."""

    text: str
    messages: tuple[Message, ...]
    kept: tuple[Part, ...] = ()
    attached: tuple[Attached, ...] = ()
    note: str = ""


def of_python(prompt: Prompt) -> Wanted:
    """What a program asks, as it stands; raises `UsageError` when it is not all the user's to say."""
    messages = to_messages(prompt)
    if any(message.role != "user" for message in messages):
        raise UsageError("a chat is sent the user's next message; what was said before is its conversation")
    return _of(messages)


def of_turn(turn: Turn) -> Wanted:
    """What was asked in a turn."""
    return _of(tuple(message for message in turn.messages if message.role == "user"))


def of_page(text: str, files: Sequence[SentFile], names: Names) -> Wanted:
    """What a page sends, with the values of the variables that it names."""
    sent = attachments(files)
    kept = tuple(one.part for one in sent)
    return _filled(text, kept, tuple(one.shown for one in sent), names)


def in_other_words(asked: Wanted, text: str, names: Names) -> Wanted:
    """The same question with another text."""
    return _filled(text, asked.kept, asked.attached, names)


def _of(messages: tuple[Message, ...]) -> Wanted:
    files = [(part, recognised(part)) for message in messages for part in message.parts]
    kept = tuple(part for part, file in files if file is not None)
    said = [
        Message("user", tuple(part for part in message.parts if part not in kept)) for message in messages
    ]
    text = "\n\n".join(filter(None, (message.content for message in said)))
    return Wanted(text, messages, kept, tuple(file for _, file in files if file is not None))


def _filled(text: str, kept: tuple[Part, ...], attached: tuple[Attached, ...], names: Names) -> Wanted:
    if len(text) > LONGEST:
        raise UsageError(f"the message has {len(text):,} characters; send at most {LONGEST:,}")
    if not text.strip() and not kept:
        raise UsageError("the message is empty; write what you want to ask")
    own = names.own()
    filled = interpolate(text, own)
    said = [TextPart(filled.text)] if text.strip() else []
    pictures = images.named(filled.pictures, own)
    unknown = ", ".join(f"{{{name}}}" for name in filled.unknown)
    note = f"{unknown} sent as written: no variable of that name" if unknown else ""
    return Wanted(text, (Message("user", (*said, *pictures, *kept)),), kept, attached, note)
