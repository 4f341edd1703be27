"""Files that a page sends with a question: images go as images, text goes into the prompt under its name.

Nothing a page says about a file is believed: an image is known by its bytes, text by being UTF-8.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from streamcell.core.chat_protocol import Attached, SentFile
from streamcell.core.prompt import image
from streamcell.core.transcript import fenced
from streamcell.core.visible import visible
from streamcell.errors import UsageError
from streamcell.messages import ImagePart, Part, TextPart

MOST: Final = 20
"""Files of one question."""
LARGEST: Final = 10_000_000
"""Bytes of one file."""
_LONGEST_NAME: Final = 200
_TEXT_KIND: Final = "text/plain"
_WRITTEN: Final = re.compile(
    r"\n\n(?P<name>[^\n]{1,200}):\n\n(?P<fence>`{3,})\n(?P<text>.*)\n(?P=fence)", re.DOTALL
)
"""As `_text` writes it."""


class Attachment(NamedTuple):
    """A file as the model gets it, and as the page shows it."""

    part: TextPart | ImagePart
    shown: Attached


def attachments(files: Sequence[SentFile]) -> list[Attachment]:
    """The files, checked; raises `UsageError` for too many, one too large, or neither image nor text."""
    if len(files) > MOST:
        raise UsageError(f"{len(files)} files are too many; send at most {MOST} with a message")
    return [_attachment(file) for file in files]


def recognised(part: Part) -> Attached | None:
    """The file that a part of an older question was; None for what is no file."""
    if isinstance(part, ImagePart):
        return Attached("image", part.media_type, len(part.data))
    found = _WRITTEN.fullmatch(part.text) if isinstance(part, TextPart) else None
    return found and Attached(found["name"], _TEXT_KIND, len(found["text"].encode("utf-8", "replace")))


def _attachment(file: SentFile) -> Attachment:
    name = visible(" ".join(file.name.split()))[:_LONGEST_NAME] or "unnamed"
    data = _decoded(name, file.data)
    part = _image(data) or _text(name, data)
    kind = part.media_type if isinstance(part, ImagePart) else _TEXT_KIND
    return Attachment(part, Attached(name, kind, len(data)))


def _decoded(name: str, text: str) -> bytes:
    # Three bytes are four characters: looked at before the memory for the bytes is taken.
    if len(text) // 4 * 3 > LARGEST + 2:
        raise UsageError(f"{name} is too large; a file may have {LARGEST:,} bytes")
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        raise UsageError(f"{name} did not arrive whole; send it again") from None
    if len(data) > LARGEST:
        raise UsageError(f"{name} is too large; a file may have {LARGEST:,} bytes")
    return data


def _image(data: bytes) -> ImagePart | None:
    try:
        return image(data)
    except UsageError:
        return None


def _text(name: str, data: bytes) -> TextPart:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise UsageError(f"{name} is neither an image (PNG, JPEG, GIF, WebP) nor UTF-8 text")
    return TextPart(f"\n\n{name}:\n\n{fenced(text)}")
