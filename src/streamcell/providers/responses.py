"""The Responses dialect of OpenAI and of the servers that speak it (`/responses`).

Writes requests; `responses_decoder` reads the answers. It keeps no conversation on the server: the whole
history is sent, nothing is stored, and a model's encrypted thinking travels in `ReasoningPart.signature` as
``<item id>:<encrypted content>``. It knows no model's price or size.

Source: the types of openai 3.52 (`openai.types.responses`).
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec

from streamcell.core.wire import Payload
from streamcell.messages import (
    ImagePart,
    Message,
    ReasoningPart,
    Request,
    Role,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    ToolSpec,
)
from streamcell.providers.contract import Call, Facts
from streamcell.providers.failures import not_an_answer, of_status
from streamcell.providers.openai_models import REASONING_REFUSES
from streamcell.providers.payloads import merged
from streamcell.providers.registry import check_parameters
from streamcell.providers.responses_decoder import ResponsesDecoder
from streamcell.providers.schemas import OPENAI, openai_name, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from streamcell.events import ErrorInfo, Event

_NAME: Final = "openai-responses"
_SIMPLE: Final = {"temperature": "temperature", "top_p": "top_p", "max_tokens": "max_output_tokens"}
_THINKING: Final = re.compile(r"(.*/)?(o\d|gpt-5(?!.*chat)|codex-)")
"""Models that encrypt their thinking; one that does not refuses to be asked for it."""


class Responses(msgspec.Struct, frozen=True):
    """The Responses dialect, as a provider."""

    facts: Facts

    def encode(self, request: Request) -> Call:
        check_parameters(self, request)
        body: dict[str, Any] = {
            "model": request.model,
            "input": [item for message in request.messages for item in _items(message)],
            "stream": request.stream,
            "store": False,
        }
        if _THINKING.match(request.model):
            body["include"] = ["reasoning.encrypted_content"]
        if request.system:
            body["instructions"] = request.system
        if request.tools:
            body["tools"] = [_tool(tool) for tool in request.tools]
        if request.schema is not None:
            body["text"] = {"format": _format(request.schema)}
        for name, wire_name in _SIMPLE.items():
            if (value := getattr(request, name)) is not None:
                body[wire_name] = value
        return Call("/responses", merged(body, request.extra))

    def decoder(self, request: Request) -> ResponsesDecoder:
        return ResponsesDecoder(provider=self.facts.name, model=request.model)

    def decode_whole(self, request: Request, body: bytes) -> Iterator[Event]:
        decoder = self.decoder(request)
        yield from decoder.feed(Payload("", body))
        if not decoder.finished:
            raise not_an_answer(body)
        yield from decoder.close()

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ErrorInfo:
        return of_status(status, headers, body)


responses = Responses(
    Facts(
        name=_NAME,
        default_model="gpt-5-mini",
        client="openai:AsyncOpenAI",
        key_names=("OPENAI_API_KEY",),
        base_names=("OPENAI_BASE_URL",),
        base_url="https://api.openai.com/v1",
        refused=REASONING_REFUSES,
        delta_event="response.output_text.delta",
        parameters=frozenset({*_SIMPLE, "tools", "schema"}),
    )
)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    # Left open, `strict` asks for a schema with every field required, which a function's need not be.
    return {
        "type": "function",
        "name": tool.name,
        "description": tool.description,
        "parameters": tool.parameters,
        "strict": False,
    }


def _format(schema: dict[str, Any]) -> dict[str, Any]:
    strict = written(schema, OPENAI)
    said = {"schema": schema, "strict": False} if strict is None else {"schema": strict, "strict": True}
    return {"type": "json_schema", "name": openai_name(schema), **said}


def _items(message: Message) -> Iterator[dict[str, Any]]:
    """A message as input items, in order: content in one item as long as nothing comes between."""
    content: list[dict[str, Any]] = []
    for part in message.parts:
        match part:
            case TextPart() | ImagePart():
                content.append(_content(part, message.role))
                continue
            case ReasoningPart():
                item = _reasoning(part)
            case ToolCallPart():
                arguments = msgspec.json.encode(part.arguments).decode()
                item = {
                    "type": "function_call",
                    "call_id": part.id,
                    "name": part.name,
                    "arguments": arguments,
                }
            case ToolResultPart():
                item = {"type": "function_call_output", "call_id": part.id, "output": part.content}
            case _:
                assert_never(part)
        if item is None:
            continue
        if content:
            yield {"role": message.role, "content": content}
            content = []
        yield item
    if content:
        yield {"role": message.role, "content": content}


def _content(part: TextPart | ImagePart, role: Role) -> dict[str, Any]:
    if isinstance(part, TextPart):
        return {"type": "output_text" if role == "assistant" else "input_text", "text": part.text}
    data = base64.b64encode(part.data).decode("ascii")
    return {"type": "input_image", "image_url": f"data:{part.media_type};base64,{data}"}


def _reasoning(part: ReasoningPart) -> dict[str, Any] | None:
    """Thinking to hand back; None when it is another provider's or was not signed."""
    item_id, _, encrypted = (part.signature or "").partition(":")
    if part.provider != _NAME or not encrypted:
        return None
    summary = [{"type": "summary_text", "text": part.text}] if part.text else []
    return {"type": "reasoning", "id": item_id, "summary": summary, "encrypted_content": encrypted}
