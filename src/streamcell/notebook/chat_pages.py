"""What the pages of a chat ask for: checked, done once, and answered with a line where it cannot be done.

A page is not trusted: it may repeat itself, speak of turns that are gone, or be of another version. A message
that was refused may come again under its name.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Final, assert_never

import msgspec

from streamcell.core.chat_protocol import (
    Clear,
    Complete,
    Delete,
    Edit,
    Keep,
    NeedLasting,
    Regenerate,
    Resume,
    Said,
    Send,
    Switch,
    ToChat,
)
from streamcell.core.protocol import FromPage, NeedBundle
from streamcell.errors import StreamcellError
from streamcell.notebook import wanted
from streamcell.notebook.chat_session import Channel, ChatSession
from streamcell.notebook.names import Names
from streamcell.notebook.wanted import Wanted

log = logging.getLogger("streamcell")

TOKENS_KEPT: Final = 256
"""How many messages are known again when they come twice."""

_Asking = Send | Edit | Regenerate | Resume


class ChatPages:
    """Hears what pages say, on any thread."""

    def __init__(self, session: ChatSession, channel: Channel, names: Names) -> None:
        self._session = session
        self._channel = channel
        self._names = names
        self._tokens: deque[str] = deque(maxlen=TOKENS_KEPT)
        self._lock = threading.Lock()

    def hear(self, content: object) -> ToChat | None:
        """A message: what needs no time is done at once, anything else is given back for `act`."""
        try:
            message: FromPage | ToChat = msgspec.convert(content, FromPage | ToChat)
        except msgspec.ValidationError:
            self._refuse("the page and the kernel do not fit together; reload the page")
            return None
        # However it came to be shown (in a box, in marimo): a page that speaks is there.
        self._session.attach()
        if not isinstance(message, FromPage):
            return message
        if isinstance(message, NeedBundle):
            self._channel.deliver_bundle(message.part)
        elif (run := self._session.state.run(message.run)) is not None:
            run.receive(message, time.monotonic())
        return None

    def act(self, message: ToChat) -> None:
        """Do what may take a while; it does not raise."""
        token = message.token if isinstance(message, _Asking) else ""
        try:
            with self._lock:
                self._act(message)
        except StreamcellError as error:
            self._refuse(str(error), token)
        except Exception as error:
            log.exception("a chat could not do what its page asked")
            self._refuse(f"internal error, please report it: {type(error).__name__}", token)

    def _act(self, message: ToChat) -> None:
        match message:
            case Send() | Edit() | Regenerate() | Resume():
                if message.token not in self._tokens:
                    self._ask(message)
                    self._tokens.append(message.token)
            case Switch():
                self._session.switch(message.turn, message.branch)
            case Delete():
                self._session.delete(message.turn)
            case Clear():
                self._session.clear()
            case Keep():
                answer = self._session.state.answer(message.turn).stream.response
                self._channel.tell(Said(self._names.keep(message.name, answer)))
            case Complete():
                self._channel.tell(self._names.complete(message.prefix))
            case NeedLasting():
                self._channel.deliver_lasting()
            case _:
                assert_never(message)

    def _ask(self, message: _Asking) -> None:
        session = self._session
        match message:
            case Send():
                question = self._noted(wanted.of_page(message.text, message.files, self._names))
                session.send(question, token=message.token, model=message.model)
            case Edit():
                asked = session.state.asked(message.turn)
                question = self._noted(wanted.in_other_words(asked, message.text, self._names))
                session.reword(message.turn, question, token=message.token)
            case Regenerate():
                asked = session.state.asked(message.turn)
                session.reword(message.turn, asked, token=message.token, model=message.model)
            case Resume():
                session.resume(message.turn, token=message.token)
            case _:
                assert_never(message)

    def _noted(self, question: Wanted) -> Wanted:
        if question.note:
            self._channel.tell(Said(question.note))
        return question

    def _refuse(self, why: str, token: str = "") -> None:
        self._channel.tell(Said(why, error=True, token=token))
