"""OpenAI Responses, written: numbered, named SSE events around output items, or one JSON object.

Source: https://platform.openai.com/docs/api-reference/responses-streaming.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from streamcell.core.script import Piece, Script, call_id
from streamcell.events import Citation, Notice, ReasoningDelta, TextDelta, ToolCallDelta
from streamcell.io.wire_formats.contract import CREATED, Asked, Format, counts, data_event
from streamcell.io.wire_formats.openai_chat import error

if TYPE_CHECKING:
    from collections.abc import Iterator

_INCOMPLETE = {"length": "max_output_tokens", "filter": "content_filter"}


class _Kind(NamedTuple):
    """How one kind of output item is spelt: its type, what holds its part, and the words of its events."""

    item: str
    holder: str
    part: str
    key: str
    events: str
    words: str


_TEXT = _Kind("message", "content", "output_text", "text", "content_part", "output_text")
_REFUSAL = _Kind("message", "content", "refusal", "refusal", "content_part", "refusal")
_REASONING = _Kind(
    "reasoning", "summary", "summary_text", "text", "reasoning_summary_part", "reasoning_summary_text"
)
_CALL = _Kind("function_call", "", "", "arguments", "", "function_call_arguments")


def stream(script: Script, asked: Asked) -> Iterator[bytes]:
    """The events of an answer; the last one carries the whole response."""
    writer = _Writer(script, asked)
    yield writer.opening()
    for piece in script.pieces:
        yield writer.write(piece)
    yield writer.closing()


def whole(script: Script, asked: Asked) -> dict[str, Any]:
    """The blocking answer: the response that a stream's last event would carry."""
    writer = _Writer(script, asked)
    for piece in script.pieces:
        writer.write(piece)
    writer.close_item()
    return writer.response()


def failure(status: int, message: str, code: str | None) -> bytes:
    """An error event inside a stream."""
    value = {"type": "error", "code": code or str(status), "message": message, "param": None}
    return data_event({**value, "sequence_number": 0}, event="error")


class _Writer:
    """One response while it is written: its finished items, the open one, and the event numbers."""

    def __init__(self, script: Script, asked: Asked) -> None:
        self._script = script
        self._model = script.model or asked.model
        self._number = 0
        self._output: list[dict[str, Any]] = []
        self._kind: _Kind | None = None
        self._part = -1
        self._item: dict[str, Any] = {}
        self._text = ""
        self._annotations: list[dict[str, Any]] = []

    def opening(self) -> bytes:
        """The two events every response begins with."""
        response = self.response(status="in_progress")
        return self._event("response.created", response=response) + self._event(
            "response.in_progress", response=response
        )

    def write(self, piece: Piece) -> bytes:
        """The events for one piece, with those that end the item before it."""
        kind = _kind(piece)
        turn = b""
        if (kind, piece.part) != (self._kind, self._part):
            turn = self.close_item() + self._open_item(kind, piece)
        if isinstance(piece, Citation):
            return turn + self._annotate(piece)
        text = piece.arguments if isinstance(piece, ToolCallDelta) else piece.text
        self._text += text
        if not text:
            return turn
        return turn + self._event(f"response.{kind.words}.delta", **self._place(), delta=text)

    def close_item(self) -> bytes:
        """The events that end the open item, if there is one."""
        kind, self._kind = self._kind, None
        if kind is None:
            return b""
        turn = self._event(f"response.{kind.words}.done", **self._place(kind), **{kind.key: self._text})
        if kind.holder:
            turn += self._event(f"response.{kind.events}.done", **self._place(kind), part=self._content(kind))
            self._item[kind.holder] = [self._content(kind)]
        else:
            self._item["arguments"] = self._text
        if "status" in self._item:
            self._item["status"] = "completed"
        turn += self._event("response.output_item.done", output_index=len(self._output), item=self._item)
        self._output.append(self._item)
        return turn

    def closing(self) -> bytes:
        """The events that end the response."""
        turn = self.close_item()
        response = self.response()
        return turn + self._event(f"response.{response['status']}", response=response)

    def response(self, *, status: str | None = None) -> dict[str, Any]:
        """The response object as far as it is written."""
        reason = None if status else _INCOMPLETE.get(self._script.stop)
        return {
            "id": "resp_scripted",
            "object": "response",
            "created_at": CREATED,
            "status": status or ("incomplete" if reason else "completed"),
            "model": self._model,
            "output": list(self._output),
            "error": None,
            "incomplete_details": {"reason": reason} if reason else None,
            "instructions": None,
            "metadata": {},
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": None if status else self._usage(),
        }

    def _open_item(self, kind: _Kind, piece: Piece) -> bytes:
        self._kind, self._part, self._text, self._annotations = kind, piece.part, "", []
        self._item = {"id": f"item_{len(self._output)}", "type": kind.item}
        if isinstance(piece, ToolCallDelta):
            call = {"call_id": call_id(piece), "name": piece.name, "arguments": "", "status": "in_progress"}
            self._item |= call
        else:
            self._item |= {kind.holder: []}
        if kind.item == "message":
            self._item |= {"role": "assistant", "status": "in_progress"}
        turn = self._event(
            "response.output_item.added", output_index=len(self._output), item=dict(self._item)
        )
        if kind.holder:
            turn += self._event(f"response.{kind.events}.added", **self._place(), part=self._content(kind))
        return turn

    def _annotate(self, citation: Citation) -> bytes:
        source = {"type": "url_citation", "url": citation.url, "title": citation.title}
        self._annotations.append({**source, "start_index": 0, "end_index": len(self._text)})
        return self._event(
            "response.output_text.annotation.added",
            **self._place(),
            annotation_index=len(self._annotations) - 1,
            annotation=self._annotations[-1],
        )

    def _content(self, kind: _Kind) -> dict[str, Any]:
        content: dict[str, Any] = {"type": kind.part, kind.key: self._text}
        return content | ({"annotations": list(self._annotations)} if kind is _TEXT else {})

    def _place(self, kind: _Kind | None = None) -> dict[str, Any]:
        kind = kind or self._kind
        place = {"item_id": self._item["id"], "output_index": len(self._output)}
        return place | ({f"{kind.holder}_index": 0} if kind and kind.holder else {})

    def _usage(self) -> dict[str, Any] | None:
        usage = self._script.usage
        if usage is None:
            return None
        told, answered = counts(usage)
        return {
            "input_tokens": told,
            "input_tokens_details": {"cached_tokens": usage.cached_tokens or 0},
            "output_tokens": answered,
            "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens or 0},
            "total_tokens": told + answered,
        }

    def _event(self, kind: str, **fields: Any) -> bytes:
        self._number += 1
        return data_event({"type": kind, "sequence_number": self._number - 1, **fields}, event=kind)


def _kind(piece: Piece) -> _Kind:
    match piece:
        case TextDelta() | Citation():
            return _TEXT
        case Notice():
            return _REFUSAL
        case ReasoningDelta():
            return _REASONING
        case ToolCallDelta():
            return _CALL
        case _:
            assert_never(piece)


OPENAI_RESPONSES = Format(
    content_type="text/event-stream; charset=utf-8",
    request_header="x-request-id",
    stream=stream,
    whole=whole,
    error=error,
    failure=failure,
    frame=data_event,
    ping=b": keep-alive\n\n",
)
