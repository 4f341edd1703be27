"""Gemini `generateContent`, written: whole-chunk objects over SSE (`alt=sse`), a JSON array, or one object.

Source: https://ai.google.dev/api/generate-content. Tool calls arrive whole, so the pieces of a call wait for
the call's last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from streamcell.core.script import Call, Piece, Script, joined
from streamcell.events import Citation, Notice, ReasoningDelta, TextDelta, ToolCallDelta
from streamcell.io.wire_formats.contract import Asked, Format, counts, data_event, line, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

_STOPS = {"length": "MAX_TOKENS", "filter": "SAFETY", "refusal": "SAFETY"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
}


def objects(script: Script, asked: Asked) -> Iterator[dict[str, Any] | None]:
    """One object for each piece and one that ends the answer; None where a piece must wait for its call."""
    calls = {
        position: call for call, position in zip(joined(script).calls, _last_pieces(script), strict=True)
    }
    for position, piece in enumerate(script.pieces):
        if isinstance(piece, ToolCallDelta) and position not in calls:
            yield None
        else:
            yield _chunk(script, asked, _candidate(piece, calls.get(position)))
    yield _end(script, asked, {"content": {"role": "model", "parts": [{"text": ""}]}})


def stream(script: Script, asked: Asked) -> Iterator[bytes]:
    """The answer as server-sent events; there is no terminator beyond the finish reason."""
    yield b""
    for value in objects(script, asked):
        yield b"" if value is None else data_event(value)


def array(script: Script, asked: Asked) -> Iterator[bytes]:
    """The answer as one JSON array that grows: what the service sends without `alt=sse`."""
    yield b"["
    separator = b""
    for value in objects(script, asked):
        written = b"" if value is None else separator + line(value)
        separator = b"," if written else separator
        yield written + (b"]" if value and "finishReason" in value["candidates"][0] else b"")


def whole(script: Script, asked: Asked) -> dict[str, Any]:
    """The blocking answer."""
    said = joined(script)
    parts: list[dict[str, Any]] = []
    if said.thinking:
        parts.append({"text": said.thinking, "thought": True})
    if said.text or said.refusal:
        parts.append({"text": said.text + said.refusal})
    parts += [_function(call) for call in said.calls]
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": parts}}
    if said.citations:
        candidate |= _grounding(*said.citations)
    return _end(script, asked, candidate)


def error(status: int, message: str, code: str | None) -> dict[str, Any]:
    """The body of an HTTP error; `code` replaces the status word that belongs to the number."""
    word = code or _STATUSES.get(status, "INTERNAL")
    return {"error": {"code": status, "message": message, "status": word}}


def failure(status: int, message: str, code: str | None) -> bytes:
    """The same error inside a stream."""
    return data_event(error(status, message, code))


def _last_pieces(script: Script) -> list[int]:
    last: dict[int, int] = {}
    for position, piece in enumerate(script.pieces):
        if isinstance(piece, ToolCallDelta):
            last[piece.part] = position
    return list(last.values())


def _candidate(piece: Piece, call: Call | None) -> dict[str, Any]:
    match piece:
        case TextDelta(text) | Notice(_, text):
            parts: list[dict[str, Any]] = [{"text": text}]
        case ReasoningDelta(text, _, signature):
            parts = [{"text": text, "thought": True} | ({"thoughtSignature": signature} if signature else {})]
        case ToolCallDelta():
            parts = [_function(call)] if call else []
        case Citation():
            return {"content": {"role": "model", "parts": [{"text": ""}]}, **_grounding(piece)}
        case _:
            assert_never(piece)
    return {"content": {"role": "model", "parts": parts}}


def _function(call: Call) -> dict[str, Any]:
    return {"functionCall": {"name": call.name, "args": parsed(call.arguments)}}


def _grounding(*citations: Citation) -> dict[str, Any]:
    chunks = [{"web": {"uri": citation.url, "title": citation.title}} for citation in citations]
    return {"groundingMetadata": {"groundingChunks": chunks}}


def _chunk(script: Script, asked: Asked, candidate: dict[str, Any]) -> dict[str, Any]:
    return {
        "candidates": [{**candidate, "index": 0}],
        "modelVersion": script.model or asked.model,
        "responseId": "resp-scripted",
    }


def _end(script: Script, asked: Asked, candidate: dict[str, Any]) -> dict[str, Any]:
    value = _chunk(script, asked, {**candidate, "finishReason": _STOPS.get(script.stop, "STOP")})
    if script.usage is None:
        return value
    told, answered = counts(script.usage)
    thought = script.usage.reasoning_tokens or 0
    value["usageMetadata"] = {
        "promptTokenCount": told,
        "candidatesTokenCount": answered - thought,
        "thoughtsTokenCount": thought,
        "totalTokenCount": told + answered,
    }
    return value


GEMINI = Format(
    content_type="text/event-stream",
    request_header="x-request-id",
    stream=stream,
    whole=whole,
    error=error,
    failure=failure,
    frame=data_event,
    ping=b": keep-alive\n\n",
)
GEMINI_ARRAY = GEMINI._replace(
    content_type="application/json; charset=UTF-8", stream=array, frame=line, ping=b" "
)
