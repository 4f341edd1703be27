"""What the magics do: read the line, open a cell, leave its variables; and the commands of `%stream`.

Lives on the main thread. The last streams of this notebook are remembered here, to be listed and stopped.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import sys
from collections import deque
from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any, cast

from streamcell import agent
from streamcell.core.conversation import Place
from streamcell.core.interpolate import interpolate
from streamcell.core.response import StreamingResponse
from streamcell.core.static import metrics_line
from streamcell.errors import StreamcellError, UsageError
from streamcell.notebook import arguments, chats, kernel
from streamcell.notebook.arguments import CellArguments
from streamcell.notebook.cell import Cell
from streamcell.notebook.chats import Chat
from streamcell.notebook.display import Display, Kind, StaticDisplay, TerminalDisplay
from streamcell.options import Options

if TYPE_CHECKING:
    from streamcell.notebook.magic import StreamMagics

COMMANDS = "list, status, stop [ID], chats, reset [CHAT], export FILE [CHAT], help"

_numbers = itertools.count(1)
_cells: deque[Cell] = deque(maxlen=100)


def run(magics: StreamMagics, line: str, body: str) -> None:
    """A `%%stream` cell, waited for on the calling thread."""
    with one_line_errors():
        opened = _open(magics, line, body)
        if opened is not None:
            opened.wait()
            opened.check()


async def run_awaited(magics: StreamMagics, line: str, body: str) -> None:
    """The same in an awaited cell."""
    with one_line_errors():
        opened = _open(magics, line, body)
        if opened is not None:
            await opened.wait_awaited()
            opened.check()


def command(line: str) -> None:
    """A `%stream` line: one of `COMMANDS`."""
    with one_line_errors():
        match line.split():
            case [] | ["help"]:
                _say(f"{arguments.help_text()}\n%stream takes: {COMMANDS}")
            case ["list"]:
                _list([cell for cell in _cells if not cell.stream.finished], "no stream is running")
            case ["status"]:
                _list(list(_cells), "no stream has run yet")
            case ["stop", *numbers]:
                _stop(numbers)
            case ["chats"]:
                _say(chats.listing())
            case ["reset", *names]:
                _say(chats.reset(names))
            case ["export", *_]:
                _say(chats.export(line.strip().removeprefix("export")))
            case _:
                raise UsageError(f"%stream {line}: no such command; there are {COMMANDS}")


@contextlib.contextmanager
def one_line_errors() -> Generator[None]:
    """Our errors inside are shown by IPython as the one line they are, without a traceback."""
    try:
        yield
    except StreamcellError as error:
        line = f"{type(error).__name__}: {error}"
        error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
        raise


def _open(magics: StreamMagics, line: str, body: str) -> Cell | None:
    """The cell, begun; None when there is nothing to wait for."""
    said = arguments.parse(line)
    body = body.removesuffix("\n")  # IPython's, not the user's
    shell: Any = magics.shell
    prompt = _fill_in(body, _own_names(shell)) if said.interpolate else body
    options = _options(magics, said)
    model = said.model or magics.model or None
    chat = None if said.chat is None else chats.find(said.chat, new=said.new)
    asker = kernel.asker(shell, f"{line}\n{body}")
    if chat is not None:
        options = _in_chat(chat, chat.place(prompt, asker), options, said)
    if said.dry_run:
        _say(_dry_run(prompt, model, options, streamed=said.streamed))
        return None
    asked = agent.ask(prompt, model, options, streamed=said.streamed)
    if chat is not None:
        _keep(chat, asker, options)
    cell = Cell(
        asked.stream,
        choose_display(
            shell,
            said.display or cast("Kind", magics.display),
            model=asked.model,
            scripted=asked.scripted,
            placed=said.background,
            rate=magics.refresh_rate,
        ),
        number=next(_numbers),
        model=asked.model,
        leave=lambda response: _leave(shell, said.out, response),
    )
    _cells.append(cell)
    cell.begin()
    if not said.background:
        return cell
    cell.wait_in_background()
    return None


def choose_display(
    shell: Any,
    kind: Kind,
    *,
    model: str,
    scripted: bool,
    placed: bool = False,
    rate: float | None = None,
) -> Display:
    """The display for where we are; ``auto`` is the richest that the place can show.

    `placed`: the cell will be over before the answer; `rate`: messages a second to the page.
    """
    place = kernel.host(shell)
    if place == "terminal" or kind == "text":
        return TerminalDisplay(plain=kind == "text" or not sys.stdout.isatty())
    if kind == "static" or (kind == "auto" and place == "no_page"):
        return StaticDisplay(placed=placed)
    try:
        from streamcell.notebook.view import WidgetDisplay  # noqa: PLC0415 - widgets load on first display
    except ImportError as error:
        _say(f"note: live views are off ({error}); `pip install anywidget` turns them on")
        return StaticDisplay(placed=placed)
    return WidgetDisplay(model=model, scripted=scripted, rate=rate)


def _options(magics: StreamMagics, said: CellArguments) -> Options:
    """What the cell says over what the notebook's configuration says, with the key that `--key-env` names."""
    defaults: dict[str, Any] = {}
    if magics.system:
        defaults["system"] = magics.system
    if magics.temperature is not None:
        defaults["temperature"] = magics.temperature
    if said.key_env is not None:
        defaults["api_key"] = os.environ.get(said.key_env)
        if not defaults["api_key"]:
            raise UsageError(f"--key-env: the environment variable {said.key_env} is not set")
    return cast("Options", {**defaults, **said.options})


def _in_chat(chat: Chat, place: Place, options: Options, said: CellArguments) -> Options:
    """The options of a cell that goes on with a chat: the system prompt is the chat's unless it gives one."""
    begun = chat.conversation.system is not None or len(chat.conversation) > 0
    left = {name: value for name, value in options.items() if name != "system"}
    kept = left if begun and "system" not in said.options else options
    return cast("Options", {**kept, "conversation": place})


def _keep(chat: Chat, asker: kernel.Asker | None, options: Options) -> None:
    place = options.get("conversation")
    if not isinstance(place, Place):
        return
    if "system" in options:
        chat.conversation.system = options["system"] or None
    note = chat.keep(place, asker)
    if note is not None:
        _say(note)


def _own_names(shell: Any) -> dict[str, Any]:
    """The user's variables, without those that IPython itself put beside them."""
    hidden = shell.user_ns_hidden
    return {
        name: value for name, value in shell.user_ns.items() if not (name in hidden and hidden[name] is value)
    }


def _fill_in(text: str, namespace: Mapping[str, Any]) -> str:
    filled = interpolate(text, namespace)
    if filled.unknown:
        names = ", ".join(f"{{{name}}}" for name in filled.unknown)
        _say(f"note: {names} sent as written: no variable of that name")
    return filled.text


def _dry_run(prompt: str, model: str | None, options: Options, *, streamed: bool) -> str:
    call, address = agent.describe(prompt, model, options, streamed=streamed)
    return f"POST {address}{call.path}\n{json.dumps(call.body, indent=2, ensure_ascii=False, default=str)}"


def _leave(shell: Any, out: str | None, response: StreamingResponse) -> None:
    if out is not None:
        shell.user_ns[out] = response
    shell.displayhook.update_user_ns(response)


def _list(cells: list[Cell], nothing: str) -> None:
    for cell in cells:
        response = cell.stream.response
        state = response.stop_reason or "running"
        replayed = bool(response.metadata.get("replayed"))
        line = metrics_line(cell.stream.ledger.metrics(), model=cell.model, replayed=replayed)
        _say(f"{cell.number:>3}  {state:<10} {line}")
    if not cells:
        _say(nothing)


def _stop(numbers: list[str]) -> None:
    running = {str(cell.number): cell for cell in _cells if not cell.stream.finished}
    unknown = [number for number in numbers if number not in running]
    if unknown:
        raise UsageError(f"%stream stop: no running stream {', '.join(unknown)}; `%stream list` shows them")
    chosen = numbers or list(running)
    for number in chosen:
        running[number].stream.cancel()
    _say(f"stopped {', '.join(chosen)}" if chosen else "no stream is running")


def _say(text: str) -> None:
    print(text)  # noqa: T201 - the answer to a command
