"""Ollama's own API: `/api/chat`, one JSON object a line.

The server runs the user's own models: no key, durations in nanoseconds (kept in `usage.raw`), errors as a
line of their own after a status of 200. It also speaks other dialects; this one tells the most.

Source: recorded answers; the API is at https://github.com/ollama/ollama/blob/main/docs/api.md.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec

from streamcell.core.wire import Payload
from streamcell.errors import from_info
from streamcell.events import (
    ErrorInfo,
    Event,
    Finished,
    Notice,
    ReasoningDelta,
    Started,
    StopReason,
    TextDelta,
    Usage,
    UsageReport,
)
from streamcell.messages import (
    ImagePart,
    Message,
    ReasoningPart,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from streamcell.providers.calls import OpenCall
from streamcell.providers.contract import Call, Facts
from streamcell.providers.failures import not_an_answer, of_event, of_status
from streamcell.providers.loose import count, json_text, record, records, string
from streamcell.providers.payloads import Payloads, merged
from streamcell.providers.registry import check_parameters

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_OPTIONS: Final = {
    "temperature": "temperature",
    "max_tokens": "num_predict",
    "top_p": "top_p",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
}
_REASONS: Final[dict[str, StopReason]] = {
    "stop": "stop",
    "": "stop",
    "length": "length",
    "load": "stop",
    "unload": "stop",
}
_KNOWN: Final = frozenset({"message", "response", "done"})
_FIGURES: Final = ("_count", "_duration")


class Ollama(msgspec.Struct, frozen=True):
    """The native Ollama dialect, as a provider."""

    facts: Facts

    def encode(self, request: Request) -> Call:
        check_parameters(self, request)
        body: dict[str, Any] = {
            "model": request.model,
            "messages": list(_messages(request)),
            "stream": request.stream,
        }
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
        if request.schema is not None:
            body["format"] = request.schema
        if options := _options(request):
            body["options"] = options
        return Call("/api/chat", merged(body, request.extra))

    def decoder(self, request: Request) -> OllamaDecoder:
        return OllamaDecoder(provider=self.facts.name, model=request.model)

    def decode_whole(self, request: Request, body: bytes) -> Iterator[Event]:
        decoder = self.decoder(request)
        yield from decoder.feed(Payload("", body))
        if not decoder.finished:
            raise not_an_answer(body)
        yield from decoder.close()

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ErrorInfo:
        return of_status(status, headers, body)


class OllamaDecoder:
    """The decoder of one model turn."""

    def __init__(self, *, provider: str, model: str) -> None:
        self._provider, self._model = provider, model
        self._payloads = Payloads()
        self._created = ""
        self._started = False
        self._part, self._family = -1, ""
        self._calls = 0
        self._stop: str | None = None

    @property
    def finished(self) -> bool:
        return self._stop is not None

    @property
    def complete(self) -> bool:
        return self._stop is not None

    def feed(self, payload: Payload) -> Iterator[Event]:
        line = record(self._payloads.read(payload))
        if line.get("error"):
            raise from_info(of_event(line), attempts=0)
        if self._stop is not None or not _KNOWN & line.keys():
            return
        if not self._started:
            self._started = True
            self._created = string(line.get("created_at"))
            yield Started(self._provider, string(line.get("model")) or self._model)
        yield from self._message(record(line.get("message")) or _generated(line))
        if line.get("done") is True:
            self._stop = string(line.get("done_reason"))
            if figures := {name: value for name, value in line.items() if name.endswith(_FIGURES)}:
                yield UsageReport(_usage(figures))

    def close(self) -> Iterator[Event]:
        if self._stop is None:
            raise self._payloads.ended_early(started=self._started)
        reason = _REASONS.get(self._stop, "unknown")
        if reason == "stop" and self._calls:
            reason = "tool_calls"
        yield Finished(reason, stop=self._stop or None)

    def _message(self, message: dict[str, Any]) -> Iterator[Event]:
        if thinking := string(message.get("thinking")):
            yield ReasoningDelta(thinking, self._part_of("thinking"))
        if text := string(message.get("content")):
            yield TextDelta(text, self._part_of("text"))
        if message.get("images"):
            yield Notice("dropped", "an image the model made is not shown", self._part_of("image"))
        for call in records(message.get("tool_calls")):
            yield from self._call(call)

    def _call(self, call: dict[str, Any]) -> Iterator[Event]:
        function = record(call.get("function"))
        self._calls += 1
        self._family = ""
        part = self._part_of("call")
        given = function.get("arguments")
        raw = given if isinstance(given, str) else json_text(record(given))
        name = string(function.get("name"))
        call_id = string(call.get("id")) or f"streamcell-{self._created}-{self._calls}"
        whole = OpenCall(part, id=call_id, name=name)
        yield whole.opening(raw)
        yield whole.whole()

    def _part_of(self, family: str) -> int:
        if family != self._family:
            self._part += 1
            self._family = family
        return self._part


ollama = Ollama(
    Facts(
        name="ollama",
        default_model="llama3.2",
        framing="ndjson",
        base_names=("OLLAMA_HOST",),
        base_url="http://127.0.0.1:11434",
        delta_event="message.content",
        parameters=frozenset({*_OPTIONS, "stop", "tools", "schema"}),
    )
)


def _generated(line: dict[str, Any]) -> dict[str, Any]:
    """A line of `/api/generate`, as the message it would have been."""
    return {"content": line.get("response"), "thinking": line.get("thinking")}


def _usage(raw: dict[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(raw.get("prompt_eval_count")),
        output_tokens=count(raw.get("eval_count")),
        raw=raw,
    )


def _options(request: Request) -> dict[str, Any]:
    options = {
        wire_name: value
        for name, wire_name in _OPTIONS.items()
        if (value := getattr(request, name)) is not None
    }
    return {**options, "stop": list(request.stop)} if request.stop else options


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": tool.name, "description": tool.description, "parameters": tool.parameters}
    return {"type": "function", "function": function}


def _messages(request: Request) -> Iterator[dict[str, Any]]:
    if request.system:
        yield {"role": "system", "content": request.system}
    for message in request.messages:
        yield from _written(message)


def _written(message: Message) -> Iterator[dict[str, Any]]:
    """A message as Ollama has it; every tool result is a message of its own."""
    written: dict[str, Any] = {"role": message.role, "content": message.content}
    thoughts: list[str] = []
    images: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in message.parts:
        match part:
            case TextPart():
                pass
            case ImagePart():
                images.append(base64.b64encode(part.data).decode("ascii"))
            case ReasoningPart():
                thoughts.append(part.text)
            case ToolCallPart():
                calls.append({"function": {"name": part.name, "arguments": part.arguments}})
            case ToolResultPart():
                yield {"role": "tool", "tool_name": part.name, "content": part.content}
            case _:
                assert_never(part)
    said = {"images": images, "tool_calls": calls, "thinking": "".join(thoughts)}
    written |= {name: value for name, value in said.items() if value}
    if message.role != "tool":
        yield written
