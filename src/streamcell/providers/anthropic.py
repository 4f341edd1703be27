"""The Messages dialect of Anthropic and of the servers that speak it (`/v1/messages`).

Writes requests; the answers are read by `anthropic_decoder`. It knows no model's price or size.

`temperature` and `top_p` are taken by the API version 2023-06-01 and refused by 2026-10-21, which the
official client asks for: a request that sets one of them asks for the older version. Models that take
neither say so themselves.
Source: https://platform.claude.com/docs/en/api/messages and the migration notes of 2026-10-21.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final, assert_never

import msgspec

from streamcell.messages import (
    ImagePart,
    Part,
    ReasoningPart,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from streamcell.providers import failures
from streamcell.providers.anthropic_decoder import REDACTED, MessagesDecoder
from streamcell.providers.contract import Call, Facts
from streamcell.providers.loose import record
from streamcell.providers.mending import parse_mended
from streamcell.providers.payloads import merged
from streamcell.providers.registry import check_parameters
from streamcell.providers.schemas import ANTHROPIC, told, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from streamcell.events import ErrorInfo, Event

MAX_TOKENS: Final = 8192
"""Sent when the request names no limit, as the API demands one; every model in service takes it."""

# Models from 4.6 on refuse to go on with an assistant message (platform.claude.com, "What's new in Claude
# 4.6"), so that those which do are listed.
_WITH_PREFILL: Final = r"claude-(instant|[23]|(opus|sonnet|haiku)-4(-[0-5])?(-\d{8}|-latest)?$)"
# Those before 4.5 answer 400 to `output_config.format` (platform.claude.com, "Structured outputs").
_WITHOUT_SCHEMA: Final = r"claude-(instant|[23]|(opus|sonnet)-4(-[01])?(-\d{8}|-latest)?$)"
_VERSION_WITH_SAMPLING = {"anthropic-version": "2023-06-01"}


class Messages(msgspec.Struct, frozen=True):
    """One server that speaks Messages; a `contract.Provider`."""

    facts: Facts

    def encode(self, request: Request) -> Call:
        check_parameters(self, request)
        schema = None if request.schema is None else written(request.schema, ANTHROPIC)
        in_words = schema is None and request.schema is not None
        system = told(_system(request), request.schema or {}) if in_words else _system(request)
        settings = {
            "system": system or None,
            "temperature": request.temperature,
            "top_p": request.top_p,
            "stop_sequences": list(request.stop) or None,
            "tools": [_tool(spec.name, spec.description, spec.parameters) for spec in request.tools] or None,
            "output_config": _output_config(schema),
            "stream": True if request.stream else None,
        }
        body = {
            "model": request.model,
            "max_tokens": request.max_tokens or MAX_TOKENS,
            "messages": self._messages(request),
            **{name: value for name, value in settings.items() if value is not None},
        }
        body = merged(body, request.extra)
        samples = any(body.get(name) is not None for name in ("temperature", "top_p", "top_k"))
        return Call("/v1/messages", body, dict(_VERSION_WITH_SAMPLING) if samples else {})

    def decoder(self, request: Request) -> MessagesDecoder:
        return MessagesDecoder(self.facts.name, request.model)

    def decode_whole(self, request: Request, body: bytes) -> Iterable[Event]:
        message = record(parse_mended(body))
        if not isinstance(message.get("content"), list):
            raise failures.not_an_answer(body)
        return list(self.decoder(request).whole(message))

    def decode_error(self, status: int, headers: Mapping[str, str], body: bytes) -> ErrorInfo:
        return failures.of_status(status, headers, body)

    def _messages(self, request: Request) -> list[dict[str, Any]]:
        """The turns; those of one role in a row are joined, as results of parallel calls must be."""
        turns: list[dict[str, Any]] = []
        for message in request.messages:
            if message.role == "system":
                continue
            role = "assistant" if message.role == "assistant" else "user"
            blocks = [block for part in message.parts for block in self._blocks(part)]
            if blocks and turns and turns[-1]["role"] == role:
                turns[-1]["content"] += blocks
            elif blocks:
                turns.append({"role": role, "content": blocks})
        return turns

    def _blocks(self, part: Part) -> list[dict[str, Any]]:
        match part:
            case TextPart():
                # The API refuses empty text.
                return [{"type": "text", "text": part.text}] if part.text else []
            case ImagePart():
                data = base64.b64encode(part.data).decode("ascii")
                source = {"type": "base64", "media_type": part.media_type, "data": data}
                return [{"type": "image", "source": source}]
            case ReasoningPart():
                return self._thinking(part)
            case ToolCallPart():
                return [{"type": "tool_use", "id": part.id, "name": part.name, "input": part.arguments}]
            case ToolResultPart():
                result = {"type": "tool_result", "tool_use_id": part.id, "content": part.content}
                return [{**result, "is_error": True} if part.error else result]
            case _:
                assert_never(part)

    def _thinking(self, part: ReasoningPart) -> list[dict[str, Any]]:
        """Thinking goes back as it was signed; what this provider did not sign it would refuse."""
        if not part.signature or part.provider != self.facts.name:
            return []
        if part.signature.startswith(REDACTED):
            return [{"type": "redacted_thinking", "data": part.signature.removeprefix(REDACTED)}]
        return [{"type": "thinking", "thinking": part.text, "signature": part.signature}]


def _system(request: Request) -> str:
    said = [message.content for message in request.messages if message.role == "system"]
    return "\n\n".join(text for text in (request.system or "", *said) if text)


def _tool(name: str, description: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "description": description, "input_schema": parameters}


def _output_config(schema: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if schema is None else {"format": {"type": "json_schema", "schema": schema}}


anthropic: Final = Messages(
    Facts(
        name="anthropic",
        default_model="claude-sonnet-5",
        client="anthropic:AsyncAnthropic",
        key_names=("ANTHROPIC_API_KEY",),
        base_names=("ANTHROPIC_BASE_URL",),
        base_url="https://api.anthropic.com",
        delta_event="content_block_delta",
        prefill=_WITH_PREFILL,
        refused={_WITHOUT_SCHEMA: frozenset({"schema"})},
        parameters=frozenset({"temperature", "max_tokens", "top_p", "stop", "tools", "schema"}),
    )
)
