"""One view's side of the conversation with its page: what was sent, what was painted, what is asked again.

A session is a cursor of a run's log behind a narrow channel; it knows no widget, no thread and no clock.
`receive` may be called on any thread and only notes what was said.
"""

from __future__ import annotations

from typing import Protocol, assert_never

import msgspec

from streamcell.core.outbox import joined
from streamcell.core.protocol import (
    Ack,
    Batch,
    Decide,
    Figures,
    FromKernel,
    FromPage,
    Gone,
    NeedBundle,
    Part,
    Snapshot,
    Stop,
    Stopping,
    Sync,
    ViewState,
)
from streamcell.events import (
    ApprovalRequest,
    ApprovalResult,
    Event,
    Finished,
    ReasoningDelta,
    Retrying,
    Started,
    TextDelta,
    ToolCall,
    ToolCallDelta,
    UsageReport,
)
from streamcell.handle import Stream

FIGURES_SECONDS = 0.25
SNAPSHOT_SECONDS = 1.0
BEHIND_CHARACTERS = 4_000
"""A page that has this much text unpainted is sent less often."""
BEHIND_SECONDS = 0.25
ACK_TRUST_SECONDS = 1.0
"""Acknowledgements are advice: after this long without one the page is taken to keep up."""

_STATES: dict[type, ViewState] = {
    TextDelta: "streaming",
    ReasoningDelta: "thinking",
    ToolCallDelta: "tool",
    ToolCall: "tool",
    ApprovalRequest: "approval",
    ApprovalResult: "tool",
    Retrying: "retrying",
}
_ENDS: dict[str, ViewState] = {"cancelled": "stopped", "error": "failed", "truncated": "failed"}
OVER: frozenset[ViewState] = frozenset({"done", "stopped", "failed"})


class Channel(Protocol):
    """The road to the page."""

    def tell(self, message: FromKernel) -> None:
        """A message to all pages that show the view now."""
        ...

    def publish(self, snapshot: Snapshot) -> None:
        """The synced state, also for pages that come later."""
        ...

    def publish_static(self) -> None:
        """The lasting output, for a page that was reloaded and did not see its output replaced."""
        ...

    def deliver_bundle(self, part: Part | None) -> None:
        """Send the source of the page's own code, or of a part of it."""
        ...

    def gone(self) -> None:
        """The page shows the static output instead of the view."""
        ...


class Session:
    """What one run has told its pages. `flush` is called by the pacer, on one thread."""

    def __init__(self, stream: Stream, channel: Channel, *, run: str, model: str, scripted: bool) -> None:
        self.run = run
        self._stream = stream
        self._events = stream.ledger.events
        self._channel = channel
        # The page shows the model throughout: what is only played back must say so there.
        self._mark = " (replayed)" if stream.response.metadata.get("replayed") else ""
        self._model = model + self._mark
        self._scripted = scripted
        self._state: ViewState = "waiting"
        self._sent = 0
        self._asked: int | None = None
        self._characters = 0
        self._painted: tuple[int, float] | None = None
        self._sizes: list[tuple[int, int]] = []
        self._figures_at = 0.0
        self._published_at: float | None = None
        self._closed = False

    @property
    def idle(self) -> bool:
        """Nothing to send, and nothing was asked."""
        return self._asked is None and self._sent >= self._events.next

    def flush(self, now: float) -> int:
        """Send what the page does not have yet; returns the number of messages."""
        if self.idle:
            return 0
        first, end = self._sent, self._events.next
        asked = self._asked is not None
        if self._asked is not None and self._asked < self._sent:
            # Exactly what is missing: what comes after it is under way or has its own turn.
            first, end = self._asked, self._sent
        self._asked = None
        events = self._events.read(first, end - first)
        last = first + len(events)
        state = self._state
        for event in events:
            state = _state_after(event, state)
        if state == "tool" and self._stream.approvals.waiting:
            state = "approval"  # one call of several was answered, another asks still
        batch = Batch(
            self.run,
            first,
            last,
            [_for_page(event, mark=self._mark) for event in joined(events)],
            # Who asks may be a page that knows nothing yet.
            state=None if state == self._state and not asked else state,
            figures=self._due_figures(now, state, asked=asked),
        )
        self._count(events, first, last)
        self._state = state
        self._sent = max(self._sent, last)
        self._channel.tell(batch)
        return 1 + self._publish_if_due(now)

    def pause(self, now: float) -> float:
        if self._painted is None or self._stream.finished:
            return 0.0
        painted, at = self._painted
        if now - at > ACK_TRUST_SECONDS:
            return 0.0
        unpainted = sum(size for number, size in self._sizes if number > painted)
        return max(0.0, at + BEHIND_SECONDS - now) if unpainted > BEHIND_CHARACTERS else 0.0

    def snapshot(self) -> Snapshot:
        """The synced state of this moment."""
        return Snapshot(
            self.run,
            self._sent,
            self._state,
            self._model,
            self._stream.figures(),
            characters=self._characters,
            scripted=self._scripted,
            format=self._stream.response.metadata.get("format", "markdown"),
        )

    def receive(self, message: FromPage, now: float) -> bool:
        """What the page says; True when the pacer should give this session a turn."""
        match message:
            case Sync():
                self._asked = max(0, message.have if self._asked is None else min(self._asked, message.have))
                if self._closed:
                    self._channel.publish_static()
                return True
            case Ack():
                self._painted = (message.painted, now)
                self._sizes = [entry for entry in self._sizes if entry[0] > message.painted]
            case Stop():
                self._stream.cancel()
                self._channel.tell(Stopping(self.run))
            case Decide():
                self._stream.decide(message)
            case Gone():
                self._channel.gone()
            case NeedBundle(part=part):
                self._channel.deliver_bundle(part)
            case _:
                assert_never(message)
        return False

    def _due_figures(self, now: float, state: ViewState, *, asked: bool) -> Figures | None:
        if self._stream.response.start_time is None:
            return None  # nobody was asked: an answer from a file
        if state == self._state and now - self._figures_at < FIGURES_SECONDS and not asked:
            return None
        self._figures_at = now
        return self._stream.figures()

    def _publish_if_due(self, now: float) -> int:
        # Told by the last event sent, not by the log: the log is closed a moment after its last event.
        ended = self._state in OVER and self._sent >= self._events.next
        if self._published_at is None:
            # The widget was opened with the first snapshot a moment ago.
            self._published_at = now
        if not ended and now - self._published_at < SNAPSHOT_SECONDS:
            return 0
        if ended and self._closed:
            return 0
        self._closed = ended
        self._published_at = now
        self._channel.publish(self.snapshot())
        return 1

    def _count(self, events: list[Event], first: int, last: int) -> None:
        """How much text went out with which number; only what is new counts."""
        new = events[max(0, self._sent - first) :]
        size = sum(len(event.text) for event in new if isinstance(event, TextDelta))
        self._characters += size
        if size and self._painted is not None:
            self._sizes.append((last, size))


def _for_page(event: Event, *, mark: str) -> Event:
    """What a page need not know stays here: the provider's usage object. `mark` joins the model's name."""
    if isinstance(event, Started) and mark:
        return msgspec.structs.replace(event, model=event.model + mark)
    if isinstance(event, UsageReport) and event.usage.raw is not None:
        return UsageReport(msgspec.structs.replace(event.usage, raw=None))
    return event


def _state_after(event: Event, state: ViewState) -> ViewState:
    if isinstance(event, Finished):
        return _ENDS.get(event.reason, "done")
    return _STATES.get(type(event), state)


def read_message(content: object) -> FromPage | None:
    """The page's message, or None when it is none of ours: a page is not trusted to speak well."""
    try:
        message: FromPage = msgspec.convert(content, FromPage)
    except msgspec.ValidationError:
        return None
    return message
