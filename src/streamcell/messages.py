"""What is asked and what is handed out: requests, messages and their parts, tool specs, chunks.

Plain values. How a provider writes them on its wire is that provider's business.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

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


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: Role
    parts: tuple[Part, ...]

    @property
    def content(self) -> str:
        """The text of the message, without its other parts."""
        return "".join(part.text for part in self.parts if isinstance(part, TextPart))


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
