"""Ollama's native chat, written: a line of JSON for each piece, `done: true` in the last.

Source: https://github.com/ollama/ollama/blob/main/docs/api.md. Tool calls arrive whole and without an id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, assert_never

from streamcell.core.script import Call, Piece, Script, joined
from streamcell.events import Citation, Notice, ReasoningDelta, TextDelta, ToolCallDelta
from streamcell.io.wire_formats.contract import Asked, Format, counts, line, parsed

if TYPE_CHECKING:
    from collections.abc import Iterator

_CREATED = "2026-01-01T00:00:00Z"


def stream(script: Script, asked: Asked) -> Iterator[bytes]:
    """The lines of an answer; whole tool calls come just before the last."""
    yield b""
    for piece in script.pieces:
        message = _message(piece)
        yield line(_envelope(script, asked, message)) if message else b""
    calls = joined(script).calls
    before = line(_envelope(script, asked, {"content": "", "tool_calls": _calls(calls)})) if calls else b""
    yield before + line(_end(script, asked, {"content": ""}))


def whole(script: Script, asked: Asked) -> dict[str, Any]:
    """The blocking answer."""
    said = joined(script)
    message: dict[str, Any] = {"content": said.text + said.refusal}
    if said.thinking:
        message["thinking"] = said.thinking
    if said.calls:
        message["tool_calls"] = _calls(said.calls)
    return _end(script, asked, message)


def error(_status: int, message: str, _code: str | None) -> dict[str, Any]:
    """The body of an HTTP error."""
    return {"error": message}


def failure(status: int, message: str, code: str | None) -> bytes:
    """The same error inside a stream."""
    return line(error(status, message, code))


def _message(piece: Piece) -> dict[str, Any] | None:
    match piece:
        case TextDelta(text) | Notice(_, text):
            return {"content": text}
        case ReasoningDelta(text):
            return {"content": "", "thinking": text}
        case ToolCallDelta() | Citation():
            return None
        case _:
            assert_never(piece)


def _calls(calls: tuple[Call, ...]) -> list[dict[str, Any]]:
    return [{"function": {"name": call.name, "arguments": parsed(call.arguments)}} for call in calls]


def _envelope(script: Script, asked: Asked, message: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": script.model or asked.model,
        "created_at": _CREATED,
        "message": {"role": "assistant", **message},
        "done": False,
    }


def _end(script: Script, asked: Asked, message: dict[str, Any]) -> dict[str, Any]:
    value = _envelope(script, asked, message)
    value |= {"done": True, "done_reason": "length" if script.stop == "length" else "stop"}
    if script.usage is not None:
        told, answered = counts(script.usage)
        value |= {"prompt_eval_count": told, "eval_count": answered}
    return value


OLLAMA = Format(
    content_type="application/x-ndjson",
    request_header="x-request-id",
    stream=stream,
    whole=whole,
    error=error,
    failure=failure,
    frame=line,
    ping=b"\n",
)
