"""Anthropic Messages, written: named SSE events around content blocks, or one JSON object.

Source: https://docs.anthropic.com/en/api/messages-streaming. A refusal is a stop reason there; its words are
ordinary text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from streamcell.core.script import Piece, Script, call_id, joined
from streamcell.events import Citation, Notice, ReasoningDelta, TextDelta, ToolCallDelta
from streamcell.io.wire_formats.contract import Asked, Format, counts, data_event, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOPS = {"length": "max_tokens", "tool_calls": "tool_use", "filter": "refusal", "refusal": "refusal"}
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def stream(script: Script, asked: Asked) -> Iterator[bytes]:
    """The events of an answer, with the ping that the service sends after the first."""
    yield _event("message_start", message=_opening(script, asked)) + PING
    blocks = _Blocks()
    for piece in script.pieces:
        yield blocks.write(piece)
    delta = {"stop_reason": _STOPS.get(script.stop, "end_turn"), "stop_sequence": None}
    ending = _event("message_delta", delta=delta, usage=_usage(script))
    yield blocks.close() + ending + _event("message_stop")


def whole(script: Script, asked: Asked) -> dict[str, Any]:
    """The blocking answer."""
    said = joined(script)
    content: list[dict[str, Any]] = []
    if said.thinking:
        content.append({"type": "thinking", "thinking": said.thinking, "signature": ""})
    if said.text or said.refusal:
        sources = [_source(citation) for citation in said.citations] or None
        content.append({"type": "text", "text": said.text + said.refusal, "citations": sources})
    content += [
        {"type": "tool_use", "id": call.id, "name": call.name, "input": parsed(call.arguments)}
        for call in said.calls
    ]
    stop = _STOPS.get(script.stop, "end_turn")
    return {**_opening(script, asked), "content": content, "stop_reason": stop, "usage": _usage(script)}


def error(status: int, message: str, code: str | None) -> dict[str, Any]:
    """The body of an HTTP error; `code` replaces the error type that belongs to the status."""
    kind = code or _KINDS.get(status, "api_error")
    return {
        "type": "error",
        "error": {"type": kind, "message": message},
        "request_id": "req_scripted",
    }


def failure(status: int, message: str, code: str | None) -> bytes:
    """The same error inside a stream."""
    return data_event(error(status, message, code), event="error")


class _Blocks:
    """The content blocks of one message: opens and closes them as the pieces change their part."""

    def __init__(self) -> None:
        self._index = -1
        self._open: tuple[str, int] | None = None

    def write(self, piece: Piece) -> bytes:
        """The events for one piece, with those that end the block before it."""
        block = _block(piece)
        turn = b""
        if self._open != (block["type"], piece.part):
            turn = self.close()
            self._index += 1
            self._open = (block["type"], piece.part)
            turn += _event("content_block_start", index=self._index, content_block=block)
        deltas = (_event("content_block_delta", index=self._index, delta=delta) for delta in _deltas(piece))
        return turn + b"".join(deltas)

    def close(self) -> bytes:
        """The event that ends the open block, if there is one."""
        if self._open is None:
            return b""
        self._open = None
        return _event("content_block_stop", index=self._index)


def _block(piece: Piece) -> dict[str, Any]:
    match piece:
        case ReasoningDelta():
            return {"type": "thinking", "thinking": "", "signature": ""}
        case ToolCallDelta():
            return {"type": "tool_use", "id": call_id(piece), "name": piece.name, "input": {}}
        case TextDelta() | Citation() | Notice():
            return {"type": "text", "text": ""}
        case _:
            assert_never(piece)


def _deltas(piece: Piece) -> Iterator[dict[str, Any]]:
    match piece:
        case TextDelta(text) | Notice(_, text):
            yield {"type": "text_delta", "text": text}
        case ReasoningDelta(text, _, signature):
            yield {"type": "thinking_delta", "thinking": text}
            if signature:
                yield {"type": "signature_delta", "signature": signature}
        case ToolCallDelta():
            yield {"type": "input_json_delta", "partial_json": piece.arguments}
        case Citation():
            yield {"type": "citations_delta", "citation": _source(piece)}
        case _:
            assert_never(piece)


def _opening(script: Script, asked: Asked) -> dict[str, Any]:
    return {
        "id": "msg_scripted",
        "type": "message",
        "role": "assistant",
        "model": script.model or asked.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {**_usage(script), "output_tokens": 1},
    }


def _usage(script: Script) -> dict[str, Any]:
    if script.usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    asked, answered = counts(script.usage)
    cached = script.usage.cached_tokens or 0
    return {"input_tokens": asked - cached, "cache_read_input_tokens": cached, "output_tokens": answered}


def _source(citation: Citation) -> dict[str, Any]:
    return {
        "type": "web_search_result_location",
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.quote or "",
        "encrypted_index": "",
    }


def _event(kind: str, **fields: Any) -> bytes:
    return data_event({"type": kind, **fields}, event=kind)


PING = _event("ping")

ANTHROPIC_MESSAGES = Format(
    content_type="text/event-stream; charset=utf-8",
    request_header="request-id",
    stream=stream,
    whole=whole,
    error=error,
    failure=failure,
    frame=data_event,
    ping=PING,
)
