"""`ChatWidget`: a conversation in a notebook. Traits, comm and places on the page; the rest is the session's.

Displayed, it takes two outputs: what lasts (inert HTML and text, made anew after every turn) and, right
behind it, the live view, which hides the other one. No answer, key or request is in a trait.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextvars import Context
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from uuid import uuid4

import anywidget
import msgspec
import traitlets
from IPython.core.getipython import get_ipython
from IPython.display import display as publish

from streamcell.agent import Agent
from streamcell.approvals import Policy
from streamcell.core import chat_protocol
from streamcell.core.chat_protocol import ChatTotals, FromChat, Thread
from streamcell.core.conversation import Conversation
from streamcell.core.metrics import Metrics
from streamcell.core.prompt import Prompt
from streamcell.core.protocol import FromKernel, Part
from streamcell.core.tools import Tool
from streamcell.errors import UsageError
from streamcell.handle import Stream
from streamcell.io.cursor import Cursor
from streamcell.messages import Message
from streamcell.notebook import consent, kernel, wanted
from streamcell.notebook.answering import Function, answering
from streamcell.notebook.cell import Cell
from streamcell.notebook.chat_pages import ChatPages
from streamcell.notebook.chat_session import ChatSession
from streamcell.notebook.display import TerminalDisplay
from streamcell.notebook.errands import Errands
from streamcell.notebook.folded import folded
from streamcell.notebook.lasting import Lasting
from streamcell.notebook.names import Names
from streamcell.notebook.page_code import delivery, layout, page_code, source, unopened_layout
from streamcell.notebook.view import wake_pacer

BUNDLE: Final = "chat.js"
LOADER: Final = "chat_loader.js"
VIEW: Final = "application/vnd.jupyter.widget-view+json"
NOT_LIVE: Final = "<p><small>Kept from a chat, and not live: run the cell again to go on.</small></p>"
"""Stands below what lasts, where readers see it once the live view is gone."""

KEPT: Final = "What the notebook keeps of this chat"
"""Stands above what lasts, where it is seen beside the live view."""

NO_KERNEL: Final = "The live view of this chat needs a running kernel; run the cell again to go on."


class ChatWidget(anywidget.AnyWidget):
    """A chat with a model, an `Agent` or a function of your own; it may be displayed several times.

    A function is called as ``function(message, history)`` with a text and a list of ``{"role", "content"}``,
    and gives text, an iterator of text (both sync or async) or a `Stream`. `conversation` is one to go on
    with, or the `.json` file of one; `models` are those that a page may choose from; `approve` says who
    consents to the calls of `tools` (the user, on the page, unless said). `height` is a CSS length or pixels.

    All methods may be called from any thread. Raises `UsageError` for what cannot answer.
    """

    version = traitlets.Unicode().tag(sync=True)
    bundle_ref = traitlets.Unicode().tag(sync=True)
    thread = traitlets.Dict().tag(sync=True)

    def __init__(
        self,
        model_or_agent_or_handler: str | Agent | Function | None = None,
        *,
        system: str | None = None,
        tools: Sequence[Tool | Callable[..., Any]] | None = None,
        title: str = "",
        height: str | int | None = None,
        suggestions: Sequence[str] = (),
        show_metrics: bool = True,
        conversation: Conversation | str | Path | None = None,
        models: Sequence[str] = (),
        approve: Policy | None = None,
    ) -> None:
        shell = get_ipython()
        self._host = kernel.room(shell)
        self._errands = Errands()
        self._lasting = Lasting()
        self._lasting_id = uuid4().hex
        self._displayed = False
        self._apart = False
        self._session = ChatSession(
            answering(model_or_agent_or_handler, system=system, tools=tools, approve=approve, models=models),
            self,
            conversation=_begun(conversation, system),
            wake_pacer=wake_pacer,
            look=Thread(
                [],
                "",
                title=title,
                suggestions=list(suggestions),
                show_metrics=show_metrics,
                height=f"{height}px" if isinstance(height, int) else height or "",
            ),
        )
        names = Names() if shell is None else Names(shell.user_ns, shell.user_ns_hidden)
        self._pages = ChatPages(self._session, self, names)
        self._title = title
        code = page_code(BUNDLE) if self._host == "page" else None
        self._esm = "export default {}" if code is None else source(LOADER)
        super().__init__(
            version="" if code is None else code.version,
            bundle_ref="" if code is None else code.model_id,
            thread=msgspec.to_builtins(self._session.thread()),
            layout=unopened_layout() if code is None else layout(),
        )
        self.on_msg(self._receive)

    # What users do

    @property
    def conversation(self) -> Conversation:
        """The conversation, with all that was answered so far."""
        return self._session.state.conversation

    @property
    def messages(self) -> list[Message]:
        """Everything said, the system prompt first."""
        return self.conversation.messages

    @property
    def metrics(self) -> Metrics:
        """The figures of the last answer, which may still grow; all unknown before the first."""
        return Metrics() if self._session.last is None else self._session.last.ledger.metrics()

    @property
    def totals(self) -> ChatTotals:
        """Turns, tokens and US dollars of all that was asked in this chat; None where nobody knows."""
        return self._session.state.totals()

    def send(self, text: Prompt) -> Stream:
        """Ask; the answer is on its way on every page that shows the chat.

        Returns at once where there is a page; where there is none, when the answer has ended. A terminal
        shows it meanwhile. Raises `UsageError` while another answer comes; the errors of an answer are raised
        by ``stream.result()``.
        """
        shell = get_ipython()
        if self._host == "terminal" and consent.can_ask(shell):
            self._session.attach()
        stream = self._session.ask(wanted.of_python(text))
        match self._host:
            case "terminal":
                display = TerminalDisplay(plain=not sys.stdout.isatty())
                cell = Cell(stream, display, number=0, model="", leave=lambda _response: None)
                cell.begin()
                cell.wait()
            case "no_page":
                _wait(stream)
            case "page":
                pass
        return stream

    def stop(self) -> None:
        """End the answer that comes, if one does; what came of it stays."""
        self._session.stop()

    def clear(self) -> None:
        """Begin afresh, with the same system prompt."""
        self._session.clear()

    def load(self, path: str | Path) -> None:
        """Go on with the conversation of a `.json` file; raises `UsageError` when it holds none."""
        self._session.replace(Conversation.load(path))

    def export(self, path: str | Path) -> None:
        """Write the conversation: `.json` can be loaded again, `.md` and `.ipynb` are for reading."""
        self.conversation.save(path)

    def view(self, kind: Literal["static"]) -> StaticChat:
        """The conversation of this moment as what lasts without a kernel."""
        if kind != "static":
            raise UsageError(f'view takes "static", not {kind!r}; the chat itself is its live view')
        return StaticChat(self._bundle())

    # What the session's channel does

    def tell(self, message: FromKernel | FromChat) -> None:
        super().send(msgspec.to_builtins(message))

    def publish(self, thread: Thread) -> None:
        self.thread = msgspec.to_builtins(thread)

    def deliver_bundle(self, part: Part | None) -> None:
        self.tell(delivery(BUNDLE, part))

    def deliver_lasting(self) -> None:
        kept = self._kept()
        self.tell(chat_protocol.Lasting(kept["text/html"], kept["text/plain"]))

    def renew(self) -> None:
        if self._displayed:
            # Without the context of a cell that is over: executors ignore what claims to belong to one.
            Context().run(self._display_lasting, update=True)

    # Widget and display

    def open(self) -> None:
        """Without a page there is nobody to open a comm to, and an executor would save the widget's state."""
        if self._host == "page":
            super().open()

    def close(self) -> None:
        # Called by the garbage collection, too, of a chat that was refused before it had a session.
        if "_session" in vars(self):
            self.stop()
        super().close()

    def _ipython_display_(self) -> None:
        if self._host == "terminal":
            print(self._bundle()["text/plain"])  # noqa: T201 - what the user asked to see
            return
        self._apart = kernel.draws_apart(get_ipython())
        self._display_lasting(update=False)
        self._displayed = True
        if self._host == "page":
            self._session.attach()
            place = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
            publish({VIEW: place, "text/plain": NO_KERNEL}, raw=True)

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """For rooms that have a comm but no IPython."""
        if self._host != "page":
            return self._bundle()
        self._session.attach()
        return super()._repr_mimebundle_(**kwargs)

    def __repr__(self) -> str:
        model, turns = self._session.model, self.totals.turns
        return f"<ChatWidget {model}, {'1 turn' if turns == 1 else f'{turns} turns'}>"

    def _display_lasting(self, *, update: bool) -> None:
        publish(self._kept(), raw=True, display_id=self._lasting_id, update=update)

    def _kept(self) -> dict[str, str]:
        """What lasts, for an output that a live view hides as long as it is there."""
        bundle = self._bundle()
        if self._host != "page":
            return bundle
        if self._apart:
            return folded(bundle, line=KEPT)
        return {**bundle, "text/html": f"{bundle['text/html']}\n{NOT_LIVE}"}

    def _bundle(self) -> dict[str, str]:
        return self._lasting.bundle(self._session.state.answers(), title=self._title)

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        message = self._pages.hear(content)
        if message is not None:
            self._errands.hand_over(lambda: self._pages.act(message))


class StaticChat(NamedTuple):
    """What lasts of a chat; displaying it shows it."""

    bundle: dict[str, str]

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return self.bundle


def _begun(conversation: Conversation | str | Path | None, system: str | None) -> Conversation:
    if conversation is None:
        return Conversation(system)
    begun = conversation if isinstance(conversation, Conversation) else Conversation.load(conversation)
    if system is not None:
        begun.system = system
    return begun


def _wait(stream: Stream) -> None:
    """Until the end, whatever that is; Ctrl-C stops the stream."""
    cursor = Cursor(stream.ledger.events)
    try:
        while cursor.wait():
            cursor.take()
    except KeyboardInterrupt:
        stream.cancel()
        raise
