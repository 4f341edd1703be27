"""LangChain's message chunks, written as the Chat Completions chunks they mostly come from.

LangChain gives every provider's stream one shape; nothing but that shape is known here.

Source: `langchain_core.messages.AIMessageChunk`, versions 0.3 and 1.x.
"""

from __future__ import annotations

from typing import Any, Final

from streamcell.providers.loose import count, record, records, string

_END_NAMES: Final = ("finish_reason", "stop_reason", "done_reason")
_END_WORDS: Final = {"tool_use": "tool_calls"}


def is_message_chunk(item: object) -> bool:
    """Whether `item` is a LangChain message chunk."""
    return hasattr(item, "tool_call_chunks") and hasattr(item, "response_metadata")


def chat_chunk(message: Any) -> dict[str, Any]:
    """`message` as a Chat Completions chunk.

    Its usage counts are additive over the chunks, so that a zero says nothing and is left out.
    """
    about = record(message.response_metadata)
    delta = {
        "content": _content(message.content),
        "reasoning_content": string(record(message.additional_kwargs).get("reasoning_content")),
        "tool_calls": [_call(piece) for piece in records(message.tool_call_chunks)],
    }
    chunk = {
        "id": string(message.id),
        "model": string(about.get("model_name")) or string(about.get("model")),
        "choices": [{"index": 0, "delta": delta, "finish_reason": _end(message, about)}],
    }
    usage = _usage(record(message.usage_metadata))
    return {**chunk, "usage": usage} if usage else chunk


def _content(content: object) -> object:
    """Text, or parts of text and thinking; what a part of another kind holds stands in other fields too."""
    if isinstance(content, str):
        return content
    pieces = content if isinstance(content, list) else []
    parts = [{"type": "text", "text": piece} if isinstance(piece, str) else record(piece) for piece in pieces]
    return [{**part, "text": part.get("text") or part.get("reasoning")} for part in parts]


def _call(piece: dict[str, Any]) -> dict[str, Any]:
    function = {"name": piece.get("name"), "arguments": piece.get("args")}
    return {"index": count(piece.get("index")), "id": piece.get("id"), "function": function}


def _end(message: Any, about: dict[str, Any]) -> str | None:
    said = next((string(about.get(name)) for name in _END_NAMES if string(about.get(name))), "").lower()
    if said:
        return _END_WORDS.get(said, said)
    return "stop" if getattr(message, "chunk_position", None) == "last" else None


def _usage(said: dict[str, Any]) -> dict[str, Any]:
    counts = {
        "prompt_tokens": said.get("input_tokens"),
        "completion_tokens": said.get("output_tokens"),
        "total_tokens": said.get("total_tokens"),
    }
    usage: dict[str, Any] = {name: value for name, value in counts.items() if value}
    if reasoning := record(said.get("output_token_details")).get("reasoning"):
        usage["completion_tokens_details"] = {"reasoning_tokens": reasoning}
    if cached := record(said.get("input_token_details")).get("cache_read"):
        usage["prompt_tokens_details"] = {"cached_tokens": cached}
    return usage
