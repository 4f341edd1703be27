"""A conversation: turns in order, with their branches, to be asked on, kept in a file, and read.

Pure. It sends nothing and knows no stream: who asks takes a `Place`, and the answer is put there when it
ends. How turns fork is `core.turns`' business, how they are shown `core.transcript`'s.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import msgspec

from streamcell.core import conversation_file, said, transcript
from streamcell.core.conversation_file import Saved
from streamcell.core.prompt import Prompt, to_messages
from streamcell.core.turns import ROOT, Branches, Turn, check_budget, closed, newest
from streamcell.errors import UsageError
from streamcell.messages import Message, TextPart

if TYPE_CHECKING:
    from streamcell.core.response import StreamingResponse


class Conversation:
    """Turns that a model remembers: ``stream(prompt, model, conversation=c)`` goes on with them.

    A turn is a question and its answer; ``c[i]``, ``len(c)`` and ``for turn in c`` are those of the branch
    that is followed. With `budget_tokens` a request carries the newest turns only (see `truncate`).

    A conversation belongs to one thread. Streams may end on any other: what they said is in `turns` at the
    next look.
    """

    def __init__(self, system: str | None = None, *, budget_tokens: int | None = None) -> None:
        if budget_tokens is not None:
            check_budget(budget_tokens)
        self.system = system
        self.budget_tokens = budget_tokens
        self._branches = Branches()
        self._last_id = ROOT
        self._arrived: deque[Turn] = deque()
        self._places: dict[int, Place] = {}

    @property
    def turns(self) -> list[Turn]:
        """The turns that are followed, oldest first."""
        return self._settled().path()

    @property
    def messages(self) -> list[Message]:
        """Everything said, the system prompt first, as a provider takes it: a prompt for a next request."""
        return [*self._system(), *closed(said.messages(self.turns))]

    def append(self, message: Prompt | Mapping[str, Any]) -> Turn:
        """Add a message, or several; a text is the user's. The turn that it stands in.

        A user's message begins a turn unless the last one still waits for its answer; any other joins the
        last one. Raises `UsageError` for a system message.
        """
        for one in to_messages([message] if isinstance(message, Mapping) else message):
            turn = self._append(one)
        return turn

    def add(self, response: StreamingResponse) -> Turn:
        """Add an answer with its question, as far as the conversation does not have that already.

        For streams that were asked without ``conversation=``. Raises `UsageError` when the answer still
        grows, or says nothing.
        """
        if response.stop_reason is None:
            raise UsageError("the answer is still growing; add it when it has ended")
        answer = said.answer(response)
        if not answer:
            raise UsageError("the answer says nothing; there is nothing to remember")
        question = said.beyond(said.messages(self.turns), said.without_system(response.prompt_messages))
        turn = self._open_turn() if not question else None
        turn = turn or self._new_turn()
        return self._put(said.told(turn, (*turn.messages, *question, *answer), response))

    def edit(self, index: int, text: str) -> Turn:
        """Ask turn `index` in other words: a new branch, without an answer. The old one can be switched to.

        Pictures of the question are kept. ``stream(c.messages, model, conversation=c)`` gets the answer.
        """
        old = self[index]
        asked = (part for message in old.messages if message.role == "user" for part in message.parts)
        kept = tuple(part for part in asked if not isinstance(part, TextPart))
        question = Message("user", (*to_messages(text)[0].parts, *kept))
        turn = Turn(self._next_id(), (question,), old.parent)
        self._branches.fork(turn)
        return turn

    def branches(self, index: int) -> list[Turn]:
        """All versions of turn `index`, in the order of asking."""
        return self._settled().beside(self[index])

    def switch(self, index: int, branch: int) -> None:
        """Follow version `branch` of turn `index`, and what was said after it."""
        versions = self.branches(index)
        if not -len(versions) <= branch < len(versions):
            raise UsageError(f"turn {index} has {len(versions)} branches; there is no branch {branch}")
        self._branches.follow(versions[branch].id)

    def versions(self) -> list[list[Turn]]:
        """`branches` of each turn that is followed."""
        return [self._branches.beside(turn) for turn in self.turns]

    def delete(self, index: int) -> list[int]:
        """Forget turn `index` and all that was said after it, in all its branches; the ids that are gone.

        Its other versions stay, and the last of them is followed. An answer that is still under way to a
        forgotten turn is not taken.
        """
        gone = self._settled().remove(self[index].id)
        for number in gone:
            self._places.pop(number, None)
        return gone

    def truncate(self, budget_tokens: int) -> list[Message]:
        """The `messages` of the newest turns that fit into a number of tokens, estimated at four characters.

        The system prompt always stays and is not counted; so does the last turn. A turn is kept or dropped
        whole, a tool's call with its result. Raises `UsageError` for what is no such number.
        """
        return [*self._system(), *closed(said.messages(newest(self.turns, budget_tokens)))]

    def place(self, prompt: Prompt, *, instead_of: int | None = None) -> Place:
        """Where the answer to `prompt` will stand: at the end, or in place of the turn with id `instead_of`.

        A prompt that begins with all the conversation's own messages goes on from there. A turn of a branch
        that is not followed is never replaced.
        """
        turns = self.turns
        if instead_of in self._branches.turns and instead_of not in [turn.id for turn in turns]:
            instead_of = None
        if instead_of is not None:
            turns = [turn for turn in turns if turn.id < instead_of]
        asked = to_messages(prompt)
        given = tuple(m for m in asked if m.role == "system" and m.content != (self.system or ""))
        question = said.without_system(asked)
        own = said.messages(turns)
        waiting = self._open_turn() if instead_of is None else None
        if own and question[: len(own)] == own:
            question = question[len(own) :]
            if not question and waiting is None:
                raise UsageError("the conversation has the answer to its last question; ask the next one")
        else:
            waiting = None
        if waiting is not None:
            turns, question = turns[:-1], (*waiting.messages, *question)
        before = turns if self.budget_tokens is None else newest(turns, self.budget_tokens)
        number = instead_of or (waiting.id if waiting else self._next_id())
        turn = Turn(number, question, turns[-1].id if turns else ROOT)
        return Place(self, turn, (*given, *closed((*said.messages(before), *question))))

    def place_on(self, parent: int, question: tuple[Message, ...], *, turn: int | None = None) -> Place:
        """Where the answer to `question` will stand: on the turn with id `parent` (`ROOT`: a first turn).

        It is a new turn, or the one with id `turn`. Turns that have no answer are not sent.
        """
        before = [one for one in self._settled().down_to(parent) if one.answered]
        if self.budget_tokens is not None:
            before = newest(before, self.budget_tokens)
        asked = Turn(self._next_id() if turn is None else turn, question, parent)
        return Place(self, asked, tuple(closed((*said.messages(before), *question))))

    def begin(self, place: Place) -> None:
        """The question of `place` stands in the conversation from now on, and is followed."""
        self._settled().fork(place.turn)

    def arrive(self, place: Place, response: StreamingResponse) -> None:
        """Take the answer that was asked for at `place`; called from any thread.

        One without content is passed by, and so is one that was asked for anew meanwhile.
        """
        answer = said.answer(response)
        if answer and self._places.get(place.turn.id) is place:
            self._arrived.append(said.told(place.turn, (*place.turn.messages, *answer), response))

    def expect(self, place: Place) -> None:
        """The answer that is now asked for at `place` is the one that counts there."""
        self._places[place.turn.id] = place

    def save(self, path: str | Path) -> None:
        """Write a file: `.json` can be loaded again; `.md` and `.ipynb` are for reading.

        The JSON has every branch, and images as base64. Raises `UsageError` when it cannot be written.
        """
        path = Path(path)
        match path.suffix.lower():
            case ".json":
                text = conversation_file.text(self._saved())
            case ".md":
                text = self.to_markdown()
            case ".ipynb":
                text = transcript.notebook(self.turns, system=self.system, name=path.stem)
            case suffix:
                raise UsageError(
                    f"a conversation is saved as .json, .md or .ipynb, not as {suffix or path.name!r}"
                )
        conversation_file.write(path, text)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """The conversation of a `.json` file; raises `UsageError` when it is not there or is none."""
        saved = conversation_file.read(Path(path))
        conversation = cls(saved.system, budget_tokens=saved.budget_tokens)
        conversation._branches = Branches(saved.turns, saved.followed)
        conversation._last_id = max((turn.id for turn in saved.turns), default=ROOT)
        return conversation

    def to_markdown(self) -> str:
        """The turns that are followed, as Markdown."""
        return transcript.markdown(self.turns, system=self.system)

    def __len__(self) -> int:
        return len(self.turns)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self.turns)

    def __getitem__(self, index: int) -> Turn:
        turns = self.turns
        if not -len(turns) <= index < len(turns):
            raise IndexError(f"the conversation has {len(turns)} turns; there is no turn {index}")
        return turns[index]

    def __repr__(self) -> str:
        return f"<Conversation, {len(self)} turns>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return transcript.bundle(self.turns, system=self.system)

    def _settled(self) -> Branches:
        """The branches with all that streams have handed in."""
        with suppress(IndexError):
            while True:
                self._branches.put(self._arrived.popleft())
        return self._branches

    def _append(self, message: Message) -> Turn:
        if message.role == "system":
            raise UsageError("the system prompt is no turn; set conversation.system")
        if message.role == "user":
            turn = self._open_turn() or self._new_turn()
        else:
            turn = self.turns[-1] if self.turns else self._new_turn()
        return self._put(msgspec.structs.replace(turn, messages=(*turn.messages, message)))

    def _open_turn(self) -> Turn | None:
        """The last turn, while it waits for its answer."""
        turns = self.turns
        return turns[-1] if turns and not turns[-1].answered else None

    def _new_turn(self) -> Turn:
        turns = self.turns
        return Turn(self._next_id(), (), turns[-1].id if turns else ROOT)

    def _next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _put(self, turn: Turn) -> Turn:
        self._settled().put(turn)
        return self._branches.turns[turn.id]

    def _system(self) -> list[Message]:
        return [Message("system", (TextPart(self.system),))] if self.system else []

    def _saved(self) -> Saved:
        branches = self._settled()
        return Saved(
            system=self.system,
            budget_tokens=self.budget_tokens,
            turns=list(branches.turns.values()),
            followed=branches.followed,
        )


class Place:
    """Where in a conversation an answer will stand, known when it is asked for. `messages` are to be sent."""

    def __init__(self, conversation: Conversation, turn: Turn, messages: tuple[Message, ...]) -> None:
        self.conversation = conversation
        self.turn = turn
        self.messages = messages
