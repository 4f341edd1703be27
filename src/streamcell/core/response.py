"""The answer: what a run has said so far, and in the end all of it.

Built by `core.fold`; may be read from any thread while it grows. It knows no provider and no display; what a
notebook saves of it is made by `core.static`. It refers to `Stream` by type only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import jiter
import msgspec

from streamcell.core import static
from streamcell.core.metrics import Metrics
from streamcell.errors import UsageError
from streamcell.events import STOP_REASONS, Citation, ErrorInfo, StopReason, ToolCall, ToolResult, Usage
from streamcell.messages import (
    Message,
    Part,
    ReasoningPart,
    StreamChunk,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

if TYPE_CHECKING:
    from streamcell.handle import Stream

_CUT = frozenset({"length", "truncated", "error", "cancelled"})
_JSON_STARTS = ("{", "[")
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_GROWING_SCALAR = re.compile(r"[-+.\w]+\Z")


class Pieces:
    """A text that grows by appending; joined when read, so that growing stays linear.

    One thread appends. Any thread reads: what it joined is kept as one value beside the list it was made
    from, so that two readers, or a reader and `clear`, never spoil each other's work.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._joined: tuple[list[str], int, str] = (self._parts, 0, "")

    def add(self, text: str) -> None:
        self._parts.append(text)

    def clear(self) -> None:
        self._parts = []

    def __str__(self) -> str:
        parts = self._parts
        of, count, text = self._joined
        if of is not parts:
            count, text = 0, ""
        new = parts[count:]
        if new:
            text += "".join(new)
            self._joined = (parts, count + len(new), text)
        return text


class StreamingResponse:
    """One answer with its chunks, figures and everything else the provider said.

    `text` (also `complete_text` and ``str(r)``), `thinking`, `refusal` are strings; `tool_calls`,
    `tool_results`, `citations` are the events of those names; `usage` and `metrics` hold None where nobody
    knows. `stop_reason` is one word of `events.StopReason` and None while the answer grows; the provider's
    own word is ``metadata["stop"]``. `start_time` and `end_time` are wall-clock seconds since the epoch.
    `error` says what ended the run, if something did.
    """

    def __init__(self, *, start_time: float | None = None, streamed: bool = True, keep: bool = True) -> None:
        self._text, self._thinking, self._refusal = Pieces(), Pieces(), Pieces()
        self._keep = keep
        self.streamed = streamed
        self.chunks: list[StreamChunk] = []
        self.chunk_count = 0
        self.tool_calls: list[ToolCall] = []
        self.tool_results: list[ToolResult] = []
        self.citations: list[Citation] = []
        self.reasoning_parts: list[ReasoningPart] = []
        self.usage = Usage()
        self.metrics = Metrics()
        self.metadata: dict[str, Any] = {}
        self.stop_reason: StopReason | None = None
        self.error: ErrorInfo | None = None
        self.prompt_messages: tuple[Message, ...] = ()
        self.start_time = start_time
        self.end_time: float | None = None
        self.continuation: Callable[[StreamingResponse], Stream] | None = None
        """Asks for the rest of a cut answer; set by whoever asked for the answer."""

    @property
    def text(self) -> str:
        return str(self._text)

    complete_text = text

    @property
    def thinking(self) -> str:
        return str(self._thinking)

    @property
    def refusal(self) -> str:
        return str(self._refusal)

    @property
    def duration(self) -> float | None:
        """Seconds from the request to the end; None while the answer grows."""
        if self.metrics.duration is not None:
            return self.metrics.duration
        if self.start_time is None or self.end_time is None:
            return None
        return self.end_time - self.start_time

    @property
    def total_tokens(self) -> int | None:
        """Input and output tokens together, as far as the provider said; None when it said neither."""
        known = [n for n in (self.usage.input_tokens, self.usage.output_tokens) if n is not None]
        return sum(known) if known else None

    @property
    def messages(self) -> list[Message]:
        """The conversation with this answer at its end, without the system prompt; ready for a next turn."""
        messages = [message for message in self.prompt_messages if message.role != "system"]
        parts: list[Part] = list(self.reasoning_parts)
        if self.text:
            parts.append(TextPart(self.text))
        calls = [call for call in self.tool_calls if not call.server and call.arguments is not None]
        parts += [ToolCallPart(call.id, call.name, call.arguments or {}) for call in calls]
        if parts:
            messages.append(Message("assistant", tuple(parts)))
        results = [result for result in self.tool_results if not result.server]
        if results:
            answers = tuple(ToolResultPart(r.id, r.name, r.content, r.error) for r in results)
            messages.append(Message("tool", answers))
        return messages

    @property
    def parsed(self) -> Any:
        """The text read as JSON, as far as it has come; None while it is not the beginning of JSON.

        Strings and lists grow; a number, true, false or null appears when it is complete.
        """
        text = _unfenced(self.text)
        if not text.startswith(_JSON_STARTS):
            return None
        if '"' not in _JSON_STRING.sub("", text):
            text = _GROWING_SCALAR.sub("", text)
        try:
            return jiter.from_json(text.encode(), partial_mode="trailing-strings")
        except ValueError:
            return None

    def continue_(self) -> Stream:
        """A new stream that goes on where this answer was cut; nothing is sent until it is read.

        The same model is asked with the same options. The new answer's text is this text and what follows
        it, with a `Notice` at the seam. Raises `UsageError` while the answer grows, and when it was not cut
        (`stop_reason` is none of length, truncated, error, cancelled), has no text, or came from elsewhere
        (`wrap`, a pickle): then there is nobody to ask.
        """
        if self.stop_reason not in _CUT:
            state = f"ended with {self.stop_reason!r}" if self.stop_reason else "is still growing"
            raise UsageError(f"only a cut answer can be continued; this one {state}")
        if not self.text:
            raise UsageError("the answer was cut before its first text; ask again")
        if self.continuation is None:
            raise UsageError("nobody can be asked for the rest of this answer; it did not come from stream()")
        return self.continuation(self)

    def add_chunk(self, chunk: StreamChunk) -> None:
        """Take one more chunk: its text joins `text`; the final one sets the end, usage and stop reason."""
        if self.start_time is None:
            self.start_time = chunk.timestamp
        if chunk.content:
            self._text.add(chunk.content)
            self.count_chunk(chunk)
        if chunk.is_final:
            self._end(chunk)

    def _end(self, chunk: StreamChunk) -> None:
        said = chunk.metadata
        self.end_time = chunk.timestamp
        self.metadata.update(said)
        if said.get("stop_reason") in STOP_REASONS:
            self.stop_reason = said["stop_reason"]
        if isinstance(said.get("thinking"), str) and not self.thinking:
            self._thinking.add(said["thinking"])
        # The chunk may be a stranger's, whose usage has other fields: those stay in `metadata`.
        with suppress(msgspec.ValidationError):
            self.usage = msgspec.convert(said.get("usage") or {}, Usage)

    def add_text(self, text: str) -> None:
        if self._keep:
            self._text.add(text)

    def add_thinking(self, text: str) -> None:
        if self._keep:
            self._thinking.add(text)

    def add_refusal(self, text: str) -> None:
        self._refusal.add(text)

    def count_chunk(self, chunk: StreamChunk) -> None:
        self.chunk_count += 1
        if self._keep:
            self.chunks.append(chunk)

    def restart(self) -> None:
        """A fallback answers anew: the text shown, if any, moves to ``metadata["before_fallback"]``."""
        if self.text:
            self.metadata["before_fallback"] = self.text
        self.chunks.clear()
        self.chunk_count = 0
        self._text.clear()
        self._thinking.clear()
        self._refusal.clear()
        for said in (self.tool_calls, self.tool_results, self.citations, self.reasoning_parts):
            said.clear()

    def __getstate__(self) -> dict[str, Any]:
        # A copy on paper has nobody to ask: clients and keys are not pickled.
        return {**self.__dict__, "continuation": None}

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        state = self.stop_reason or "growing"
        return f"<StreamingResponse {state}, {len(self.text)} characters, {self.chunk_count} chunks>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return static.bundle(self)


def _unfenced(text: str) -> str:
    """JSON that a model put into a Markdown fence, without the fence."""
    text = text.strip()
    if not text.startswith("```"):
        return text
    _, _, inner = text.partition("\n")
    return inner.removesuffix("```").strip()
