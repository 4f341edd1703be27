"""What an item of another library's stream is, told by its shape, and the wire form it was made from.

An object of an official client is turned back into the JSON its server sent, so that our own decoders read
it. Knows shapes alone: no client is imported, and nothing of a payload's meaning is decided here.

Checked with openai 3.52, anthropic 2.11, google-genai 3.4 and ollama 0.6.3.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from streamcell.core.wire import Payload
from streamcell.errors import UsageError
from streamcell.providers import foreign_langchain, foreign_text
from streamcell.providers.failures import error_in
from streamcell.providers.loose import parse, record, string

# What clients add to an item on their own: repetitions of all text so far, parsed copies, HTTP headers.
_ADDED: Final = frozenset({"snapshot", "parsed", "sdk_http_response", "automatic_function_calling_history"})
_GEMINI: Final = frozenset({"candidates", "usageMetadata", "promptFeedback", "modelVersion"})
_OLLAMA: Final = frozenset({"message", "response"})


def payload_of(item: Any) -> Payload:
    """`item` as its server sent it; raises `UsageError` for what is no chunk of any shape known."""
    if (text := _text(item)) is not None:
        return foreign_text.payload(text)
    if foreign_langchain.is_message_chunk(item):
        return Payload("", _encoded(foreign_langchain.chat_chunk(item)))
    kind = item.get("type") if isinstance(item, Mapping) else getattr(item, "type", None)
    if kind == "chunk" and hasattr(item, "chunk"):
        # openai's `.stream()` helper: the server's chunk in an event of its own.
        return payload_of(item.chunk)
    return Payload(string(kind), _json(item))


def reader_of(payload: Payload) -> str | None:
    """The name of the provider that reads a stream with this payload; None when it does not tell.

    `foreign_text.NAME` for plain text.
    """
    if payload.event == foreign_text.EVENT:
        return foreign_text.NAME
    body = record(parse(payload.data))
    kind = string(body.get("type"))
    if kind.startswith("response."):
        return "openai-responses"
    if kind.startswith(("message_", "content_block_")):
        return "anthropic"
    if "choices" in body or error_in(body):
        return "openai"
    if body.keys() & _GEMINI:
        return "gemini"
    return "ollama" if "done" in body and body.keys() & _OLLAMA else None


def _text(item: Any) -> str | None:
    """The text of an item that is nothing else: a string, or an object that holds one as `content`."""
    if isinstance(item, str):
        return item
    if isinstance(item, Mapping) or hasattr(item, "model_dump") or hasattr(item, "model_dump_json"):
        return None
    content = getattr(item, "content", None)
    return content if isinstance(content, str) else None


def _json(item: Any) -> bytes:
    if isinstance(item, Mapping):
        return _encoded(item)
    if hasattr(item, "model_dump_json"):
        return _dumped(item)
    for name in ("model_dump", "to_dict"):
        if hasattr(item, name):
            return _encoded(getattr(item, name)())
    raise UsageError(
        f"a stream of {type(item).__name__} cannot be read; wrap takes the streams of the official clients,"
        " chunks as dicts, or str"
    )


def _dumped(item: Any) -> bytes:
    """A pydantic object as the JSON it was made from: the server's names, and no field it did not send."""
    settings = {"by_alias": True, "exclude_unset": True, "exclude": _ADDED, "warnings": False}
    try:
        text: str = item.model_dump_json(**settings)
    except ValueError:  # half a surrogate pair, or a value of the user's without a JSON form
        return _encoded(item.model_dump(**settings))
    return text.encode()


def _encoded(value: object) -> bytes:
    for encode in (_strict, _lenient):
        with suppress(TypeError, ValueError, RecursionError):
            return encode(value)
    raise UsageError("a chunk cannot be read: it holds something that has no JSON form")


def _strict(value: object) -> bytes:
    return msgspec.json.encode(value, enc_hook=str)


def _lenient(value: object) -> bytes:
    return json.dumps(value, default=str).encode()  # also half a surrogate pair
