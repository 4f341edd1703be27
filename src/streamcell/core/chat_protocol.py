"""What a chat's kernel and page say to each other, beside the messages of each answer (`core.protocol`).

The page always shows one branch of a conversation, the **thread**: a synced trait with the questions and
where each answer stands. Answers are runs like any other: their events come in batches by run, asked for
with a sync. What the page asks to be done is checked by the kernel against the thread as it is then.
"""

from __future__ import annotations

import msgspec

from streamcell.core.protocol import ViewState


class Attached(msgspec.Struct, frozen=True, omit_defaults=True):
    """A file that goes with a question; `size` in bytes."""

    name: str
    media_type: str
    size: int = 0


class ChatTurn(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question, and which run answers it; `run` is empty while nobody was asked.

    `branch` counts from 0 among the `branches` versions of this turn.
    """

    id: int
    question: str
    run: str = ""
    model: str = ""
    state: ViewState = "waiting"
    attached: list[Attached] = []
    branch: int = 0
    branches: int = 1
    next: int = 0
    """How many events the run's log holds."""
    continues: bool = False
    """The answer was cut and can be continued."""
    characters: int | None = None
    """Length of the answer's text in Unicode code points; None while nobody counted."""
    token: str = ""
    """Names the page's message that brought this version about, so that the page can stop repeating it."""


class ChatTotals(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the whole conversation took; None where nobody knows. Cost in US dollars."""

    turns: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None


class Thread(msgspec.Struct, frozen=True, omit_defaults=True):
    """The synced trait of a chat."""

    turns: list[ChatTurn]
    model: str
    models: list[str] = []
    """What the model picker offers; empty: no picker."""
    title: str = ""
    suggestions: list[str] = []
    totals: ChatTotals = ChatTotals()
    scripted: bool = False
    show_metrics: bool = True
    height: str = ""
    """A CSS length for the messages' area; empty: it grows."""


class SentFile(msgspec.Struct, frozen=True):
    """A pasted or dropped file; `data` is base64."""

    name: str
    media_type: str
    data: str


class Send(msgspec.Struct, frozen=True, tag="send", omit_defaults=True):
    """Page to kernel: ask this. `token` names the message, so that one that comes twice is asked once."""

    token: str
    text: str
    files: list[SentFile] = []
    model: str = ""


class Edit(msgspec.Struct, frozen=True, tag="edit", omit_defaults=True):
    """Page to kernel: ask turn `turn` in other words; the old wording stays as a branch."""

    token: str
    turn: int
    text: str


class Regenerate(msgspec.Struct, frozen=True, tag="regenerate", omit_defaults=True):
    """Page to kernel: answer turn `turn` anew, by another model if one is named; the old answer stays."""

    token: str
    turn: int
    model: str = ""


class Resume(msgspec.Struct, frozen=True, tag="resume"):
    """Page to kernel: go on where the answer of this turn was cut."""

    token: str
    turn: int


class Switch(msgspec.Struct, frozen=True, tag="switch"):
    """Page to kernel: show version `branch` of turn `turn`."""

    turn: int
    branch: int


class Delete(msgspec.Struct, frozen=True, tag="delete"):
    """Page to kernel: forget this turn and what follows on it."""

    turn: int


class Clear(msgspec.Struct, frozen=True, tag="clear"):
    """Page to kernel: begin afresh."""


class Keep(msgspec.Struct, frozen=True, tag="keep"):
    """Page to kernel: put the answer of this turn into a variable of the notebook."""

    turn: int
    name: str


class Complete(msgspec.Struct, frozen=True, tag="complete"):
    """Page to kernel: the names of the variables that begin so, please."""

    prefix: str


class NeedLasting(msgspec.Struct, frozen=True, tag="need_lasting"):
    """Page to kernel: what lasts of the chat, please; the output that holds it has missed a change."""


class Lasting(msgspec.Struct, frozen=True, tag="lasting"):
    """Kernel to page: what lasts of the chat without a kernel, as inert HTML and as text."""

    html: str
    text: str


class Completions(msgspec.Struct, frozen=True, tag="completions"):
    """Kernel to page: names of variables, with what each would insert, in one line."""

    prefix: str
    names: list[str]
    hints: list[str]


class Said(msgspec.Struct, frozen=True, tag="said"):
    """Kernel to page: one line for the user: why something was not done, or that it was.

    `token` names the page's message that was refused; the page then gives the question back.
    """

    text: str
    error: bool = False
    token: str = ""


FromChat = Completions | Lasting | Said
ToChat = Send | Edit | Regenerate | Resume | Switch | Delete | Clear | Keep | Complete | NeedLasting
