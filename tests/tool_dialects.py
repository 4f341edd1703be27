"""How four endpoints tell calls and their results in a request, and sign thinking in a recording.

Written from the recordings and the providers' documents, apart from the product's own encoders and decoders:
tests compare the two.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from corpus import Case


class Answered(NamedTuple):
    """A call and its result, as a request tells both; the ids are those of its wire."""

    id: str | None
    name: str
    arguments: dict[str, Any]
    result_id: str | None
    content: str


class Dialect(NamedTuple):
    """How one endpoint tells calls and results in a request, signs its thinking, and ends an answer."""

    model: str
    base: str
    answered: Callable[[dict[str, Any]], list[Answered]]
    signed: Callable[[Case], list[Any]]
    """The signed thinking of a recording, in the form in which it is to be handed back."""
    handed_back: Callable[[dict[str, Any]], list[Any]]
    kinds: Callable[[dict[str, Any]], Iterator[str]]
    """What a request holds, in order: prompt, thinking, text, call, result."""
    end: bytes
    """Matches the event that says why the answer ended."""
    limit: tuple[tuple[bytes, bytes], ...]
    """What to replace in that event so that the answer ended at the limit of tokens."""


def payloads(case: Case) -> Iterator[dict[str, Any]]:
    for line in case.body.splitlines():
        data = line.removeprefix(b"data:").strip()
        if line.startswith(b"data:") and data != b"[DONE]":
            yield json.loads(data)


def paired(calls: list[tuple[Any, str, Any]], results: list[tuple[Any, str]]) -> list[Answered]:
    assert len(calls) == len(results)
    return [Answered(*call, *result) for call, result in zip(calls, results, strict=True)]


# Chat Completions


def chat_answered(body):
    calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
    assert all(call["type"] == "function" for call in calls)
    told = [
        (call["id"], call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls
    ]
    results = [m for m in body["messages"] if m["role"] == "tool"]
    return paired(told, [(message["tool_call_id"], message["content"]) for message in results])


def chat_signed(case):
    deltas = [
        (choice.get("delta") or {}) for chunk in payloads(case) for choice in chunk.get("choices") or ()
    ]
    details = [entry for delta in deltas for entry in delta.get("reasoning_details") or ()]
    thoughts = "".join(delta.get("reasoning_content") or "" for delta in deltas)
    return [*details, *([thoughts] if thoughts else [])]


def chat_handed_back(body):
    said = [message for message in body["messages"] if message["role"] == "assistant"]
    details = [entry for message in said for entry in message.get("reasoning_details", ())]
    return [*details, *(m["reasoning_content"] for m in said if "reasoning_content" in m)]


def chat_kinds(body):
    for message in body["messages"]:
        if message["role"] != "assistant":
            yield {"user": "prompt", "tool": "result"}[message["role"]]
            continue
        fields = {"reasoning_details": "thinking", "reasoning_content": "thinking"}
        fields |= {"content": "text", "tool_calls": "call"}
        yield from (kind for field, kind in fields.items() if message.get(field))


# Responses


def responses_answered(body):
    items = body["input"]
    calls = [item for item in items if item.get("type") == "function_call"]
    results = [item for item in items if item.get("type") == "function_call_output"]
    told = [(call["call_id"], call["name"], json.loads(call["arguments"])) for call in calls]
    return paired(told, [(result["call_id"], result["output"]) for result in results])


def responses_signed(case):
    done = (event["item"] for event in payloads(case) if event.get("type") == "response.output_item.done")
    return [
        {key: item[key] for key in ("type", "id", "summary", "encrypted_content")}
        for item in done
        if item["type"] == "reasoning" and item.get("encrypted_content")
    ]


def responses_handed_back(body):
    return [item for item in body["input"] if item.get("type") == "reasoning"]


def responses_kinds(body):
    kinds = {"reasoning": "thinking", "function_call": "call", "function_call_output": "result"}
    roles = {"user": "prompt", "assistant": "text"}
    return (kinds.get(item.get("type")) or roles[item["role"]] for item in body["input"])


# Messages


def blocks_of(body, kind):
    return [block for message in body["messages"] for block in message["content"] if block["type"] == kind]


def messages_answered(body):
    results = blocks_of(body, "tool_result")
    return paired(
        [(call["id"], call["name"], call["input"]) for call in blocks_of(body, "tool_use")],
        [(result["tool_use_id"], result["content"]) for result in results],
    )


def messages_signed(case):
    thoughts: list[dict[str, Any]] = []
    for event in payloads(case):
        block, delta = event.get("content_block") or {}, event.get("delta") or {}
        if block.get("type") == "thinking":
            thoughts.append({"type": "thinking", "thinking": "", "signature": ""})
        for field in ("thinking", "signature"):
            if delta.get("type") == f"{field}_delta":
                thoughts[-1][field] += delta[field]
    return thoughts


def messages_handed_back(body):
    return blocks_of(body, "thinking")


def messages_kinds(body):
    kinds = {"thinking": "thinking", "tool_use": "call", "tool_result": "result"}
    texts = {"user": "prompt", "assistant": "text"}
    for message in body["messages"]:
        yield from (kinds.get(block["type"]) or texts[message["role"]] for block in message["content"])


# Gemini


def parts_of(contents, kind):
    return [part for content in contents for part in content.get("parts") or () if kind in part]


def gemini_answered(body):
    calls = [part["functionCall"] for part in parts_of(body["contents"], "functionCall")]
    results = [part["functionResponse"] for part in parts_of(body["contents"], "functionResponse")]
    assert [call["name"] for call in calls] == [result["name"] for result in results]
    told = [(call.get("id"), call["name"], call["args"]) for call in calls]
    return paired(told, [(r.get("id"), next(iter(r["response"].values()))) for r in results])


def gemini_signed(case):
    contents = [choice["content"] for chunk in payloads(case) for choice in chunk.get("candidates") or ()]
    return [signature(part) for part in parts_of(contents, "thoughtSignature")]


def gemini_handed_back(body):
    return [signature(part) for part in parts_of(body["contents"], "thoughtSignature")]


def gemini_kinds(body):
    kinds = {"functionCall": "call", "functionResponse": "result", "text": "text"}
    for content in body["contents"]:
        for part in content["parts"]:
            kind = next(kinds[field] for field in kinds if field in part)
            yield "prompt" if kind == "text" and content["role"] == "user" else kind


def signature(part):
    """A signature with the call it stands on, if it stands on one."""
    call = part.get("functionCall")
    return (call["name"], call.get("args") or {}) if call else None, part["thoughtSignature"]


DIALECTS = {
    "openai.chat": Dialect(
        "openai",
        "/v1",
        chat_answered,
        chat_signed,
        chat_handed_back,
        chat_kinds,
        rb'"finish_reason":\s*"',
        ((rb'("finish_reason":\s*)"\w+"', rb'\1"length"'),),
    ),
    "openai.responses": Dialect(
        "openai-responses",
        "/v1",
        responses_answered,
        responses_signed,
        responses_handed_back,
        responses_kinds,
        rb'"type":\s*"response\.completed"',
        (
            (rb"response\.completed", b"response.incomplete"),
            (rb'("incomplete_details":\s*)null', rb'\1{"reason": "max_output_tokens"}'),
            (rb'("status":\s*)"completed"', rb'\1"incomplete"'),
        ),
    ),
    "anthropic.messages": Dialect(
        "anthropic",
        "",
        messages_answered,
        messages_signed,
        messages_handed_back,
        messages_kinds,
        rb'"stop_reason":\s*"',
        ((rb'("stop_reason":\s*)"\w+"', rb'\1"max_tokens"'),),
    ),
    "gemini.generate": Dialect(
        "gemini",
        "",
        gemini_answered,
        gemini_signed,
        gemini_handed_back,
        gemini_kinds,
        rb'"finishReason":\s*"',
        ((rb'("finishReason":\s*)"\w+"', rb'\1"MAX_TOKENS"'),),
    ),
}
