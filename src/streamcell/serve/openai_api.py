"""OpenAI's Chat Completions as this server speaks it: what may be asked, and how an answer is written.

Source: https://platform.openai.com/docs/api-reference/chat (2026-11). Visible thinking has no field of its
own there; `reasoning_content` is what DeepSeek and vLLM send. Tools are those of the server's own models and
are run here, so that callers neither offer any nor see the calls. Pure: no HTTP, no clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import msgspec

from streamcell.core.response import StreamingResponse
from streamcell.errors import UsageError
from streamcell.events import Event, Finished, Notice, ReasoningDelta, TextDelta, Usage
from streamcell.options import Options
from streamcell.serve import refusals
from streamcell.serve.asked import given

DONE: Final = b"data: [DONE]\n\n"

_FINISHES = {"length": "length", "filter": "content_filter"}


class StreamOptions(msgspec.Struct, frozen=True):
    """`stream_options`; other fields than this one change nothing in an answer."""

    include_usage: bool = False


class ChatAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/chat/completions``."""

    messages: list[dict[str, Any]]
    model: str | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = None
    response_format: dict[str, Any] | None = None
    n: Literal[1] | None = None
    user: str | None = None
    """Read by OpenAI for its own records, like the next two; they change no answer."""
    metadata: dict[str, Any] | None = None
    store: bool | None = None

    def options(self) -> Options:
        """The options that were given; raises `UsageError` for a format that is not understood."""
        return given(
            temperature=self.temperature,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            top_p=self.top_p,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            stop=[self.stop] if isinstance(self.stop, str) else self.stop,
            schema=_schema(self.response_format),
        )

    @property
    def wants_usage(self) -> bool:
        return self.stream_options is not None and self.stream_options.include_usage


class Completion:
    """Writes one answer; `created` is in seconds since the epoch."""

    def __init__(self, identity: str, model: str, *, created: int, wants_usage: bool) -> None:
        self._facts = {"id": f"chatcmpl-{identity}", "created": created, "model": model}
        self._wants_usage = wants_usage

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def frames(self, events: Iterable[Event], response: StreamingResponse) -> bytes:
        """These events as chunks; after the last one those that end an answer, which is `response`."""
        return b"".join(self._frame(event, response) for event in events)

    def whole(self, response: StreamingResponse) -> bytes:
        """The answer to a call that does not stream."""
        message: dict[str, Any] = {"role": "assistant", "content": response.text or None}
        message["refusal"] = response.refusal or None
        if response.thinking:
            message["reasoning_content"] = response.thinking
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(response)}
        answer = {**self._facts, "object": "chat.completion", "choices": [choice]}
        if usage := _usage(response.usage):
            answer["usage"] = usage
        return msgspec.json.encode(answer)

    def _frame(self, event: Event, response: StreamingResponse) -> bytes:
        match event:
            case TextDelta(text):
                return self._chunk({"content": text})
            case ReasoningDelta(text) if text:
                return self._chunk({"reasoning_content": text})
            case Notice(kind="refusal", text=text):
                return self._chunk({"refusal": text})
            case Finished():
                return self._closing(response)
            case _:  # the rest has no place in this API
                return b""

    def _closing(self, response: StreamingResponse) -> bytes:
        if response.error is not None or response.stop_reason == "cancelled":
            return _data(refusals.body(*_failure(response)))
        closing = self._chunk({}, finish=_finish(response))
        if self._wants_usage:
            closing += self._envelope([], usage=_usage(response.usage))
        return closing + DONE

    def _chunk(self, delta: dict[str, Any], *, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return self._envelope([choice])

    def _envelope(self, choices: list[dict[str, Any]], **more: Any) -> bytes:
        return _data({**self._facts, "object": "chat.completion.chunk", "choices": choices, **more})


def models(names: Iterable[str], *, created: int) -> bytes:
    """The list of models."""
    rows = [{"id": name, "object": "model", "created": created, "owned_by": "streamcell"} for name in names]
    return msgspec.json.encode({"object": "list", "data": rows})


def _schema(wanted: dict[str, Any] | None) -> dict[str, Any] | None:
    match wanted:
        case None | {"type": "text"}:
            return None
        case {"type": "json_schema", "json_schema": {"schema": dict(schema)}}:
            return schema
        case _:
            raise UsageError("response_format is of the type 'text' or 'json_schema', with a schema")


def _finish(response: StreamingResponse) -> str:
    return _FINISHES.get(response.stop_reason or "", "stop")


def _failure(response: StreamingResponse) -> tuple[int, str, str]:
    if response.error is None:
        return 500, "the run was stopped", "cancelled"
    return refusals.failed(response.error).status_code, response.error.message, response.error.kind


def _usage(usage: Usage) -> dict[str, Any] | None:
    """None when the provider did not say both counts: the API has no way to leave one of them out."""
    if usage.input_tokens is None or usage.output_tokens is None:
        return None
    return {
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.input_tokens + usage.output_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def _data(value: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(value)
