"""The turns of a chat with the answers that are given to them, as its pages see them.

Callable from any thread; nothing here takes longer than a moment, and nothing is sent.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import msgspec

from streamcell.core.chat_protocol import ChatTotals, ChatTurn
from streamcell.core.conversation import Conversation, Place
from streamcell.core.response import StreamingResponse
from streamcell.core.turns import CUT, ROOT, Turn
from streamcell.errors import UsageError
from streamcell.messages import Message
from streamcell.notebook.chat_run import ChatRun
from streamcell.notebook.session import OVER
from streamcell.notebook.wanted import Wanted, of_turn

Number = TypeVar("Number", int, float)

Recall = Callable[[Turn], ChatRun]
"""The answer that a turn holds, as a run."""


class ChatState:
    """A conversation, the run that answers each turn of it, and what all of them took."""

    def __init__(self, conversation: Conversation, recall: Recall) -> None:
        self._recall = recall
        self._lock = threading.RLock()
        self._replace(conversation)

    def _replace(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._runs: dict[str, ChatRun] = {}
        self._answers: dict[int, ChatRun] = {}
        self._recalled: dict[int, Turn] = {}
        self._asked: dict[int, Wanted] = {}
        self._tokens: dict[int, str] = {}
        self._totals = ChatTotals()

    def replace(self, conversation: Conversation) -> None:
        """Forget everything, and go on with this conversation."""
        with self._lock:
            self._replace(conversation)

    @property
    def conversation(self) -> Conversation:
        """With all that was answered so far."""
        with self._lock:
            self._conversation.versions()
            return self._conversation

    # Asking

    def next(self, question: Wanted) -> Place:
        """Where the answer to a new question will stand."""
        with self._lock:
            turns = self._conversation.turns
            return self._conversation.place_on(turns[-1].id if turns else ROOT, question.messages)

    def instead(self, number: int, question: Wanted) -> Place:
        """Where another answer will stand, or the answer to other words: beside the turn, as a branch of it.

        A turn that has no answer is asked in its own place when its words are the same.
        """
        with self._lock:
            turn = self._turn(number)
            same = None if turn.answered or question != self.asked(number) else number
            return self._conversation.place_on(turn.parent, question.messages, turn=same)

    def asked(self, number: int) -> Wanted:
        """What was asked in this turn."""
        with self._lock:
            return self._asked.get(number) or of_turn(self._turn(number))

    def begin(self, place: Place, question: Wanted, run: ChatRun, *, token: str = "") -> None:
        """The question stands in the conversation now, and `run` answers it; `token` names who asked."""
        with self._lock:
            self._tokens[place.turn.id] = token
            self._conversation.begin(place)
            self._asked[place.turn.id] = question
            self._answers[place.turn.id] = self._runs[run.id] = run

    def go_on(self, number: int, run: ChatRun, *, token: str) -> None:
        """`run` gives the answer of this turn again, and more of it."""
        with self._lock:
            self._tokens[number] = token
            self._answers[number] = self._runs[run.id] = run

    def settle(self, run: ChatRun) -> None:
        """`run` is over: its answer stands in the conversation, and what it took is counted."""
        with self._lock:
            self._conversation.versions()
            self._totals = _more(self._totals, run.stream.response)
        run.settled.set()

    # Changing

    def switch(self, number: int, branch: int) -> None:
        with self._lock:
            index = self._index(number)
            if not 0 <= branch < len(self._conversation.branches(index)):
                raise UsageError("that version of the message is not there any more")
            self._conversation.switch(index, branch)

    def delete(self, number: int) -> list[ChatRun]:
        """Forget the turn and what follows on it; the runs that answered there."""
        with self._lock:
            gone = self._conversation.delete(self._index(number))
            for one in gone:
                self._asked.pop(one, None)
                self._tokens.pop(one, None)
            runs = [self._answers.pop(one) for one in gone if one in self._answers]
            for run in runs:
                self._runs.pop(run.id, None)
            return runs

    # Looking

    def run(self, name: str) -> ChatRun | None:
        return self._runs.get(name)

    def answer(self, number: int) -> ChatRun:
        """The run that answers the turn; raises `UsageError` when nobody was asked."""
        with self._lock:
            run = self._answering(self._turn(number))
            if run is None:
                raise UsageError("this message has no answer yet")
            return run

    def turns(self) -> list[ChatTurn]:
        """What the pages show."""
        with self._lock:
            return [
                self._shown(turn, [one.id for one in versions])
                for turn, versions in zip(
                    self._conversation.turns, self._conversation.versions(), strict=True
                )
            ]

    def answers(self) -> list[tuple[Turn, StreamingResponse | None]]:
        """The turns that are followed, in the user's own words, with the answers that were given here."""
        with self._lock:
            return [self._lasting(turn) for turn in self._conversation.turns]

    def totals(self) -> ChatTotals:
        with self._lock:
            return msgspec.structs.replace(self._totals, turns=len(self._conversation))

    def _lasting(self, turn: Turn) -> tuple[Turn, StreamingResponse | None]:
        run = self._answers.get(turn.id)
        if run is None or run.recalled:
            return turn, None
        asked = self.asked(turn.id)
        files = [f"[attached: {one.name}, {one.size:,} bytes]" for one in asked.attached]
        said = "\n\n".join(filter(None, [asked.text, *files]))
        return Turn(turn.id, (Message("user", said),)), run.stream.response

    def _shown(self, turn: Turn, versions: list[int]) -> ChatTurn:
        run = self._answering(turn)
        asked = self.asked(turn.id)
        shown = ChatTurn(
            turn.id,
            asked.text,
            attached=list(asked.attached),
            branch=versions.index(turn.id),
            branches=len(versions),
            token=self._tokens.get(turn.id, ""),
        )
        if run is None:
            return shown
        snapshot = run.snapshot()
        response = run.stream.response
        return msgspec.structs.replace(
            shown,
            run=run.id,
            model=run.model,
            state=snapshot.state,
            next=snapshot.next,
            characters=snapshot.characters,
            continues=bool(response.stop_reason in CUT and response.text and response.continuation),
        )

    def _answering(self, turn: Turn) -> ChatRun | None:
        """The run of this turn; one that the conversation holds from elsewhere is recalled."""
        run = self._answers.get(turn.id)
        stale = run is not None and run.recalled and self._recalled.get(turn.id) is not turn
        if (run is None or stale) and turn.answered:
            run = self._recall(turn)
            self._recalled[turn.id] = turn
            self._answers[turn.id] = self._runs[run.id] = run
        return run

    def _turn(self, number: int) -> Turn:
        return self._conversation[self._index(number)]

    def _index(self, number: int) -> int:
        numbers = [turn.id for turn in self._conversation.turns]
        if number not in numbers:
            raise UsageError("that message is not there any more")
        return numbers.index(number)


def as_told(turn: ChatTurn) -> ChatTurn:
    """What of a turn is worth telling again: how an answer that comes grows is told by its events."""
    if turn.state in OVER or not turn.run:
        return turn
    return msgspec.structs.replace(turn, state="waiting", next=0, characters=None)


def _more(totals: ChatTotals, response: StreamingResponse) -> ChatTotals:
    usage = response.usage
    return msgspec.structs.replace(
        totals,
        input_tokens=_sum(totals.input_tokens, usage.input_tokens),
        output_tokens=_sum(totals.output_tokens, usage.output_tokens),
        cost=_sum(totals.cost, response.metrics.cost),
    )


def _sum(one: Number | None, other: Number | None) -> Number | None:
    return one if other is None else other if one is None else one + other
