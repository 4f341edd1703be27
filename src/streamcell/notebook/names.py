"""The user's variables as a chat sees them: put into prompts by name, offered on a Tab, and given answers.

Works on the dictionaries of a shell, which it is handed; it knows no shell.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Mapping, MutableMapping, Sized
from types import FunctionType, ModuleType
from typing import Final

from streamcell.core.chat_protocol import Completions
from streamcell.core.drawable import is_picture
from streamcell.core.interpolate import refused
from streamcell.core.visible import visible
from streamcell.errors import UsageError

MOST: Final = 50
"""How many names are offered at once."""
_LONGEST: Final = 60
_PLAIN = (bool, int, float, complex, type(None))


class Names:
    """A namespace, without what IPython itself put there (`hidden`)."""

    def __init__(
        self, namespace: MutableMapping[str, object] | None = None, hidden: Mapping[str, object] | None = None
    ) -> None:
        self._namespace = namespace
        self._hidden = hidden or {}

    def own(self) -> dict[str, object]:
        """The user's variables."""
        # A copy at once: a cell that runs meanwhile may add to it.
        return {
            name: value for name, value in dict(self._namespace or {}).items() if self._is_own(name, value)
        }

    def complete(self, prefix: str) -> Completions:
        """The names that begin with `prefix` and can be put into a prompt, and in a line what they hold."""
        own = self.own()
        fitting = [name for name in sorted(own) if name.startswith(prefix) and _is_offered(name, own[name])]
        names = fitting[:MOST]
        return Completions(prefix, names, [hint(own[name]) for name in names])

    def keep(self, name: str, value: object) -> str:
        """Make `value` a variable; what was done, in a line.

        Raises `UsageError` for what is no name, and for one that holds a module, function or class.
        """
        name = name.strip()
        if self._namespace is None:
            raise UsageError("there is no notebook here whose variable it could be")
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("__"):
            raise UsageError(f"{visible(name[:_LONGEST])!r} is no name for a variable")
        before = self._namespace.get(name)
        taken = name in self._hidden or hasattr(builtins, name)
        if taken or isinstance(before, ModuleType | FunctionType | type):
            raise UsageError(f"{name} is in use for something else; choose another name")
        self._namespace[name] = value
        return f"{name} now holds this answer" if before is None else f"{name} now holds this answer instead"

    def _is_own(self, name: str, value: object) -> bool:
        return not (name in self._hidden and self._hidden[name] is value)


def hint(value: object) -> str:
    """What a value is, in a line; a large one is not written out for it."""
    kind = type(value).__name__
    if is_picture(value):
        return f"picture ({kind})"
    if isinstance(value, str):
        start = visible(" ".join(value[:_LONGEST].split()))
        return f"str, {len(value):,} characters: {start}{'…' if len(value) > _LONGEST else ''}"
    if isinstance(value, _PLAIN):
        return repr(value)[:_LONGEST]
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple) and shape:
        return f"{kind}, {' x '.join(map(str, shape))}"[:_LONGEST]
    if isinstance(value, list | tuple | dict | set | frozenset | bytes | bytearray):
        return f"{kind}, {_count(value)}"
    return kind


def _count(value: Sized) -> str:
    return "1 item" if len(value) == 1 else f"{len(value):,} items"


def _is_offered(name: str, value: object) -> bool:
    return not name.startswith("_") and refused(value) is None
