"""The named conversations of a notebook (`%%stream -c NAME`), and which cell asked which of their turns.

A cell that is run again replaces its own turn and drops nothing else. Lives on the main thread. It knows no
magic and no shell; who asks, it is told.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from streamcell.core.conversation import Conversation, Place
from streamcell.core.prompt import Prompt
from streamcell.core.visible import visible
from streamcell.errors import UsageError
from streamcell.notebook.kernel import Asker

_chats: dict[str, Chat] = {}
"""By name; the one that was used last stands last."""


class Chat:
    """A conversation, and the turns that cells own."""

    def __init__(self, name: str, conversation: Conversation | None = None) -> None:
        self.name = name
        self.conversation = Conversation() if conversation is None else conversation
        self._owned: dict[tuple[str, int], int] = {}
        self._run = ""
        self._asked = 0

    def place(self, prompt: Prompt, asker: Asker | None) -> Place:
        """Where the answer will stand: in place of what the same cell asked before, else at the end."""
        owner = self._owner(asker)
        return self.conversation.place(prompt, instead_of=self._owned.get(owner) if owner else None)

    def keep(self, place: Place, asker: Asker | None) -> str | None:
        """The question at `place` is asked: remember whose it is. A note, when it was asked before others."""
        _chats.pop(self.name, None)
        _chats[self.name] = self
        if asker is None:
            return None
        self._asked = self._count(asker)
        self._run = asker.run
        self._owned[asker.cell, self._asked] = place.turn.id
        numbers = [turn.id for turn in self.conversation]
        later = sum(number > place.turn.id for number in numbers)
        if place.turn.id not in numbers or not later:
            return None
        turns = "1 later turn" if later == 1 else f"{later} later turns"
        return f"note: {turns} of {self.name!r} came after the answer that this one replaces"

    def _owner(self, asker: Asker | None) -> tuple[str, int] | None:
        return None if asker is None else (asker.cell, self._count(asker))

    def _count(self, asker: Asker) -> int:
        """Which question of one run of a cell this is: a loop asks several."""
        return self._asked + 1 if asker.run == self._run else 1


def conversation(name: str, begin_with: Conversation | None = None) -> Conversation:
    """The conversation that cells call ``-c NAME``; with `begin_with` they go on with that one from now on.

    Raises `UsageError` when there is none of that name.
    """
    if begin_with is not None:
        _chats[name] = Chat(name, begin_with)
    return _named(name).conversation


def find(name: str, *, new: bool) -> Chat:
    """The chat of that name, or a new one; it is there for others once something was asked in it."""
    if not name.strip():
        raise UsageError("-c takes the name of a conversation; it is empty")
    return (None if new else _chats.get(name)) or Chat(name)


def names() -> list[str]:
    """The names of the chats, the one used last in the end."""
    return list(_chats)


def listing() -> str:
    """The chats: turns, tokens as far as the providers said, models."""
    return "\n".join(map(_line, _chats.values())) or "no conversation yet; begin one with %%stream -c NAME"


def reset(names: Sequence[str]) -> str:
    """Forget the named chats; all of them without a name."""
    chosen = [_named(name) for name in names] or list(_chats.values())
    for chat in chosen:
        del _chats[chat.name]
    return f"forgot {', '.join(visible(chat.name) for chat in chosen)}" if chosen else "no conversation yet"


def export(words: str) -> str:
    """``FILE [CHAT]``: write a chat (the one used last) as `.md`, `.json` or `.ipynb`."""
    try:
        file, *names = shlex.split(words)
        chat = _named(*names) if names else list(_chats.values())[-1]
    except (ValueError, TypeError):
        raise UsageError("%stream export FILE [CHAT]: a .md, .json or .ipynb file, and a name") from None
    except IndexError:
        raise UsageError("there is no conversation yet; begin one with %%stream -c NAME") from None
    chat.conversation.save(Path(file).expanduser())
    return f"wrote {visible(chat.name)} to {file}"


def _named(name: str) -> Chat:
    if name not in _chats:
        there = ", ".join(map(repr, _chats)) or "none yet"
        raise UsageError(f"there is no conversation {name!r}; there are: {there}")
    return _chats[name]


def _line(chat: Chat) -> str:
    turns = chat.conversation.turns
    known = [turn.tokens for turn in turns if turn.tokens is not None]
    parts = [
        "1 turn" if len(turns) == 1 else f"{len(turns)} turns",
        f"{sum(known):,} tokens used" if known else None,
        ", ".join(dict.fromkeys(turn.model for turn in turns if turn.model)),
    ]
    return f"{visible(chat.name):<16} " + " · ".join(part for part in parts if part)
