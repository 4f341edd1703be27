"""The turns of a conversation as a tree of branches, and the rules that keep a history sendable.

Values and bookkeeping only: what is asked and remembered is `core.conversation`'s business.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from streamcell.errors import UsageError
from streamcell.messages import (
    ImagePart,
    Message,
    Part,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

ROOT: Final = 0
"""The parent of first turns; no turn has this id."""
NOT_RUN: Final = "This call was not run."
CUT: Final = frozenset({"length", "cancelled", "truncated", "error"})

_CHARACTERS_PER_TOKEN = 4
_TOKENS_PER_MESSAGE = 4
_TOKENS_PER_IMAGE = 1000


class Turn(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question and its answer: the user's messages, then the assistant's and its tools' results.

    `id` is stable and grows in the order of asking. `stop_reason` tells how the answer ended; None while
    there is no answer, or when nobody said. `tokens` are those of input and output together, None if unknown.
    """

    id: int
    messages: tuple[Message, ...]
    parent: int = ROOT
    model: str = ""
    stop_reason: str | None = None
    tokens: int | None = None

    @property
    def question(self) -> str:
        return "\n\n".join(message.content for message in self.messages if message.role == "user")

    @property
    def answer(self) -> str:
        return "\n\n".join(
            said.content for said in self.messages if said.role == "assistant" and said.content
        )

    @property
    def answered(self) -> bool:
        return any(message.role != "user" for message in self.messages)

    @property
    def cut(self) -> bool:
        """Whether the answer was stopped or broke off."""
        return self.stop_reason in CUT


class Branches:
    """All turns, and which one is followed where a conversation forks. Ids grow from parent to child."""

    def __init__(self, turns: Iterable[Turn] = (), followed: Iterable[int] = ()) -> None:
        self.turns: dict[int, Turn] = {}
        self._next: dict[int, int] = {}
        for turn in sorted(turns, key=lambda turn: turn.id):
            if turn.id in self.turns or not (turn.parent == ROOT or turn.parent in self.turns):
                raise UsageError(f"turn {turn.id} stands twice, or on a turn that is not there")
            if turn.id <= ROOT:
                raise UsageError(f"turn {turn.id}: the ids of turns begin at 1")
            self._set(turn)
        for number in followed:
            self.follow(number)

    @property
    def followed(self) -> list[int]:
        return sorted(self._next.values())

    def path(self) -> list[Turn]:
        """The turns that are followed, oldest first."""
        return list(self._after(ROOT))

    def beside(self, turn: Turn) -> list[Turn]:
        """The turns on the same parent, this one included, in the order of asking."""
        return sorted(
            (one for one in self.turns.values() if one.parent == turn.parent), key=lambda one: one.id
        )

    def follow(self, number: int) -> None:
        turn = self.turns.get(number)
        if turn is None:
            raise UsageError(f"there is no turn {number}")
        self._next[turn.parent] = number

    def put(self, turn: Turn) -> None:
        """Take the turn in: in place of the one with its id, else on its parent and among later ones.

        Answers may end in another order than they were asked for; turns that were asked for later and stand
        on the same parent already come to stand on this one.
        """
        known = self.turns.get(turn.id)
        if known is not None:
            self.turns[turn.id] = msgspec.structs.replace(turn, parent=known.parent)
            return
        parent = turn.parent if turn.parent in self.turns else ROOT
        for earlier in self._after(parent):
            if earlier.id > turn.id:
                break
            parent = earlier.id
        followed = self._next.get(parent)
        for later in [one for one in self.turns.values() if one.parent == parent and one.id > turn.id]:
            self.turns[later.id] = msgspec.structs.replace(later, parent=turn.id)
        if followed is not None and followed > turn.id:
            self._next[turn.id] = followed
        self._set(msgspec.structs.replace(turn, parent=parent))

    def fork(self, turn: Turn) -> None:
        """Take the turn in beside the others of its parent, and follow it."""
        self._set(turn)

    def remove(self, number: int) -> list[int]:
        """Forget the turn and what stands on it; the ids that are gone."""
        gone = [number]
        for turn in sorted(self.turns.values(), key=lambda turn: turn.id):
            if turn.parent in gone:
                gone.append(turn.id)
        removed = [self.turns.pop(one) for one in gone]
        for turn in removed:
            self._next.pop(turn.id, None)
        beside = self.beside(removed[0])
        if beside and self._next[removed[0].parent] == number:
            self._next[removed[0].parent] = beside[-1].id
        elif not beside:
            del self._next[removed[0].parent]
        return gone

    def down_to(self, number: int) -> list[Turn]:
        """The turns that this one stands on, oldest first, and itself; none for `ROOT`."""
        turns: list[Turn] = []
        while number != ROOT:
            turns.append(self.turns[number])
            number = self.turns[number].parent
        return turns[::-1]

    def _set(self, turn: Turn) -> None:
        self.turns[turn.id] = turn
        self._next[turn.parent] = turn.id

    def _after(self, number: int) -> Iterator[Turn]:
        following = self._next.get(number)
        while following is not None:
            yield self.turns[following]
            following = self._next.get(following)


def closed(messages: Iterable[Message]) -> list[Message]:
    """The messages as providers take them: a result for every call, and a call for every result.

    A call that was cut before it ran is answered as not run; a result without its call is left out. The
    calls of the last message stay open, for whoever answers them.
    """
    closed: list[Message] = []
    calls: list[ToolCallPart] = []
    for message in messages:
        if message.role == "tool":
            parts = tuple(_answering(message.parts, calls))
            if parts:
                closed.append(Message("tool", parts))
            continue
        closed += _not_run(calls)
        calls = [part for part in message.parts if isinstance(part, ToolCallPart)]
        closed.append(message)
    # Some of the last calls have results: the others will not get theirs in a message that is a user's.
    return closed + _not_run(calls) if closed and closed[-1].role == "tool" else closed


def estimated_tokens(messages: Iterable[Message]) -> int:
    """About how many tokens the messages are: four characters each, a thousand for an image."""
    return sum(_TOKENS_PER_MESSAGE + sum(map(_tokens, message.parts)) for message in messages)


def check_budget(tokens: object) -> None:
    """Raise `UsageError` for what is no number of tokens."""
    if isinstance(tokens, bool) or not (isinstance(tokens, int) and tokens >= 0):
        raise UsageError(f"budget_tokens must be a whole number of 0 or more, not {tokens!r}")


def newest(turns: Sequence[Turn], budget: int) -> list[Turn]:
    """The newest turns that fit into `budget` tokens by our estimate; the last one always does.

    Raises `UsageError` for what `check_budget` refuses.
    """
    check_budget(budget)
    kept: list[Turn] = []
    for turn in reversed(turns):
        budget -= estimated_tokens(turn.messages)
        if kept and budget < 0:
            break
        kept.append(turn)
    return kept[::-1]


def _answering(parts: Iterable[Part], calls: list[ToolCallPart]) -> Iterator[Part]:
    """The results that answer one of `calls`, which is taken off the list."""
    for part in parts:
        call = next((c for c in calls if isinstance(part, ToolResultPart) and c.id == part.id), None)
        if call is not None:
            calls.remove(call)
            yield part


def _not_run(calls: Iterable[ToolCallPart]) -> list[Message]:
    results = tuple(ToolResultPart(call.id, call.name, NOT_RUN, error=True) for call in calls)
    return [Message("tool", results)] if results else []


def _tokens(part: Part) -> int:
    match part:
        case TextPart() | ReasoningPart():
            characters = len(part.text)
        case ToolCallPart():
            characters = len(part.name) + len(str(part.arguments))
        case ToolResultPart():
            characters = len(part.content)
        case ImagePart():
            return _TOKENS_PER_IMAGE
    return -(-characters // _CHARACTERS_PER_TOKEN)
