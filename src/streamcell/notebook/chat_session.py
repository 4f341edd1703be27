"""A chat at work: questions are asked one at a time, and the pages are told how things stand.

It knows no widget and no shell. A `Channel` is its road to the pages, `wake_pacer` gets its answers sent, and
who answers is told. Its methods may be called on any thread: actions follow each other, and a question that
is asked while an answer comes is refused with a `UsageError`.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from streamcell.core.chat_protocol import FromChat, Thread
from streamcell.core.conversation import Conversation, Place
from streamcell.core.protocol import FromKernel, Part
from streamcell.core.turns import Turn
from streamcell.errors import StreamcellError, UsageError
from streamcell.handle import Stream
from streamcell.notebook.answering import Answering
from streamcell.notebook.chat_run import ChatRun
from streamcell.notebook.chat_state import ChatState, as_told
from streamcell.notebook.pacer import Paced
from streamcell.notebook.recalled import failed, recalled
from streamcell.notebook.wanted import Wanted

_SETTLING_SECONDS: Final = 5.0


class Channel(Protocol):
    """The road to all pages that show the chat."""

    def tell(self, message: FromKernel | FromChat) -> None:
        """A message to the pages that are there now."""
        ...

    def publish(self, thread: Thread) -> None:
        """The synced state, also for pages that come later."""
        ...

    def deliver_bundle(self, part: Part | None) -> None:
        """Send the source of the page's own code, or of a part of it."""
        ...

    def deliver_lasting(self) -> None:
        """Send what lasts of the conversation."""
        ...

    def renew(self) -> None:
        """The conversation says something else now: what lasts of it is to be made anew."""
        ...


class ChatSession:
    """What a chat does. `look` holds what a page needs besides its turns (title, suggestions, …)."""

    def __init__(
        self,
        who: Answering,
        channel: Channel,
        *,
        conversation: Conversation,
        wake_pacer: Callable[[Paced], object],
        look: Thread,
    ) -> None:
        self._who = who
        self._channel = channel
        self._wake_pacer = wake_pacer
        self._look = look
        self._model = who.models[0]
        self._numbers = itertools.count(1)
        self._current: ChatRun | None = None
        self._shown = False
        self._acting = threading.RLock()
        self._publishing = threading.RLock()
        self._told: Thread | None = None
        self.state = ChatState(conversation, self._recalled)

    # What Python says

    @property
    def model(self) -> str:
        """Who is asked next."""
        return self._model

    @property
    def last(self) -> Stream | None:
        """The answer that was asked for last."""
        return None if self._current is None else self._current.stream

    def ask(self, question: Wanted) -> Stream:
        """Ask next; raises `UsageError` while an answer comes, and when it cannot be asked."""
        with self._acting:
            self._check_free()
            place = self.state.next(question)
            stream = self._who.ask(place, self._model)
            self._begin(place, question, stream, self._model)
            return stream

    def stop(self) -> None:
        """End the answer that comes, if one does; what came of it stays."""
        if self._current is not None:
            self._current.stream.cancel()

    def replace(self, conversation: Conversation) -> None:
        """Go on with another conversation, and forget this one."""
        with self._acting:
            self.stop()
            self._current = None
            self.state.replace(conversation)
            self._changed()

    def clear(self) -> None:
        """Begin afresh, with the same system prompt."""
        old = self.state.conversation
        self.replace(Conversation(old.system, budget_tokens=old.budget_tokens))

    def attach(self) -> None:
        """A page shows the chat: a user can be asked there for consent."""
        self._shown = True
        if self._current is not None and not self._current.over:
            self._current.stream.approvals.attach()

    def thread(self) -> Thread:
        """The synced state of this moment."""
        return msgspec.structs.replace(
            self._look,
            turns=self.state.turns(),
            model=self._model,
            models=list(self._who.models) if len(self._who.models) > 1 else [],
            totals=self.state.totals(),
            scripted=self._who.is_scripted(self._model),
        )

    # What pages ask for

    def send(self, question: Wanted, *, token: str, model: str = "") -> None:
        """Ask next. What cannot be asked fails in its place, where it can be tried again."""
        with self._acting:
            self._check_free()
            self._ask(self.state.next(question), question, token, model)

    def reword(self, turn: int, question: Wanted, *, token: str, model: str = "") -> None:
        """Ask a turn anew, in the same words or in others."""
        with self._acting:
            self._check_free()
            self._ask(self.state.instead(turn, question), question, token, model)

    def resume(self, turn: int, *, token: str) -> None:
        """Go on where the answer of a turn was cut."""
        with self._acting:
            self._check_free()
            cut = self.state.answer(turn)
            run = self._run(cut.stream.response.continue_(), cut.model)
            self.state.go_on(turn, run, token=token)
            self._start(run)

    def switch(self, turn: int, branch: int) -> None:
        """Show another version of a turn, and what was said after it."""
        with self._acting:
            self.state.switch(turn, branch)
            self._changed()

    def delete(self, turn: int) -> None:
        """Forget a turn and what follows on it, and stop what comes there."""
        with self._acting:
            for run in self.state.delete(turn):
                run.stream.cancel()
            self._changed()

    # How an answer begins and ends

    def _check_free(self) -> None:
        run = self._current
        if run is None:
            return
        if not run.over:
            raise UsageError("an answer is still coming; stop it, or wait for its end")
        # A page hears of the end a moment before the answer stands in the conversation.
        run.settled.wait(_SETTLING_SECONDS)

    def _ask(self, place: Place, question: Wanted, token: str, model: str = "") -> None:
        model = self._who.named(model) if model else self._model
        try:
            stream = self._who.ask(place, model)
        except StreamcellError as error:
            stream = failed(error, place.messages)
        self._begin(place, question, stream, model, token=token)

    def _begin(self, place: Place, question: Wanted, stream: Stream, model: str, *, token: str = "") -> None:
        self._model = model
        run = self._run(stream, model)
        self.state.begin(place, question, run, token=token)
        self._start(run)

    def _start(self, run: ChatRun) -> None:
        """The pages hear of the answer before it begins."""
        self._current = run
        self.publish()
        if self._shown:
            run.stream.approvals.attach()
        if run.over:
            self._settle(run)
            run.wake()
            return
        run.stream.ledger.watch(begun=lambda _: None, finished=lambda _: self._settle(run))
        run.stream.start()

    def _settle(self, run: ChatRun) -> None:
        """An answer is over; called on the thread that ended it, before anybody who waits for it goes on."""
        self.state.settle(run)
        self._changed()

    def _run(self, stream: Stream, model: str, *, recalled: bool = False) -> ChatRun:
        return ChatRun(
            stream,
            self,
            id=str(next(self._numbers)),
            model=model,
            scripted=model in self._who.models and self._who.is_scripted(model),
            wake_pacer=self._wake_pacer,
            recalled=recalled,
        )

    def _recalled(self, turn: Turn) -> ChatRun:
        return self._run(recalled(turn), turn.model, recalled=True)

    # The road of the runs

    def tell(self, message: FromKernel) -> None:
        self._channel.tell(message)

    def moved(self) -> None:
        self.publish()

    def publish(self) -> None:
        """Tell the pages how things stand, if that is not what they were told last."""
        with self._publishing:
            thread = self.thread()
            told = msgspec.structs.replace(thread, turns=list(map(as_told, thread.turns)))
            if told != self._told:
                self._told = told
                self._channel.publish(thread)

    def _changed(self) -> None:
        self.publish()
        self._channel.renew()
