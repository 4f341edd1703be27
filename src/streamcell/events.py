"""The vocabulary: what one run says, as a closed union of frozen events.

Providers produce these; everything else (fold, metrics, views, wire, recordings, agents) reads them.
This module knows no provider, no clock and no transport.

A run is a sequence that obeys this grammar, which `core.fold` asserts::

    run     = {Retrying} Started {content | UsageReport} Finished
            | {Retrying} Finished                     (nothing was ever received)
    content = TextDelta | ReasoningDelta | ToolCallDelta | ToolCall | ApprovalRequest | ApprovalResult
            | ToolResult | Citation | Notice

`Finished` is always last and always comes, also after a cancel. `part` numbers the piece of the answer a
delta belongs to (a content block, a choice's text, one tool call); parts appear in order and never interleave
with themselves. An agent's run holds several model turns; each turn after the first begins with another
`Started`, which may have `Retrying`s of its own before it, and counts its parts anew. Between two turns stand
the results of the calls that the first of them made, each after the request for consent and its answer, if
there was one.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

StopReason = Literal[
    "stop", "length", "tool_calls", "filter", "refusal", "cancelled", "truncated", "error", "unknown"
]
STOP_REASONS: frozenset[str] = frozenset(get_args(StopReason))

ErrorKind = Literal[
    "connect",
    "tls",
    "timeout_connect",
    "timeout_first",
    "timeout_idle",
    "timeout_total",
    "auth",
    "permission",
    "not_found",
    "bad_request",
    "too_large",
    "rate_limit",
    "overloaded",
    "server",
    "conflict",
    "payment",
    "protocol",
    "truncated",
    "provider",
    "limit",
    "backpressure",
    "redirect",
    "tool",
    "usage",
    "cancelled",
]


class Usage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Token counts of one answer; None where the provider did not say (never an invented zero)."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    reasoning_tokens: int | None = None
    cached_tokens: int | None = None
    raw: dict[str, Any] | None = None
    """The provider's own usage object, merged over all the payloads that carried one."""


class ErrorInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What went wrong, in a form that travels; `errors.from_info` makes the exception of it."""

    kind: ErrorKind
    message: str
    retryable: bool = False
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    """Seconds the server asked to wait."""
    request_id: str | None = None


class Started(msgspec.Struct, frozen=True, tag="started", omit_defaults=True):
    """The provider has begun to answer."""

    provider: str
    model: str
    request_id: str | None = None
    scripted: bool = False
    """True when no model answered: the text comes from a script and every display says so."""
    streamed: bool = True
    """False when the answer came whole, from a blocking call."""


class TextDelta(msgspec.Struct, frozen=True, tag="text", omit_defaults=True):
    """A piece of the answer's text."""

    text: str
    part: int = 0


class ReasoningDelta(msgspec.Struct, frozen=True, tag="reasoning", omit_defaults=True):
    """A piece of the model's visible thinking; `signature` must be handed back unchanged in a later turn."""

    text: str
    part: int = 0
    signature: str | None = None


class ToolCallDelta(msgspec.Struct, frozen=True, tag="tool_call_delta", omit_defaults=True):
    """A piece of a tool call: its name as soon as it is known, then pieces of the arguments' JSON."""

    part: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""
    server: bool = False


class ToolCall(msgspec.Struct, frozen=True, tag="tool_call", omit_defaults=True):
    """A whole tool call; `arguments` is None when `raw_arguments` is no JSON object.

    `server`: the provider ran it, and it must not be run here.
    """

    part: int
    id: str
    name: str
    arguments: dict[str, Any] | None = None
    raw_arguments: str = ""
    server: bool = False


class ApprovalRequest(msgspec.Struct, frozen=True, tag="approval_request"):
    """The run waits for the user's consent to the call with this id.

    `digest` is made of the tool and its arguments: an answer that does not name it is none.
    """

    id: str
    name: str
    digest: str


class ApprovalResult(msgspec.Struct, frozen=True, tag="approval_result"):
    """The consent was given or refused."""

    id: str
    name: str
    approved: bool


class ToolResult(msgspec.Struct, frozen=True, tag="tool_result", omit_defaults=True):
    """What a tool answered; `seconds` is how long it ran and `printed` what it printed, when we ran it."""

    id: str
    name: str
    content: str
    error: bool = False
    server: bool = False
    seconds: float | None = None
    printed: str = ""


class Citation(msgspec.Struct, frozen=True, tag="citation", omit_defaults=True):
    """A source the answer names; `quote` is the cited passage."""

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    part: int = 0


class Notice(msgspec.Struct, frozen=True, tag="notice", omit_defaults=True):
    """Something said beside the answer: a piece of a refusal, a verdict, a thing we could not translate."""

    kind: Literal["refusal", "moderation", "dropped", "fallback", "continued"]
    text: str
    part: int = 0


class Retrying(msgspec.Struct, frozen=True, tag="retrying", omit_defaults=True):
    """An attempt failed before any content; the next begins after `delay` seconds.

    Attempt 0: nothing was sent yet, the provider told another run of this key to wait.
    """

    attempt: int
    delay: float
    error: ErrorInfo


class UsageReport(msgspec.Struct, frozen=True, tag="usage", omit_defaults=True):
    """The usage known so far; a later report replaces an earlier one of the same turn."""

    usage: Usage


class Finished(msgspec.Struct, frozen=True, tag="finished", omit_defaults=True):
    """The end of a run (or, from a decoder, of one model turn). `stop` is the provider's own word."""

    reason: StopReason
    error: ErrorInfo | None = None
    stop: str | None = None


Event = (
    Started
    | TextDelta
    | ReasoningDelta
    | ToolCallDelta
    | ToolCall
    | ApprovalRequest
    | ApprovalResult
    | ToolResult
    | Citation
    | Notice
    | Retrying
    | UsageReport
    | Finished
)

EVENT_TYPES: tuple[type[msgspec.Struct], ...] = get_args(Event)
CONTENT = (
    TextDelta, ReasoningDelta, ToolCallDelta, ToolCall, ApprovalRequest, ApprovalResult, ToolResult, Citation,
    Notice,
)  # fmt: skip
"""Events that show a user something: after the first of them a run is committed and never retried."""
