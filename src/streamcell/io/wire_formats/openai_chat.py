"""OpenAI Chat Completions, written: SSE chunks that end with `[DONE]`, or one JSON object.

Source: https://platform.openai.com/docs/api-reference/chat-streaming. Visible thinking has no field of its
own there; `reasoning_content` is what DeepSeek and vLLM send.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from streamcell.core.script import Call, Piece, Script, call_id, joined
from streamcell.events import Citation, Notice, ReasoningDelta, TextDelta, ToolCallDelta, Usage
from streamcell.io.wire_formats.contract import CREATED, Asked, Format, counts, data_event

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOPS = {"length": "length", "tool_calls": "tool_calls", "filter": "content_filter"}


def stream(script: Script, asked: Asked) -> Iterator[bytes]:
    """The chunks of an answer; usage comes only when the request's `stream_options` ask for it."""
    envelope = _envelope(script, asked, kind="chat.completion.chunk")

    def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data_event({**envelope, "choices": [choice]})

    yield chunk({"role": "assistant", "content": ""})
    calls: dict[int, int] = {}
    for piece in script.pieces:
        yield chunk(_delta(piece, calls))
    closing = chunk({}, _STOPS.get(script.stop, "stop"))
    if script.usage is not None and (asked.body.get("stream_options") or {}).get("include_usage"):
        closing += data_event({**envelope, "choices": [], "usage": _usage(script.usage)})
    yield closing + b"data: [DONE]\n\n"


def whole(script: Script, asked: Asked) -> dict[str, Any]:
    """The blocking answer."""
    said = joined(script)
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    message["refusal"] = said.refusal or None
    if said.thinking:
        message["reasoning_content"] = said.thinking
    if said.calls:
        message["tool_calls"] = [_tool(call) for call in said.calls]
    if said.citations:
        message["annotations"] = [_annotation(citation) for citation in said.citations]
    finish = _STOPS.get(script.stop, "stop")
    answer = _envelope(script, asked, kind="chat.completion")
    answer["choices"] = [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish}]
    if script.usage is not None:
        answer["usage"] = _usage(script.usage)
    return answer


def error(status: int, message: str, code: str | None) -> dict[str, Any]:
    """The body of an HTTP error."""
    kind = "invalid_request_error" if status < 500 else "server_error"  # noqa: PLR2004
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def failure(status: int, message: str, code: str | None) -> bytes:
    """The same error inside a stream."""
    return data_event(error(status, message, code))


def _envelope(script: Script, asked: Asked, *, kind: str) -> dict[str, Any]:
    model = script.model or asked.model
    return {"id": "chatcmpl-scripted", "object": kind, "created": CREATED, "model": model}


def _delta(piece: Piece, calls: dict[int, int]) -> dict[str, Any]:
    match piece:
        case TextDelta(text):
            return {"content": text}
        case ReasoningDelta(text):
            return {"reasoning_content": text}
        case ToolCallDelta():
            return {"tool_calls": [_tool_delta(piece, calls)]}
        case Citation():
            return {"annotations": [_annotation(piece)]}
        case Notice(_, text):
            return {"refusal": text}
        case _:
            assert_never(piece)


def _tool_delta(piece: ToolCallDelta, calls: dict[int, int]) -> dict[str, Any]:
    if piece.part in calls:
        return {"index": calls[piece.part], "function": {"arguments": piece.arguments}}
    calls[piece.part] = len(calls)
    function = {"name": piece.name, "arguments": piece.arguments}
    return {"index": calls[piece.part], "id": call_id(piece), "type": "function", "function": function}


def _tool(call: Call) -> dict[str, Any]:
    return {
        "id": call.id,
        "type": "function",
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _annotation(citation: Citation) -> dict[str, Any]:
    source = {"url": citation.url, "title": citation.title, "start_index": 0, "end_index": 0}
    return {"type": "url_citation", "url_citation": source}


def _usage(usage: Usage) -> dict[str, Any]:
    asked, answered = counts(usage)
    return {
        "prompt_tokens": asked,
        "completion_tokens": answered,
        "total_tokens": asked + answered,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
    }


OPENAI_CHAT = Format(
    content_type="text/event-stream; charset=utf-8",
    request_header="x-request-id",
    stream=stream,
    whole=whole,
    error=error,
    failure=failure,
    frame=data_event,
    ping=b": keep-alive\n\n",
)
