"""What users may ask with, as messages: text, `Message`s, or dicts as Chat Completions has them.

Images are given as bytes, as a path, or as an object that draws itself as PNG (a PIL image, a matplotlib
figure); what kind they are is told by their first bytes, never by their name.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from streamcell.core.drawable import can_be_drawn, drawn
from streamcell.errors import UsageError
from streamcell.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

Prompt = str | Message | Sequence[Message | Mapping[str, Any]]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_UNREAD = ("function_call", "audio", "images")
"""Fields of other dialects that would be lost."""
_EMPTY = "the prompt is empty; write what you want to ask"
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def to_messages(prompt: Prompt) -> tuple[Message, ...]:
    """The prompt as messages; raises `UsageError` when it is empty or of another shape."""
    if isinstance(prompt, str):
        prompt = Message("user", prompt)
    if isinstance(prompt, Message):
        prompt = [prompt]
    if not isinstance(prompt, Sequence) or isinstance(prompt, bytes | bytearray):
        raise UsageError(f"a prompt is a str or a list of messages, not {type(prompt).__name__}")
    if not prompt:
        raise UsageError("the prompt is an empty list; give at least one message")
    messages: list[Message] = []
    for item in prompt:
        message = _message(item, messages)
        if message.role == "user" and not _says(message):
            raise UsageError(_EMPTY)
        messages.append(message)
    return tuple(messages)


def split_system(messages: tuple[Message, ...], system: str | None) -> tuple[str | None, tuple[Message, ...]]:
    """The system prompt (given, or the conversation's own) apart from the other messages.

    Raises `UsageError` when those say nothing.
    """
    said = [message.content for message in messages if message.role == "system"]
    texts = [text for text in (system, *said) if text]
    others = tuple(message for message in messages if message.role != "system")
    if not any(map(_says, others)):
        raise UsageError(_EMPTY)
    return "\n\n".join(texts) or None, others


def image(source: object) -> ImagePart:
    """An image part from bytes, a path, a PIL image, IPython's `Image`, or matplotlib's figure or axes.

    Raises `UsageError` when that is no PNG, JPEG, GIF or WebP.
    """
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str | Path):
        data = _file(source)
    else:
        data = drawn(source)
    for signature, media_type in _SIGNATURES:
        if data.startswith(signature):
            return ImagePart(data, media_type)
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return ImagePart(data, "image/webp")
    raise UsageError("the image is not PNG, JPEG, GIF or WebP; convert it first")


def _file(path: str | Path) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read the image {str(path)!r}: {error.strerror}") from None


def _says(message: Message) -> bool:
    """Whether a provider would be sent any of it; thinking alone asks nothing."""
    silent = TextPart | ReasoningPart
    return bool(message.content.strip()) or any(not isinstance(part, silent) for part in message.parts)


def _message(item: object, before: Sequence[Message]) -> Message:
    if isinstance(item, Message):
        return item
    if not isinstance(item, Mapping) or "role" not in item or not {"content", "tool_calls"} & item.keys():
        raise UsageError(f"a message has a 'role' and a 'content', this one is {_short(item)}")
    role = _ROLES.get(str(item["role"]))
    if role is None:
        raise UsageError(f"unknown role {item['role']!r}; one of {', '.join(sorted(_ROLES))}")
    for name in _UNREAD:
        if item.get(name):
            raise UsageError(f"{name!r} of a message is not read; write it as 'tool_calls' or 'content'")
    content, calls = item.get("content"), _calls(item.get("tool_calls"))
    if role == "tool":
        return Message(role, _results(item, before))
    if item.get("tool_call_id"):
        raise UsageError(f"a 'tool_call_id' belongs to a message of role 'tool', not {role!r}")
    return Message(role, (*(() if content is None and calls else _parts(content)), *calls))


def _calls(calls: object) -> tuple[ToolCallPart, ...]:
    if calls is None:
        return ()
    if not isinstance(calls, list | tuple):
        raise UsageError(f"the 'tool_calls' of a message are a list, not {_short(calls)}")
    return tuple(map(_call, calls))


def _call(call: object) -> ToolCallPart:
    match call:
        case ToolCallPart():
            return call
        case {"id": str(id_), "function": {"name": str(name), "arguments": arguments}}:
            return ToolCallPart(id_, name, _arguments(arguments))
        case _:
            raise UsageError(f"a tool call has an 'id' and a 'function', this one is {_short(call)}")


def _arguments(arguments: object) -> dict[str, Any]:
    value = arguments
    if isinstance(arguments, str):
        try:
            value = msgspec.json.decode(arguments) if arguments.strip() else {}
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            value = None
    if not isinstance(value, dict):
        raise UsageError(f"the arguments of a tool call are a JSON object, not {_short(arguments)}")
    return value


def _results(item: Mapping[str, Any], before: Sequence[Message]) -> tuple[Part, ...]:
    """What tools answered; a call before it knows the name that some providers ask for."""
    parts, called = _parts(item.get("content")), item.get("tool_call_id")
    if parts and all(isinstance(part, ToolResultPart) for part in parts):
        return parts
    if not isinstance(called, str):
        raise UsageError("a message of role 'tool' has the 'tool_call_id' of the call that it answers")
    texts = [part.text for part in parts if isinstance(part, TextPart)]
    if len(texts) < len(parts):
        raise UsageError("the content of a message of role 'tool' is text")
    calls = (part for message in before for part in message.parts if isinstance(part, ToolCallPart))
    names = {call.id: call.name for call in calls}
    return (ToolResultPart(called, str(item.get("name") or names.get(called, "")), "".join(texts)),)


def _parts(content: object) -> tuple[Part, ...]:
    if isinstance(content, list | tuple):
        return tuple(_part(piece) for piece in content)
    return (_part(content),)


def _part(piece: object) -> Part:
    match piece:
        case str():
            return TextPart(piece)
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return TextPart(text)
        case _ if isinstance(piece, Part):
            return piece
        case _ if isinstance(piece, bytes | Path) or can_be_drawn(piece):
            return image(piece)
        case _:
            return _image_piece(piece)


def _image_piece(piece: object) -> ImagePart:
    """An image as OpenAI's, Anthropic's and our own dicts hold it."""
    match piece:
        case {"type": "image_url", "image_url": {"url": str(url)}}:
            return _linked(url)
        case {"type": "image_url" | "input_image", "image_url": str(url)}:
            return _linked(url)
        case {"type": "image", "source": {"type": "base64", "data": str(data)}}:
            return _decoded(data)
        case {"type": "image", "data": str(data)}:
            return _decoded(data)
        case {"type": "image", "data": bytes(data)}:
            return image(data)
        case _:
            raise UsageError(
                "a part of a message is text, or an image (bytes, Path, PIL image, matplotlib figure),"
                f" not {_short(piece)}"
            )


def _linked(url: str) -> ImagePart:
    kind, comma, data = url.partition(",")
    if not comma or not kind.startswith("data:") or not kind.endswith(";base64"):
        raise UsageError(f"an image is given as bytes or as a base64 data: URL, not {_short(url)}")
    return _decoded(data)


def _decoded(data: str) -> ImagePart:
    try:
        return image(base64.b64decode(data, validate=True))
    except ValueError:
        raise UsageError(f"the data of an image is no base64: {_short(data)}") from None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - one line of an error
