"""Reads one answer of the Responses dialect, streamed or whole.

Knows the event families and their order, and nothing of requests. It is the one dialect with a family for
each kind of item, which is why this module is the longest. An item is looked up by its id and by its index,
because servers in use get one or the other wrong; what a server leaves out of the deltas is taken from the
events that repeat it whole, and only when nothing of it was said before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from streamcell.errors import from_info
from streamcell.events import (
    Citation,
    Event,
    Finished,
    Notice,
    ReasoningDelta,
    Started,
    StopReason,
    TextDelta,
    ToolResult,
    UsageReport,
)
from streamcell.providers.calls import OpenCall
from streamcell.providers.failures import of_event
from streamcell.providers.loose import count, record, records, string
from streamcell.providers.payloads import Payloads, Repeats
from streamcell.providers.plain_shapes import RESPONSES_TEXT, UNFITTING, responses_text
from streamcell.providers.responses_items import (
    CallItem,
    GrowingCall,
    call_item,
    picture,
    place,
    references,
    result_item,
    usage_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streamcell.core.wire import Payload

_CALL_PIECES: Final = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
    "response.code_interpreter_call_code": "code",
    "response.shell_call_command": "command",
}
"""The event families that carry a call's arguments, and the field of `….done` that repeats them whole."""
_ENDS: Final = frozenset({"response.completed", "response.incomplete", "response.failed"})
_INCOMPLETE: Final[dict[str, StopReason]] = {"max_output_tokens": "length", "content_filter": "filter"}


class ResponsesDecoder:
    """The decoder of one model turn."""

    def __init__(self, *, provider: str, model: str) -> None:
        self._provider, self._model = provider, model
        self._payloads = Payloads()
        self._started = False
        self._next_part = 0
        self._parts: dict[tuple[str, str | int, int], int] = {}
        self._cited: dict[int, int] = {}
        self._open: list[GrowingCall] = []
        self._asked = self._refused = False
        self._end: dict[str, Any] | None = None
        self._repeats = Repeats()

    @property
    def finished(self) -> bool:
        return self._end is not None

    @property
    def complete(self) -> bool:
        return self._end is not None

    def feed(self, payload: Payload) -> Iterable[Event]:
        if payload.event == RESPONSES_TEXT and (plain := self._plain(payload.data)) is not None:
            return plain
        return self._feed(payload)

    def _plain(self, data: bytes) -> tuple[Event, ...] | None:
        """What a plain piece of text in a part that is known says; None when it is not that."""
        if self._end is not None or not self._payloads.intact:
            return None
        try:
            said = responses_text(data)
        except UNFITTING:
            return None
        part = self._parts.get(("text", said.item_id, said.content_index))
        if part is None or not said.delta:
            return None
        return () if self._repeats.found(said.sequence_number, data) else (TextDelta(said.delta, part),)

    def _feed(self, payload: Payload) -> Iterator[Event]:
        if self._end is not None:
            return
        event = record(self._payloads.read(payload))
        if self._repeats.found(count(event.get("sequence_number")), payload.data):
            return
        kind = string(event.get("type"))
        stem, _, tail = kind.rpartition(".")
        if "error" in (kind, payload.event) or (not kind and event.get("error")):
            raise from_info(of_event(event), attempts=0)
        if kind in _ENDS:
            yield from self._finish(record(event.get("response")), tail)
        elif not kind and event.get("object") == "response":
            yield from self._finish(event, string(event.get("status")))
        elif kind.startswith("response."):
            yield from self._start(record(event.get("response")))
            yield from self._read(stem, tail, event)

    def _read(self, stem: str, tail: str, event: dict[str, Any]) -> Iterator[Event]:
        match stem:
            case "response.output_text":
                yield from self._text(event, tail)
            case "response.reasoning_summary_text":
                yield from self._thought("summary", event, tail)
            case "response.reasoning_text":
                yield from self._thought("thought", event, tail)
            case "response.refusal":
                yield from self._refusal(event, tail)
            case "response.output_item":
                yield from self._item(event, tail)
            case "response.content_part" if tail == "done":
                yield from self._close_content(event)
            case "response.output_text.annotation" if tail == "added":
                part, _ = self._part("text", event)
                yield self._cite(part, record(event.get("annotation")))
            case _ if stem in _CALL_PIECES:
                yield from self._grow(event, tail, _CALL_PIECES[stem])
            case _:
                pass

    def close(self) -> Iterator[Event]:
        if self._end is None:
            raise self._payloads.ended_early(started=self._started)
        for growing in self._open:
            yield growing.call.whole()
        yield Finished(self._reason(self._end), stop=string(self._end.get("status")) or None)

    def _start(self, response: dict[str, Any]) -> Iterator[Event]:
        if not self._started:
            self._started = True
            model = string(response.get("model")) or self._model
            yield Started(self._provider, model, string(response.get("id")) or None)

    def _finish(self, response: dict[str, Any], status: str) -> Iterator[Event]:
        status = string(response.get("status")) or status
        if status == "failed" or response.get("error"):
            raise from_info(of_event(response), attempts=0)
        yield from self._start(response)
        if not self._next_part:
            for index, item in enumerate(records(response.get("output"))):
                yield from self._close_item({"item": item, "output_index": index})
        if usage := record(response.get("usage")):
            yield UsageReport(usage_of(usage))
        self._end = {**response, "status": status}

    def _reason(self, end: dict[str, Any]) -> StopReason:
        if end["status"] == "incomplete":
            return _INCOMPLETE.get(string(record(end.get("incomplete_details")).get("reason")), "unknown")
        if end["status"] != "completed":
            return "cancelled" if end["status"] == "cancelled" else "unknown"
        if self._asked:
            return "tool_calls"
        return "refusal" if self._refused else "stop"

    # --- items ---------------------------------------------------------------------------------------

    def _item(self, event: dict[str, Any], tail: str) -> Iterator[Event]:
        if tail == "done":
            yield from self._close_item(event)
        elif tail == "added" and (call := call_item(record(event.get("item")))):
            yield from self._open_call(place(event), call)

    def _close_item(self, event: dict[str, Any]) -> Iterator[Event]:
        item = record(event.get("item"))
        kind = item.get("type")
        at = place(event)
        if kind == "message":
            for index, content in enumerate(records(item.get("content"))):
                yield from self._close_content({**at, "content_index": index, "part": content})
        elif kind == "reasoning":
            yield from self._close_reasoning(item, at)
        elif kind == "mcp_approval_request":
            yield Notice("dropped", f"the MCP call {string(item.get('name'))} waits for an approval")
        if call := call_item(item):
            yield from self._close_call(at, call)
        if result := result_item(item):
            name = call.name if call else string(kind).removesuffix("_output")
            yield ToolResult(result.id, name, result.content, error=result.error, server=True)
        if picture(item):
            yield Notice("dropped", "an image the provider made is not shown")

    def _close_content(self, event: dict[str, Any]) -> Iterator[Event]:
        """A content part, repeated whole: what of it was not said in deltas."""
        content = record(event.get("part"))
        match content.get("type"):
            case "output_text":
                yield from self._text({**event, "text": content.get("text")}, "done")
                part, _ = self._part("text", event)
                for annotation in records(content.get("annotations"))[self._cited.get(part, 0) :]:
                    yield self._cite(part, annotation)
            case "refusal":
                yield from self._refusal({**event, "refusal": content.get("refusal")}, "done")
            case _:
                pass

    def _close_reasoning(self, item: dict[str, Any], at: dict[str, Any]) -> Iterator[Event]:
        for index, summary in enumerate(records(item.get("summary"))):
            yield from self._thought(
                "summary", {**at, "summary_index": index, "text": summary.get("text")}, "done"
            )
        for index, content in enumerate(records(item.get("content"))):
            yield from self._thought(
                "thought", {**at, "content_index": index, "text": content.get("text")}, "done"
            )
        if encrypted := string(item.get("encrypted_content")):
            part, _ = self._part("signature", at)
            yield ReasoningDelta("", part, f"{string(item.get('id'))}:{encrypted}")

    # --- pieces of text ------------------------------------------------------------------------------

    def _text(self, event: dict[str, Any], tail: str) -> Iterator[Event]:
        for part, text in self._piece("text", event, tail, whole="text"):
            yield TextDelta(text, part)

    def _refusal(self, event: dict[str, Any], tail: str) -> Iterator[Event]:
        for part, text in self._piece("refusal", event, tail, whole="refusal"):
            self._refused = True
            yield Notice("refusal", text, part)

    def _thought(self, family: str, event: dict[str, Any], tail: str) -> Iterator[Event]:
        for part, text in self._piece(family, event, tail, whole="text"):
            yield ReasoningDelta(text, part)

    def _piece(
        self, family: str, event: dict[str, Any], tail: str, *, whole: str
    ) -> Iterator[tuple[int, str]]:
        """The piece an event adds to its part: a delta, or the whole when no delta came before."""
        text = string(event.get("delta" if tail == "delta" else whole))
        if not text or tail not in ("delta", "done"):
            return
        part, new = self._part(family, event)
        if new or tail == "delta":
            yield part, text

    def _cite(self, part: int, annotation: dict[str, Any]) -> Citation:
        self._cited[part] = self._cited.get(part, 0) + 1
        title = annotation.get("title") or annotation.get("filename") or annotation.get("file_id")
        return Citation(string(annotation.get("url")) or None, string(title) or None, part=part)

    def _part(self, family: str, event: dict[str, Any]) -> tuple[int, bool]:
        """The number of the part an event belongs to, and whether it is new."""
        within = count(event.get("summary_index" if family == "summary" else "content_index")) or 0
        keys = [(family, reference, within) for reference in references(event)]
        known = next((self._parts[key] for key in keys if key in self._parts), None)
        part = self._new_part() if known is None else known
        self._parts.update(dict.fromkeys(keys, part))
        return part, known is None

    def _new_part(self) -> int:
        self._next_part += 1
        return self._next_part - 1

    # --- tool calls ----------------------------------------------------------------------------------

    def _open_call(self, at: dict[str, Any], item: CallItem) -> Iterator[Event]:
        call = OpenCall(self._new_part(), id=item.id, name=item.name, server=item.server)
        self._open.append(GrowingCall(references(at), call))
        self._asked = self._asked or not item.server
        yield call.opening()

    def _grow(self, event: dict[str, Any], tail: str, field: str) -> Iterator[Event]:
        growing = self._find(event)
        if growing is None:
            return
        take, name = (growing.add, "delta") if tail == "delta" else (growing.fill, field)
        if delta := take(string(event.get(name)), count(event.get("command_index")) or 0):
            yield delta

    def _close_call(self, at: dict[str, Any], item: CallItem) -> Iterator[Event]:
        growing = self._find(at)
        if growing is None:
            yield from self._open_call(at, item)
            growing = self._open[-1]
        if delta := growing.settle(item):
            yield delta
        # In the order in which they began: a call that ends first waits for those before it.
        while self._open and self._open[0].settled:
            yield self._open.pop(0).call.whole()

    def _find(self, event: dict[str, Any]) -> GrowingCall | None:
        for reference in references(event):
            for growing in self._open:
                if reference in growing.references and not growing.settled:
                    return growing
        return None
