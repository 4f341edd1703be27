"""What kernel and page say to each other about one view. The TypeScript side is printed from these types.

A run's events are numbered from 0 in its log. The kernel sends the page **batches**: the events
`first <= n < next` with neighbouring deltas joined. The page applies a batch whose `first` is the number it
has reached, drops one it already has, and asks for a **sync** from where it stands when there is a gap; the
kernel answers with a batch made afresh from the log, so a lost, late or repeated message, a reload and a
second page are all the same case. The one synced trait is the **snapshot**, small and of constant size:
which run, how far it is, its state and figures.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from streamcell.events import Event

PROTOCOL = 1

ViewState = Literal[
    "waiting", "thinking", "streaming", "tool", "approval", "retrying", "done", "stopped", "failed"
]
Format = Literal["markdown", "text", "code", "json", "table"]
"""How the answer's text is shown; `table`: it is JSON, a list of rows or one row."""
Part = Literal["maths", "highlight"]
"""Code of the page that only some answers need; it is sent when one does."""


class Figures(msgspec.Struct, frozen=True, omit_defaults=True):
    """The status bar: seconds, tokens per second, US dollars; None (absent) where unknown."""

    elapsed: float
    chunks: int = 0
    characters: int = 0
    time_to_first_token: float | None = None
    tokens: int | None = None
    tokens_estimated: bool = False
    tokens_per_second: float | None = None
    cost: float | None = None
    stalls: int = 0
    retries: int = 0


class Snapshot(msgspec.Struct, frozen=True, omit_defaults=True):
    """The synced trait: enough for a page that missed everything to know what to ask for."""

    run: str
    next: int
    """How many events the log holds; `next` of the last batch when the run is over."""
    state: ViewState
    model: str
    figures: Figures
    characters: int = 0
    """Length of the answer's text in Unicode code points: a page that holds another number asks again."""
    scripted: bool = False
    format: Format = "markdown"


class Batch(msgspec.Struct, frozen=True, tag="batch", omit_defaults=True):
    """Kernel to page: the events `first <= n < next` of `run`, joined."""

    run: str
    first: int
    next: int
    events: list[Event]
    state: ViewState | None = None
    """Absent: as before."""
    figures: Figures | None = None


class Stopping(msgspec.Struct, frozen=True, tag="stopping"):
    """Kernel to page: the stop was heard (the page then does not interrupt the kernel)."""

    run: str


class Bundle(msgspec.Struct, frozen=True, tag="bundle", omit_defaults=True):
    """Kernel to page: the source of the widgets' module, for a page that cannot reach the shared copy.

    With `part`: the source of that part of the page's code.
    """

    version: str
    source: str
    part: Part | None = None


FromKernel = Batch | Stopping | Bundle


class Sync(msgspec.Struct, frozen=True, tag="sync"):
    """Page to kernel: send the events from number `have` on."""

    run: str
    have: int


class Ack(msgspec.Struct, frozen=True, tag="ack"):
    """Page to kernel, at most twice a second: everything before `painted` is on the screen."""

    run: str
    painted: int


class Stop(msgspec.Struct, frozen=True, tag="stop"):
    """Page to kernel: the user wants this run to end."""

    run: str


class Decide(msgspec.Struct, frozen=True, tag="decide", omit_defaults=True):
    """Page to kernel: the user consents to a call, or does not.

    `id` and `digest` are those of the `ApprovalRequest` that the page shows; anything else is not heard.
    """

    run: str
    id: str
    digest: str
    approved: bool
    always: bool = False
    """From now on this tool is not asked about."""


class Gone(msgspec.Struct, frozen=True, tag="gone"):
    """Page to kernel: the live view was replaced by the static output; the widget may be closed."""

    run: str


class NeedBundle(msgspec.Struct, frozen=True, tag="need_bundle", omit_defaults=True):
    """Page to kernel: send the widgets' module, or with `part` that part of the page's code."""

    version: str
    part: Part | None = None


FromPage = Sync | Ack | Stop | Decide | Gone | NeedBundle
