"""The Chat Completions dialect: OpenAI's own and that of all servers that look like it.

Writes requests; the answers are read by `openai_decoder`. A look-alike is another `ChatCompletions` value
with facts of its own. Which parameters a single model refuses is left to the server to say.

Source: https://platform.openai.com/docs/api-reference/chat (November 2026).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from streamcell.errors import UsageError
from streamcell.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from streamcell.providers import failures
from streamcell.providers.contract import Call, Facts
from streamcell.providers.loose import json_text, parse, record, records, string
from streamcell.providers.mending import parse_mended
from streamcell.providers.openai_decoder import WANTED_BACK, ChatDecoder
from streamcell.providers.openai_models import REASONING_REFUSES
from streamcell.providers.payloads import merged
from streamcell.providers.registry import check_parameters
from streamcell.providers.schemas import OPENAI, openai_name, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from streamcell.events import ErrorInfo, Event

PARAMETERS: Final = frozenset(
    {
        "temperature",
        "max_tokens",
        "top_p",
        "frequency_penalty",
        "presence_penalty",
        "stop",
        "tools",
        "schema",
    }
)
"""What every server of this dialect takes, or says itself that it does not."""

# OpenAI's reasoning models refuse `max_tokens` and all its models take the newer name; of the other servers
# some know only the older one. gpt-oss is never served by OpenAI.
_OPENAI_MODEL = re.compile(r"(ft:)?(gpt-(?!oss)|chatgpt-|o\d)")


class ChatCompletions(msgspec.Struct, frozen=True):
    """One server, or family of servers, that speaks Chat Completions; a `contract.Provider`."""

    facts: Facts
    asks_usage: bool = True
    """Whether a stream is asked for its usage (`stream_options`); false where a server refuses that."""
    strict_schema: bool = False
    """Whether a JSON schema binds the model: OpenAI's own extension, which some look-alikes refuse."""

    def encode(self, request: Request) -> Call:
        check_parameters(self, request)
        settings = {
            "temperature": request.temperature,
            self._limit_name(request.model): request.max_tokens,
            "top_p": request.top_p,
            "frequency_penalty": request.frequency_penalty,
            "presence_penalty": request.presence_penalty,
            "stop": list(request.stop) or None,
            "tools": [_tool(spec.name, spec.description, spec.parameters) for spec in request.tools] or None,
            "response_format": self._response_format(request.schema),
            "stream": True if request.stream else None,
            "stream_options": {"include_usage": True} if request.stream and self.asks_usage else None,
        }
        body = {
            "model": request.model,
            "messages": list(self._messages(request)),
            **{name: value for name, value in settings.items() if value is not None},
        }
        return Call("/chat/completions", merged(body, request.extra))

    def _response_format(self, schema: dict[str, Any] | None) -> dict[str, Any] | None:
        if schema is None:
            return None
        strict = written(schema, OPENAI) if self.strict_schema else None
        said = {"schema": schema} if strict is None else {"schema": strict, "strict": True}
        return {"type": "json_schema", "json_schema": {"name": openai_name(schema), **said}}

    def decoder(self, request: Request) -> ChatDecoder:
        return ChatDecoder(self.facts.name, request.model)

    def decode_whole(self, request: Request, body: bytes) -> Iterable[Event]:
        value = record(parse_mended(body))
        if not records(value.get("choices")):
            raise failures.not_an_answer(body)
        return list(self.decoder(request).whole(value))

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ErrorInfo:
        return failures.of_status(status, headers, body)

    def _limit_name(self, model: str) -> str:
        newer = self.facts.name == "openai" and _OPENAI_MODEL.match(model)
        return "max_completion_tokens" if newer else "max_tokens"

    def _messages(self, request: Request) -> Iterator[dict[str, Any]]:
        if request.system:
            yield {"role": "system", "content": request.system}
        for message in request.messages:
            yield from self._message(message)

    def _message(self, message: Message) -> Iterator[dict[str, Any]]:
        results = [part for part in message.parts if isinstance(part, ToolResultPart)]
        for result in results:
            yield {"role": "tool", "tool_call_id": result.id, "content": result.content}
        if message.role == "assistant":
            yield self._assistant(message)
        elif message.role != "tool" and len(results) < len(message.parts):
            yield {"role": message.role, "content": _content(message)}

    def _assistant(self, message: Message) -> dict[str, Any]:
        image = next((part for part in message.parts if isinstance(part, ImagePart)), None)
        if image is not None:
            raise UsageError(
                f"{self.facts.name} takes no image ({image.media_type}) in an assistant message;"
                " put it into a user message"
            )
        calls = [_call(part) for part in message.parts if isinstance(part, ToolCallPart)]
        details = [entry for part in message.parts for entry in self._reasoning_details(part)]
        return {
            "role": "assistant",
            "content": message.content or (None if calls else ""),
            **({"tool_calls": calls} if calls else {}),
            **({"reasoning_details": details} if details else {}),
            **self._reasoning_content(message),
        }

    def _reasoning_content(self, message: Message) -> dict[str, str]:
        own = (part for part in message.parts if isinstance(part, ReasoningPart) and self._is_own(part))
        thoughts = "".join(part.text for part in own if part.signature == WANTED_BACK)
        return {WANTED_BACK: thoughts} if thoughts else {}

    def _reasoning_details(self, part: Part) -> list[dict[str, Any]]:
        """Thinking that this provider signed; any other is not sent, as no server takes it back."""
        if not isinstance(part, ReasoningPart) or not self._is_own(part):
            return []
        return records(parse(string(part.signature)))

    def _is_own(self, part: ReasoningPart) -> bool:
        return part.provider == self.facts.name


def _content(message: Message) -> str | list[dict[str, Any]]:
    if not any(isinstance(part, ImagePart) for part in message.parts):
        return message.content
    return [_piece(part) for part in message.parts if isinstance(part, TextPart | ImagePart)]


def _piece(part: TextPart | ImagePart) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "text", "text": part.text}
    data = base64.b64encode(part.data).decode("ascii")
    return {"type": "image_url", "image_url": {"url": f"data:{part.media_type};base64,{data}"}}


def _call(part: ToolCallPart) -> dict[str, Any]:
    function = {"name": part.name, "arguments": json_text(part.arguments)}
    return {"id": part.id, "type": "function", "function": function}


def _tool(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    function = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function}


openai: Final = ChatCompletions(
    Facts(
        name="openai",
        default_model="gpt-5-mini",
        client="openai:AsyncOpenAI",
        key_names=("OPENAI_API_KEY",),
        base_names=("OPENAI_BASE_URL",),
        base_url="https://api.openai.com/v1",
        refused=REASONING_REFUSES,
        delta_event="chat.completion.chunk",
        parameters=PARAMETERS,
    ),
    strict_schema=True,
)
