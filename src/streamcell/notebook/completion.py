"""What Tab offers on a `%%stream` or `%stream` line: options and what follows them, models, commands, names.

Works on the text before the cursor; nothing is fetched and nothing is asked.
"""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from IPython.core.completer import SimpleCompletion, SimpleMatcherResult

from streamcell.core.drawable import is_picture
from streamcell.io.environment import environment
from streamcell.notebook import chats, running
from streamcell.notebook.arguments import OPTIONS
from streamcell.notebook.commands import COMMANDS
from streamcell.notebook.model_names import model_names

_BY_NAME = {name: action for action in OPTIONS for name in action.option_strings}
_REPEATABLE = {"models", "stop", "param", "image", "tool"}
_HARD = re.compile(r"[\s'\"\\]")


class Offer(NamedTuple):
    """What stands before the cursor, and what may stand there instead."""

    begun: str
    kind: str
    words: Iterable[str]


def complete(before: str, shell: Any) -> SimpleMatcherResult:
    """IPython's answer to Tab after `before`, a line that begins with one of the two magics."""
    offer = _offer(before, shell)
    if offer is None:
        return {"completions": [], "suppress": False}
    fitting = dict.fromkeys(word for word in offer.words if word.startswith(offer.begun))
    return {
        "completions": [SimpleCompletion(word, type=offer.kind) for word in fitting],
        "matched_fragment": offer.begun,
        "ordered": True,
        "suppress": True,
    }


def _offer(before: str, shell: Any) -> Offer | None:
    magic, _, rest = before.lstrip().partition(" ")
    head, _, begun = rest.rpartition(" ")
    try:
        words = shlex.split(head)
    except ValueError:  # inside quotes it is the user's own text
        return None
    return _of_cell(words, begun, shell) if magic == "%%stream" else _of_command(words, begun)


def _of_cell(words: Sequence[str], begun: str, shell: Any) -> Offer | None:
    option, equals, value = begun.partition("=")
    if equals and option in _BY_NAME:
        return _values(_BY_NAME[option], value, shell)
    before = _BY_NAME.get(words[-1]) if words else None
    if before is not None and before.nargs != 0:
        return _values(before, begun, shell)
    if begun.startswith("-"):
        return Offer(begun, "option", _options(words))
    if _names_model(words):
        return None if begun else Offer("", "option", _options(words))
    offered = _models(begun, shell)
    return Offer(begun, "model", offered if begun else [*offered, *_options(words)])


def _options(words: Sequence[str]) -> list[str]:
    """The options that are not on the line yet, long ones as they are; a short one stands for itself."""
    used = {_BY_NAME[word].dest for word in words if word in _BY_NAME} - _REPEATABLE
    return [name for name, action in _BY_NAME.items() if action.dest not in used]


def _names_model(words: Sequence[str]) -> bool:
    """Whether a model stands on the line: after `-m`, or as a word that belongs to no option."""
    takes = False
    for word in words:
        action = _BY_NAME.get(word)
        if (action is None and not takes and not word.startswith("-")) or (
            action and action.dest == "models"
        ):
            return True
        takes = action is not None and action.nargs != 0
    return False


def _values(action: argparse.Action, begun: str, shell: Any) -> Offer | None:
    if action.choices is not None:
        return Offer(begun, "value", map(str, action.choices))
    if action.dest not in _KINDS:
        return None
    kind, words = _KINDS[action.dest]
    return Offer(begun, kind, words(begun, shell))


def _of_command(words: Sequence[str], begun: str) -> Offer | None:
    match words:
        case []:
            return Offer(begun, "command", COMMANDS)
        case ["stop", *_]:
            return Offer(begun, "value", [str(cell.number) for cell in running.running()])
        case ["reset", *_] | ["export", _]:
            return Offer(begun, "chat", chats.names())
        case ["export"]:
            return Offer(begun, "path", _files(begun))
        case ["scan", *_]:
            return Offer(begun, "path", _files(begun, ending=".ipynb"))
        case _:
            return None


def _models(begun: str, _shell: Any) -> list[str]:
    return model_names(begun, asked=running.models(), environment=environment)


def _variables(shell: Any) -> list[str]:
    hidden = shell.user_ns_hidden
    return sorted(name for name in shell.user_ns if name not in hidden and not name.startswith("_"))


def _functions(_begun: str, shell: Any) -> list[str]:
    values = ((name, shell.user_ns[name]) for name in _variables(shell))
    return [name for name, value in values if callable(value) and not isinstance(value, type)]


def _schemas(_begun: str, shell: Any) -> list[str]:
    """Classes, alone and as lists, and dicts, which may be JSON schemas."""
    values = [(name, shell.user_ns[name]) for name in _variables(shell)]
    classes = [name for name, value in values if isinstance(value, type)]
    plain = [name for name, value in values if isinstance(value, dict)]
    return [*classes, *(f"list[{name}]" for name in classes), *plain]


def _images(begun: str, shell: Any) -> list[str]:
    names = [name for name in _variables(shell) if is_picture(shell.user_ns[name])]
    return ["last", *names, *_files(begun)]


def _files(begun: str, *, ending: str = "") -> list[str]:
    """Files and folders that go on from `begun`; names that a line would have to quote are left out."""
    folder, slash, start = begun.rpartition("/")
    try:
        entries = sorted(Path(f"{folder}{slash}" or ".").expanduser().iterdir())
    except (OSError, RuntimeError):  # no such folder, or no such user's home
        return []
    names = [f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries]
    return [
        f"{folder}{slash}{name}"
        for name in names
        if name.endswith(("/", ending)) and not _HARD.search(name) and (start or not name.startswith("."))
    ]


_KINDS: dict[str, tuple[str, Callable[[str, Any], Iterable[str]]]] = {
    "models": ("model", _models),
    "fallback": ("model", lambda begun, shell: [*_models(begun, shell), "blocking"]),
    "chat": ("chat", lambda *_: chats.names()),
    "out": ("instance", lambda _, shell: _variables(shell)),
    "image": ("value", _images),
    "tool": ("function", _functions),
    "schema": ("class", _schemas),
    "record": ("path", lambda begun, _: _files(begun)),
    "replay": ("path", lambda begun, _: _files(begun)),
    "key_env": ("value", lambda *_: sorted(environment)),
}
"""What may follow an option, by its `dest`: the kind of it, and the words."""
