"""The commands of `%stream`: what each is called, what it takes and who answers it. Main thread only."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from IPython.display import display as publish

from streamcell.errors import UsageError
from streamcell.io.environment import environment
from streamcell.notebook import accounts, arguments, chats, kernel, nested_loop, running, scan
from streamcell.notebook.asking import one_line_errors
from streamcell.past_runs import past_runs


class Command(NamedTuple):
    """One command; `answer` gets what stands behind its name, and the shell; None when it is displayed."""

    takes: str
    meaning: str
    answer: Callable[[str, Any], str | None]


def command(line: str, shell: Any) -> None:
    """A `%stream` line: one of `COMMANDS`; without any, help."""
    with one_line_errors():
        answer = _answer(line, shell)
        if answer is not None:
            print(answer)  # noqa: T201 - the answer to a command


def help_text() -> str:
    """What `%%stream` and `%stream` take, one option or command a line."""
    lines = [f"  {f'{name} {one.takes}':<20} {one.meaning}" for name, one in COMMANDS.items()]
    return "\n".join([arguments.help_text(), "%stream takes:", *lines])


def _answer(line: str, shell: Any) -> str | None:
    name, _, rest = (line.strip() or "help").partition(" ")
    asked = COMMANDS.get(name)
    if asked is None or (rest.strip() and not asked.takes):
        there = ", ".join(f"{name} {one.takes}".strip() for name, one in COMMANDS.items())
        raise UsageError(f"%stream {line.strip()}: no such command; there are {there}")
    return asked.answer(rest, shell)


def _status(_rest: str, shell: Any) -> str | None:
    """The dashboard where there is a page; in a terminal the streams as `%stream stop` calls them."""
    if kernel.host(shell) == "terminal":
        return running.status()
    from streamcell.notebook.dashboard import shared  # noqa: PLC0415 - widgets load on first display

    publish(shared())
    return None


def _scan(words: str, shell: Any) -> str:
    try:
        files = shlex.split(words)
    except ValueError as error:
        raise UsageError(f"%stream scan: {error}; close the quotes") from None
    return scan.report(scan.scan(files, environment=environment, current=_notebook_file(shell)))


def _notebook_file(shell: Any) -> Path | None:
    """The file of this notebook, where it is told: by Jupyter Server in a variable, by VS Code in a name."""
    told = shell.user_ns.get("__vsc_ipynb_file__") or environment.get("JPY_SESSION_NAME")
    path = Path(str(told or ""))
    return path if path.suffix == ".ipynb" and path.is_file() else None


COMMANDS = {
    "list": Command("", "the streams that run", lambda *_: running.listing()),
    "status": Command("", "the streams that run and those that ended, live", _status),
    "stop": Command("[ID]", "stop a stream, or all", lambda rest, _: running.stop(rest.split())),
    "chats": Command("", "the conversations of this notebook", lambda *_: chats.listing()),
    "reset": Command("[CHAT]", "forget a conversation, or all", lambda rest, _: chats.reset(rest.split())),
    "export": Command(
        "FILE [CHAT]", "write a conversation as .md, .json or .ipynb", lambda rest, _: chats.export(rest)
    ),
    "history": Command("", "the last runs as a table", lambda *_: accounts.history(past_runs.rows())),
    "cost": Command(
        "", "what the runs cost, in all and by model", lambda *_: accounts.cost(past_runs.rows())
    ),
    "asyncio": Command(
        "",
        "let asyncio.run work inside cells; streamcell needs no such thing",
        lambda *_: nested_loop.allow(),
    ),
    "scan": Command("[FILE…]", "look for secrets in this notebook, all of this folder, or the files", _scan),
    "help": Command("", "this text", lambda *_: help_text()),
}
