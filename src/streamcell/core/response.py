"""The answer: what a run has said so far, and in the end all of it.

Built by `core.fold`; may be read from any thread while it grows. It knows no provider and no display; what a
notebook saves of it is made by `core.static`. It refers to `Stream` by type only.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET

from streamcell.core import static
from streamcell.core.metrics import Meter, Metrics
from streamcell.core.pieces import Pieces
from streamcell.core.steps import Mark, Step, step_messages
from streamcell.core.structure import growing
from streamcell.core.structure.frame import frame
from streamcell.core.structure.growing import Growing
from streamcell.core.structure.schema import Schema
from streamcell.errors import ProtocolError, UsageError
from streamcell.events import STOP_REASONS, Citation, ErrorInfo, StopReason, ToolCall, ToolResult, Usage
from streamcell.messages import Message, ReasoningPart, StreamChunk

if TYPE_CHECKING:
    from streamcell.handle import Stream

_CUT = frozenset({"length", "truncated", "error", "cancelled"})


class StreamingResponse:
    """One answer with its chunks, figures and everything else the provider said.

    `text` (also `complete_text` and ``str(r)``), `thinking`, `refusal` are strings; `tool_calls`,
    `tool_results` (in the order in which they came: their `id` tells whose they are), `citations` are the
    events of those names; `usage` and `metrics` hold None where nobody
    knows. `stop_reason` is one word of `events.StopReason` and None while the answer grows; the provider's
    own word is ``metadata["stop"]``. `start_time` and `end_time` are wall-clock seconds since the epoch.
    `error` says what ended the run, if something did.
    """

    def __init__(self, *, start_time: float | None = None, streamed: bool = True, keep: bool = True) -> None:
        self._text, self._thinking, self._refusal = Pieces(), Pieces(), Pieces()
        self._keep = keep
        self._marks = [Mark()]
        self.streamed = streamed
        self.chunks: list[StreamChunk] = []
        self.chunk_count = 0
        self.tool_calls: list[ToolCall] = []
        self.tool_results: list[ToolResult] = []
        self.citations: list[Citation] = []
        self.reasoning_parts: list[ReasoningPart] = []
        self.usage = Usage()
        self.meter: Meter | None = None
        """Measures the answer while it grows; set by whoever receives it."""
        self._metrics: Metrics | None = None
        self.metadata: dict[str, Any] = {}
        self.stop_reason: StopReason | None = None
        self.error: ErrorInfo | None = None
        self.prompt_messages: tuple[Message, ...] = ()
        self.start_time = start_time
        self.end_time: float | None = None
        self.continuation: Callable[[StreamingResponse], Stream] | None = None
        """Asks for the rest of a cut answer; set by whoever asked for the answer."""
        self.schema: Schema | None = None
        """What the answer is asked to be; set by whoever asked."""
        self._growing: Growing[Any] = Growing()

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
    def metrics(self) -> Metrics:
        """The figures of the run: those so far, while it grows."""
        if self._metrics is not None:
            return self._metrics
        return Metrics() if self.meter is None else self.meter.metrics(self.meter.last)

    @metrics.setter
    def metrics(self, metrics: Metrics) -> None:
        self._metrics, self.meter = metrics, None

    @property
    def total_tokens(self) -> int | None:
        """Input and output tokens together, as far as the provider said; None when it said neither."""
        known = [n for n in (self.usage.input_tokens, self.usage.output_tokens) if n is not None]
        return sum(known) if known else None

    @property
    def steps(self) -> list[Step]:
        """The answer in the order it was given: one step, and one more after each time that tools ran."""
        ends = [*self._marks[1:], self._mark()]
        return [self._step(begin, end) for begin, end in zip(self._marks, ends, strict=True)]

    @property
    def messages(self) -> list[Message]:
        """The conversation with this answer at its end, without the system prompt; ready for a next turn."""
        messages = [message for message in self.prompt_messages if message.role != "system"]
        for step in self.steps:
            messages += step_messages(step)
        return messages

    @property
    def parsed(self) -> Any:
        """The answer read as JSON, as far as it has come: the text behind the last answer of a tool.

        Texts and lists grow; a number, true, false or null appears when it is complete. With a schema it is
        always an instance of it, in which what has not come is None (in dicts: absent), a list has the rows
        so far, the last one growing, and the answer that ended well is validated. Without one it is
        plain JSON, and None while the text is not the beginning of any. Above 4 KB it is renewed whenever the
        text has grown by a sixteenth, and at the end, so that reading it all the time costs little.
        """
        cuts, length = self._text.extent
        begin = self._marks[-1].text
        return self._growing.read(
            self._parse, stamp=(begin, cuts), length=length - begin, ended=self.stop_reason is not None
        )

    def to_frame(self) -> Any:
        """The rows that have come so far, as a pandas DataFrame; needs pandas.

        A list of objects gives its rows, an object with exactly one list of objects the rows of that, another
        object one row. A row of a list comes when it is complete. Without any row the frame is empty, with
        the schema's columns where one was given.
        """
        return frame(self._parse(), text=self._last_text(), schema=self.schema)

    def _last_text(self) -> str:
        return self.text[self._marks[-1].text :]

    def _parse(self) -> Any:
        text = self._last_text()
        if self.schema is None:
            try:
                value = growing.read(text).value
            except ValueError:
                return None
            return None if value is UNSET else value
        if self.stop_reason == "stop":
            with suppress(ProtocolError):
                return self.schema.parse(text)
        return self.schema.partial(text)

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

    def begin_step(self) -> None:
        """What follows is said after tools answered; nothing to do while they did not."""
        if any(not result.server for result in self.tool_results[self._marks[-1].results :]):
            self._marks.append(self._mark())

    def restart(self) -> None:
        """A fallback answers anew: text shown in this step, if any, moves to `metadata` (before_fallback)."""
        begin = self._marks[-1]
        if shown := self.text[begin.text :]:
            self.metadata["before_fallback"] = shown
        del self.chunks[begin.chunks :]
        self.chunk_count = begin.chunks
        self._text.cut(begin.text)
        self._thinking.cut(begin.thinking)
        self._refusal.cut(begin.refusal)
        del self.tool_calls[begin.calls :]
        del self.tool_results[begin.results :]
        del self.citations[begin.citations :]
        del self.reasoning_parts[begin.reasoning :]

    def _mark(self) -> Mark:
        return Mark(
            thinking=len(self.thinking),
            text=len(self.text),
            refusal=len(self.refusal),
            chunks=self.chunk_count,
            reasoning=len(self.reasoning_parts),
            calls=len(self.tool_calls),
            results=len(self.tool_results),
            citations=len(self.citations),
        )

    def _step(self, begin: Mark, end: Mark) -> Step:
        return Step(
            self.thinking[begin.thinking : end.thinking],
            self.text[begin.text : end.text],
            self.reasoning_parts[begin.reasoning : end.reasoning],
            self.tool_calls[begin.calls : end.calls],
            self.tool_results[begin.results : end.results],
        )

    def __getstate__(self) -> dict[str, Any]:
        # A copy on paper has nobody to ask: clients and keys are not pickled.
        return {**self.__dict__, "_metrics": self.metrics, "meter": None, "continuation": None}

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        state = self.stop_reason or "growing"
        return f"<StreamingResponse {state}, {len(self.text)} characters, {self.chunk_count} chunks>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return static.bundle(self)
