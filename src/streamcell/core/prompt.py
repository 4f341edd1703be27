"""What users may ask with, as messages: text, `Message`s, or dicts of role and content.

Images are given as bytes, as a path, or as an object that draws itself as PNG (a PIL image, a matplotlib
figure); what kind they are is told by their first bytes, never by their name.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from streamcell.errors import UsageError
from streamcell.messages import ImagePart, Message, Part, Role, TextPart

Prompt = str | Message | Sequence[Message | Mapping[str, Any]]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)


def to_messages(prompt: Prompt) -> tuple[Message, ...]:
    """The prompt as messages; raises `UsageError` when it is empty or of another shape."""
    if isinstance(prompt, str):
        if not prompt.strip():
            raise UsageError("the prompt is empty; write what you want to ask")
        return (Message("user", (TextPart(prompt),)),)
    if isinstance(prompt, Message):
        return (prompt,)
    if not isinstance(prompt, Sequence) or isinstance(prompt, bytes | bytearray):
        raise UsageError(f"a prompt is a str or a list of messages, not {type(prompt).__name__}")
    if not prompt:
        raise UsageError("the prompt is an empty list; give at least one message")
    return tuple(_message(item) for item in prompt)


def split_system(messages: tuple[Message, ...], system: str | None) -> tuple[str | None, tuple[Message, ...]]:
    """The system prompt (given, or the conversation's own) apart from the other messages."""
    said = [message.content for message in messages if message.role == "system"]
    texts = [text for text in (system, *said) if text]
    return "\n\n".join(texts) or None, tuple(m for m in messages if m.role != "system")


def image(source: object) -> ImagePart:
    """An image part from bytes, a path, a PIL image or a matplotlib figure.

    Raises `UsageError` when that is no PNG, JPEG, GIF or WebP.
    """
    if isinstance(source, bytes):
        data = source
    elif isinstance(source, str | Path):
        data = _file(source)
    else:
        data = _drawn(source)
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


def _drawn(source: Any) -> bytes:
    """The PNG of a figure, or of anything that a notebook shows as one."""
    png: object = None
    try:
        if hasattr(source, "savefig"):
            source.savefig(buffer := io.BytesIO(), format="png")
            png = buffer.getvalue()
        else:
            png = source._repr_png_()
    except Exception as error:  # noqa: BLE001 - drawing is somebody else's code
        reason = f": {type(error).__name__}"
    else:
        reason = ""
    if not isinstance(png, bytes):
        raise UsageError(f"this {type(source).__name__} gives no PNG{reason}; convert it first")
    return png


def _message(item: object) -> Message:
    if isinstance(item, Message):
        return item
    if not isinstance(item, Mapping) or not {"role", "content"} <= item.keys():
        raise UsageError(f"a message has a 'role' and a 'content', this one is {_short(item)}")
    role = _ROLES.get(str(item["role"]))
    if role is None:
        raise UsageError(f"unknown role {item['role']!r}; one of {', '.join(sorted(_ROLES))}")
    return Message(role, _parts(item["content"]))


def _parts(content: object) -> tuple[Part, ...]:
    if isinstance(content, list | tuple):
        return tuple(_part(piece) for piece in content)
    return (_part(content),)


def _part(piece: object) -> Part:
    match piece:
        case str():
            return TextPart(piece)
        case bytes() | Path():
            return image(piece)
        case {"type": "text", "text": str(text)}:
            return TextPart(text)
        case _ if isinstance(piece, Part):
            return piece
        case _ if hasattr(piece, "savefig") or hasattr(piece, "_repr_png_"):
            return image(piece)
        case _:
            raise UsageError(
                "a part of a message is text, or an image (bytes, Path, PIL image, matplotlib figure),"
                f" not {_short(piece)}"
            )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}…"  # noqa: PLR2004 - one line of an error
