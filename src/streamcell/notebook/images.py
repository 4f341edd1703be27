"""The images that a cell shows the model: by `{name}` in its prompt, and by `--image` on its line.

It reads variables and files; what the page showed last is handed in.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from streamcell.core.drawable import can_be_drawn
from streamcell.core.prompt import Prompt, image
from streamcell.errors import UsageError
from streamcell.messages import ImagePart, Message

LARGEST = 10_000_000
"""Bytes of one image. The smallest limit of a provider is near; a larger image is more often a mistake."""


def named(names: Sequence[str], namespace: Mapping[str, object]) -> list[ImagePart]:
    """The pictures that the prompt names as ``{name}``."""
    return [_checked(f"{{{name}}}", namespace[name]) for name in names]


def asked_for(
    words: Sequence[str], namespace: Mapping[str, object], *, last: str | bytes | None
) -> list[ImagePart]:
    """The images of `--image`: a path, a variable, or ``last``, the newest that a cell showed.

    Raises `UsageError` for one that is not there, is too large or is no image.
    """
    return [_asked_for(word, namespace, last) for word in words]


def with_images(text: str, images: Sequence[ImagePart]) -> Prompt:
    """The prompt as one message of text and images; the text alone when there are none."""
    if not images:
        return text
    return [Message("user", [text, *images] if text.strip() else images)]


def _asked_for(word: str, namespace: Mapping[str, object], last: str | bytes | None) -> ImagePart:
    if word == "last":
        if last is None:
            raise UsageError("--image last: no cell has shown an image yet; name a file or a variable")
        return _checked("--image last", base64.b64decode(last) if isinstance(last, str) else last)
    if word not in namespace:
        return _checked(f"--image {word}", _file(word))
    value = namespace[word]
    if not isinstance(value, str | bytes | Path) and not can_be_drawn(value):
        kind = type(value).__name__
        raise UsageError(
            f"--image {word}: the variable is no image but of type {kind}; give a figure or a path"
        )
    return _checked(f"--image {word}", value)


def _file(word: str) -> Path:
    path = Path(word).expanduser()
    if not path.is_file():
        raise UsageError(f"--image {word}: no variable and no file of that name")
    return path


def _checked(name: str, source: object) -> ImagePart:
    try:
        found = image(source)
    except UsageError as error:
        raise UsageError(f"{name}: {error}") from None
    if len(found.data) > LARGEST:
        raise UsageError(
            f"{name}: the image has {len(found.data):,} bytes, at most {LARGEST:,} are sent; make it smaller"
        )
    return found
