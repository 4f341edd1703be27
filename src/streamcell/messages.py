"""What is asked and what is handed out: requests, messages and their parts, tool specs, chunks.

Plain values. How a provider writes them on its wire is that provider's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec

from streamcell.errors import UsageError

Role = Literal["system", "user", "assistant", "tool"]


class TextPart(msgspec.Struct, frozen=True, tag="text"):
    """Plain text."""

    text: str


class ImagePart(msgspec.Struct, frozen=True, tag="image"):
    """An image as bytes with its media type (`image/png`, `image/jpeg`, `image/gif`, `image/webp`)."""

    data: bytes
    media_type: str


class ReasoningPart(msgspec.Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """Thinking of an earlier turn, handed back with its signature to the provider that signed it."""

    text: str
    signature: str | None = None
    provider: str | None = None


class ToolCallPart(msgspec.Struct, frozen=True, tag="tool_call"):
    """A call the assistant made in an earlier turn."""

    id: str
    name: str
    arguments: dict[str, Any]


class ToolResultPart(msgspec.Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What a tool answered to the call with this id."""

    id: str
    name: str
    content: str
    error: bool = False


Part = TextPart | ImagePart | ReasoningPart | ToolCallPart | ToolResultPart


_PARTS_OF: Final[dict[Role, tuple[type[Part], ...]]] = {
    "system": (TextPart,),
    "user": (TextPart, ImagePart, ToolResultPart),
    "assistant": (TextPart, ImagePart, ReasoningPart, ToolCallPart),
    "tool": (ToolResultPart,),
}
"""What a message of each role may hold; nothing else would reach a provider."""


# No Struct: those take their fields alone, and `content` is none.
@dataclass(frozen=True, slots=True, init=False)
class Message:
    """One turn of a conversation: ``Message("user", "Hi")``, or a role and a sequence of parts.

    A text in the sequence is a `TextPart`. Raises `UsageError` for an unknown role, for what is no part, and
    for a part that the role cannot hold.
    """

    role: Role
    parts: tuple[Part, ...]

    def __init__(
        self, role: Role, content: str | Sequence[Part | str] = (), *, parts: Sequence[Part] = ()
    ) -> None:
        if role not in _PARTS_OF:
            raise UsageError(f"unknown role {role!r}; one of {', '.join(_PARTS_OF)}")
        held = (*_checked(role, content), *_checked(role, parts))
        object.__setattr__(self, "role", role)
        object.__setattr__(self, "parts", held)

    @property
    def content(self) -> str:
        """The text of the message, without its other parts."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


def _checked(role: Role, content: object) -> tuple[Part, ...]:
    if isinstance(content, bytes | bytearray) or not isinstance(content, Sequence):
        raise UsageError(
            f"a message's content is text or a sequence of parts, not {type(content).__name__};"
            " an image is ImagePart(data, media_type)"
        )
    pieces = [content] if isinstance(content, str) else content
    return tuple(_part(role, TextPart(piece) if isinstance(piece, str) else piece) for piece in pieces)


def _part(role: Role, piece: object) -> Part:
    if not isinstance(piece, Part):
        raise UsageError(f"a part of a message is text or one of our parts, not {type(piece).__name__}")
    if not isinstance(piece, _PARTS_OF[role]):
        allowed = ", ".join(kind.__name__ for kind in _PARTS_OF[role])
        raise UsageError(f"a message of role {role!r} holds {allowed}, not {type(piece).__name__}")
    return piece


class ToolSpec(msgspec.Struct, frozen=True):
    """A tool as the model sees it; `parameters` is a JSON schema of type object."""

    name: str
    description: str
    parameters: dict[str, Any]


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question to one model; None means "not said", and is not sent."""

    provider: str
    model: str
    messages: tuple[Message, ...]
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[ToolSpec, ...] = ()
    schema: dict[str, Any] | None = None
    stream: bool = True
    extra: dict[str, Any] = {}
    """Passed through to the provider's request body, over everything else."""


class StreamChunk(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of the answer's text as users read it.

    `token` is the single provider delta when the chunk holds just one, else None. `timestamp` is wall-clock
    seconds since the epoch. The last chunk has `is_final`, no content, and the figures in `metadata`.
    """

    content: str
    token: str | None = None
    metadata: dict[str, Any] = {}
    is_final: bool = False
    timestamp: float = 0.0
