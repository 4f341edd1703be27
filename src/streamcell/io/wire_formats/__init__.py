"""The providers' wire formats, written: which path speaks which, and whether a request wants a stream."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from streamcell.io.wire_formats.anthropic_messages import ANTHROPIC_MESSAGES
from streamcell.io.wire_formats.contract import Asked, Format
from streamcell.io.wire_formats.gemini import GEMINI, GEMINI_ARRAY
from streamcell.io.wire_formats.ollama import OLLAMA
from streamcell.io.wire_formats.openai_chat import OPENAI_CHAT
from streamcell.io.wire_formats.openai_responses import OPENAI_RESPONSES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Asked", "Format", "Route", "route"]


class Route(NamedTuple):
    """The format a path speaks, what the request asks of it, and whether as a stream."""

    format: Format
    asked: Asked
    streams: bool


class _Row(NamedTuple):
    path: re.Pattern[str]
    format: Format
    streams: Callable[[Mapping[str, Any]], bool]


def _when_asked(body: Mapping[str, Any]) -> bool:
    return bool(body.get("stream", False))


def _unless_declined(body: Mapping[str, Any]) -> bool:
    return bool(body.get("stream", True))


def _always(_body: Mapping[str, Any]) -> bool:
    return True


def _never(_body: Mapping[str, Any]) -> bool:
    return False


_GEMINI = r"/v1(?:beta|alpha)?/models/(?P<model>[^:?]+)"
_ROWS = (
    _Row(re.compile(r"(?:/.*)?/chat/completions(?:\?.*)?"), OPENAI_CHAT, _when_asked),
    _Row(re.compile(r"(?:/v1)?/messages(?:\?.*)?"), ANTHROPIC_MESSAGES, _when_asked),
    _Row(re.compile(r"(?:/v1)?/responses(?:\?.*)?"), OPENAI_RESPONSES, _when_asked),
    _Row(re.compile(_GEMINI + r":streamGenerateContent\?(?:.*&)?alt=sse(?:&.*)?"), GEMINI, _always),
    _Row(re.compile(_GEMINI + r":streamGenerateContent(?:\?.*)?"), GEMINI_ARRAY, _always),
    _Row(re.compile(_GEMINI + r":generateContent(?:\?.*)?"), GEMINI, _never),
    _Row(re.compile(r"/api/chat"), OLLAMA, _unless_declined),
)


def route(path: str, body: Mapping[str, Any]) -> Route | None:
    """How to answer a request to `path` (with its query); None for a path no provider has."""
    for row in _ROWS:
        if found := row.path.fullmatch(path):
            model = found.groupdict().get("model") or str(body.get("model", "scripted"))
            return Route(row.format, Asked(path, body, model), row.streams(body))
    return None
