"""A chat without a page or a kernel: what its pages would be told, kept."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from streamcell.core.chat_protocol import Completions, Said, Thread
from streamcell.core.conversation import Conversation
from streamcell.core.protocol import Batch
from streamcell.events import TextDelta
from streamcell.notebook.answering import answering
from streamcell.notebook.chat_pages import ChatPages
from streamcell.notebook.chat_session import ChatSession
from streamcell.notebook.names import Names


class Page:
    """The channel of a chat; what is told is sent at once, without a pacer."""

    def __init__(self, who, *, conversation=None, names=None, **look):
        self.told = []
        self.threads = []
        self.bundles = 0
        self.lasting = 0
        self.renewed = 0
        self.namespace = {} if names is None else names
        self.session = ChatSession(
            answering(who) if callable(who) or isinstance(who, str) else who,
            self,
            conversation=Conversation() if conversation is None else conversation,
            wake_pacer=lambda paced: paced.flush(0.0),
            look=Thread([], "", **look),
        )
        self.pages = ChatPages(self.session, self, Names(self.namespace))
        self.session.publish()

    def tell(self, message):
        self.told.append(message)

    def publish(self, thread):
        self.threads.append(thread)

    def deliver_bundle(self, part):
        del part
        self.bundles += 1

    def deliver_lasting(self):
        self.lasting += 1

    def renew(self):
        self.renewed += 1

    def say(self, message):
        """Do what a page asks, and wait for the answer if one comes of it; the thread after it."""
        self.pages.act(message)
        return self.wait()

    def wait(self):
        last = self.session.last
        if last is not None and not last.finished:
            for _ in last.events():
                pass
        return self.threads[-1]

    @property
    def said(self):
        return [message for message in self.told if isinstance(message, Said | Completions)]

    def text(self, run):
        """The answer as the page would have drawn it."""
        batches = [one for one in self.told if isinstance(one, Batch) and one.run == run]
        reached, text = 0, ""
        for batch in batches:
            if batch.first == reached:
                reached = batch.next
                text += "".join(event.text for event in batch.events if isinstance(event, TextDelta))
        return text


class Slow:
    """A function that says one word, and the other when it is let."""

    def __init__(self):
        self.may_end = threading.Event()

    def __call__(self, message: str, history: list[dict[str, str]]) -> Iterator[str]:
        yield "begun"
        self.may_end.wait()
        yield " and ended"


def echo(message, history):
    return f"{message} after {len(history)}"
