"""The commonest chunks of the Responses and Gemini dialects, as exact shapes.

A chunk that fits says one piece of text and nothing else, and is read in a third of the time that a parse
into dictionaries costs. Any field that would say more is None here, so that such a chunk does not fit.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

UNFITTING: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a decoder below raises for a chunk of another shape, or for what is no chunk at all."""

RESPONSES_TEXT: Final = "response.output_text.delta"


class _ResponsesText(msgspec.Struct, gc=False):
    type: Literal["response.output_text.delta"]
    delta: str
    item_id: str
    content_index: int
    sequence_number: int | None = None


class _GeminiPart(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    text: str


class _GeminiContent(msgspec.Struct, gc=False):
    parts: tuple[_GeminiPart]


class _GeminiCandidate(msgspec.Struct, gc=False):
    content: _GeminiContent
    finishReason: None = None  # noqa: N815 - the dialect's own name, like those below
    groundingMetadata: None = None  # noqa: N815
    citationMetadata: None = None  # noqa: N815


class _GeminiText(msgspec.Struct, gc=False):
    candidates: tuple[_GeminiCandidate]
    usageMetadata: dict[str, Any] | None = None  # noqa: N815
    promptFeedback: None = None  # noqa: N815
    error: None = None


responses_text = msgspec.json.Decoder(_ResponsesText).decode
gemini_text = msgspec.json.Decoder(_GeminiText).decode
