"""The tool items of the Responses dialect: which are calls, who runs them, where each keeps its parts.

One table instead of twenty branches. It knows items and how a call grows, and nothing of the stream they
come in.

Source: `ResponseOutputItem` of openai 3.52.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from streamcell.events import ToolCallDelta, Usage
from streamcell.providers.calls import OpenCall
from streamcell.providers.loose import count, json_text, record, records, string

_CLIENT: Final = frozenset(
    {"function_call", "custom_tool_call", "local_shell_call", "computer_call", "apply_patch_call"}
)
_ARGUMENTS: Final = {
    "function_call": "arguments",
    "custom_tool_call": "input",
    "mcp_call": "arguments",
    "code_interpreter_call": "code",
    "tool_search_call": "arguments",
    "local_shell_call": "action",
    "computer_call": "action",
    "apply_patch_call": "operation",
}
_RESULT: Final = {
    "mcp_call": "output",
    "mcp_list_tools": "tools",
    "code_interpreter_call": "outputs",
    "web_search_call": "action",
    "file_search_call": "results",
}
_LATER: Final = frozenset({"shell_call", "tool_search_call", "program"})
"""Calls whose result is an item of its own, `…_output`."""


class CallItem(msgspec.Struct, frozen=True):
    """What an item says of a tool call; `arguments` is empty while they are still to come."""

    id: str
    name: str
    arguments: str
    server: bool


class ResultItem(msgspec.Struct, frozen=True):
    """What a tool that the provider ran answered to the call with this id."""

    id: str
    content: str
    error: bool


class GrowingCall:
    """A call whose arguments are still arriving, and what its events call it; belongs to one decoder."""

    def __init__(self, references: list[str | int], call: OpenCall) -> None:
        self.references = references
        self.call = call
        self.settled = False
        self._within = 0

    def add(self, piece: str, within: int) -> ToolCallDelta | None:
        """Take a piece of the arguments (for a shell: of the command numbered `within`, each on a line)."""
        if within != self._within:
            self._within = within
            piece = "\n" + piece
        return self.call.add(piece) if piece else None

    def fill(self, whole: str, within: int) -> ToolCallDelta | None:
        """Take arguments that are repeated whole: they count only where no piece of them came before."""
        return None if self.call.arguments and within == self._within else self.add(whole, within)

    def settle(self, item: CallItem) -> ToolCallDelta | None:
        """Take the item as it stands at its end, which beats the pieces; returns what it adds to them."""
        call, said = self.call, self.call.arguments
        self.call = OpenCall(
            call.part, id=item.id or call.id, name=item.name or call.name, server=item.server
        )
        self.call.add(item.arguments or said)
        self.settled = True
        rest = item.arguments.removeprefix(said) if item.arguments.startswith(said) else ""
        return ToolCallDelta(call.part, arguments=rest, server=item.server) if rest else None


def call_item(item: dict[str, Any]) -> CallItem | None:
    """The call that `item` is; None for a message, thinking, a result."""
    kind = string(item.get("type"))
    if not kind.endswith("_call") and kind != "mcp_list_tools":
        return None
    server = _runs_on_server(kind, item)
    own = string(item.get("id"))
    called = string(item.get("call_id"))
    return CallItem(
        id=called or own,
        name=string(item.get("name")) or ("" if kind in ("function_call", "custom_tool_call") else kind),
        arguments=_arguments(kind, item),
        server=server,
    )


def result_item(item: dict[str, Any]) -> ResultItem | None:
    """The result that `item` holds: a server tool's own, or one that is an item by itself."""
    kind = string(item.get("type"))
    failed = bool(item.get("error")) or item.get("status") == "failed"
    if kind.endswith("_call_output"):
        return ResultItem(string(item.get("call_id")), _text(item.get("output")), failed)
    call = call_item(item)
    if call is None or not call.server or kind in _LATER:
        return None
    content = item.get(_RESULT.get(kind, ""))
    return ResultItem(call.id, _text(content or item.get("error")), failed)


def picture(item: dict[str, Any]) -> bool:
    """True for an image the provider made: bytes that have no place in a text answer."""
    return item.get("type") == "image_generation_call" and bool(item.get("result"))


def _runs_on_server(kind: str, item: dict[str, Any]) -> bool:
    if kind == "shell_call":
        return record(item.get("environment")).get("type") != "local"
    if kind == "tool_search_call":
        return item.get("execution") != "client"
    return kind not in _CLIENT


def _arguments(kind: str, item: dict[str, Any]) -> str:
    if kind == "shell_call":
        commands = record(item.get("action")).get("commands")
        return "\n".join(map(string, commands)) if isinstance(commands, list) else ""
    return _text(item.get(_ARGUMENTS.get(kind, "")))


def _text(value: object) -> str:
    """Strings as they are, the log lines of a list of outputs joined, everything else as JSON."""
    if isinstance(value, str):
        return value
    logs = [string(output.get("logs")) for output in records(value)]
    if any(logs):
        return "\n".join(logs)
    return json_text(value) if value else ""


def place(event: dict[str, Any]) -> dict[str, Any]:
    """Where the item of an `output_item` event belongs, in the words of the events of its parts."""
    item = record(event.get("item"))
    return {"item_id": item.get("id"), "output_index": event.get("output_index")}


def references(event: dict[str, Any]) -> list[str | int]:
    """What an event calls its item: the id, then the index."""
    references = (string(event.get("item_id")) or None, count(event.get("output_index")))
    return [reference for reference in references if reference is not None]


def usage_of(raw: dict[str, Any]) -> Usage:
    return Usage(
        input_tokens=count(raw.get("input_tokens")),
        output_tokens=count(raw.get("output_tokens")),
        reasoning_tokens=count(record(raw.get("output_tokens_details")).get("reasoning_tokens")),
        cached_tokens=count(record(raw.get("input_tokens_details")).get("cached_tokens")),
        raw=raw,
    )
