"""What a `%%stream` cell does: read its line and prompt, open a stream on a display, leave its variables.

Lives on the main thread.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any, Protocol, cast

import msgspec

from streamcell import agent
from streamcell.agent import Asked
from streamcell.approvals import Trusted
from streamcell.core.conversation import Place
from streamcell.core.interpolate import interpolate
from streamcell.core.prompt import Prompt
from streamcell.core.response import StreamingResponse
from streamcell.core.shown_body import shown_body
from streamcell.errors import StreamcellError, UsageError
from streamcell.many import comparison
from streamcell.notebook import arguments, chats, images, kernel, named_values, running, screens, shown_images
from streamcell.notebook.arguments import CellArguments
from streamcell.notebook.cell import Cell
from streamcell.notebook.chats import Chat
from streamcell.notebook.display import Kind
from streamcell.notebook.names import Names
from streamcell.notebook.side_by_side import SideBySide
from streamcell.notebook.wording import in_words_of_the_line
from streamcell.options import Options
from streamcell.run import BLOCKING, Timeouts

if TYPE_CHECKING:
    from streamcell.notebook.magic import StreamMagics

_CONFIGURED = ("system", "temperature", "max_tokens", "max_cost", "on_error", "record", "replay")
"""What the notebook's configuration may say as a cell may."""
_trusted: Trusted = []
"""The tools that the user of this notebook allowed to run without being asked again."""
_OWN = (
    "max_cost",
    "max_output_chunks",
    "chunk_size",
    "retries",
    "fallback",
    "on_error",
    "record",
    "replay",
    "speed",
)
"""What no provider is sent, and a dry run tells all the same."""


def run(magics: StreamMagics, line: str, body: str) -> None:
    """A `%%stream` cell, waited for on the calling thread."""
    with one_line_errors(in_words_of_the_line):
        opened = _open(magics, line, body)
        if opened is not None:
            opened.wait()
            opened.check()


async def run_awaited(magics: StreamMagics, line: str, body: str) -> None:
    """The same in an awaited cell."""
    with one_line_errors(in_words_of_the_line):
        opened = _open(magics, line, body)
        if opened is not None:
            await opened.wait_awaited()
            opened.check()


@contextlib.contextmanager
def one_line_errors(reworded: Callable[[str], str] = str) -> Generator[None]:
    """Our errors inside are shown by IPython as the one line they are, without a traceback."""
    try:
        yield
    except StreamcellError as error:
        error.args = (reworded(str(error)),)
        line = f"{type(error).__name__}: {error}"
        error._render_traceback_ = lambda: [line]  # type: ignore[attr-defined]
        raise


class Opened(Protocol):
    """What a cell waits for."""

    def wait(self) -> None: ...
    async def wait_awaited(self) -> None: ...
    def check(self) -> None: ...


def _open(magics: StreamMagics, line: str, body: str) -> Opened | None:
    """What is to be waited for, begun; None when there is nothing."""
    said = arguments.parse(line)
    body = body.removesuffix("\n")  # IPython's, not the user's
    shell: Any = magics.shell
    prompt = _prompt(body, said, shell)
    options = _options(magics, said)
    model = next(iter(said.models), None) or magics.model or None
    chat = None if said.chat is None else chats.find(said.chat, new=said.new)
    asker = kernel.asker(shell, f"{line}\n{body}")
    if chat is not None:
        options = _in_chat(chat, chat.place(prompt, asker), options, said)
    if said.dry_run:
        _say(_dry_run(prompt, model, options, said.format or magics.format, streamed=said.streamed))
        return None
    if len(said.models) > 1 or said.compare_blocking:
        return _compared(magics, said, prompt, said.models or (model or "",), options)
    asked = agent.ask(prompt, model, options, streamed=said.streamed, trusted=_trusted)
    if chat is not None:
        _keep(chat, asker, options)
    if not said.background:
        return _begun(magics, said, asked, lambda response: _leave(shell, said.out, response))
    cell = _begun(magics, said, asked, lambda _response: None)
    _leave(shell, said.out, asked.stream.response)  # it grows from now on, and nothing is overwritten later
    cell.wait_in_background()
    return None


def _compared(
    magics: StreamMagics, said: CellArguments, prompt: Prompt, models: Sequence[str], options: Options
) -> Opened:
    labels = comparison.label(models)
    wall = screens.wall(magics.shell, said.display or cast("Kind", magics.display))
    streamed = comparison.ask_each(prompt, labels, options, streamed=said.streamed)
    blocking = said.compare_blocking
    return SideBySide(
        streamed,
        comparison.ask_each(prompt, labels, options, streamed=False) if blocking else {},
        open_cell=lambda asked: _begun(magics, said, asked, lambda _response: None, display=wall.display),
        show=wall.end,
        leave=lambda answers: _leave(magics.shell, said.out, answers),
        raising=options.get("on_error", "raise") == "raise",
    )


def _begun(
    magics: StreamMagics,
    said: CellArguments,
    asked: Asked,
    leave: Callable[[StreamingResponse], object],
    *,
    display: screens.Choose = screens.choose_display,
) -> Cell:
    """The cell of one answer, on its display, with the request on its way."""
    form = said.format or magics.format
    if form:
        asked.stream.response.metadata["format"] = form
    cell = running.numbered(
        lambda number: Cell(
            asked.stream,
            display(
                magics.shell,
                said.display or cast("Kind", magics.display),
                model=asked.model,
                scripted=asked.scripted,
                placed=said.background,
                rate=magics.refresh_rate,
            ),
            number=number,
            model=asked.model,
            leave=leave,
        )
    )
    cell.begin(waited=not said.background)
    return cell


def _options(magics: StreamMagics, said: CellArguments) -> Options:
    """What the cell says over what the notebook's configuration says, with the key that `--key-env` names."""
    configured = {name: getattr(magics, name) for name in _CONFIGURED}
    options: dict[str, Any] = {
        name: value for name, value in configured.items() if value != magics.trait_defaults(name)
    }
    options |= said.options
    names = _own(magics.shell)
    if said.tools:
        options["tools"] = [named_values.tool(name, names) for name in said.tools]
    if said.schema is not None:
        options["schema"] = named_values.schema(said.schema, names)
    if magics.timeout is not None:
        clocks = said.options.get("timeouts") or (Timeouts() if said.streamed else BLOCKING)
        total = magics.timeout if clocks.total is None else clocks.total
        options["timeouts"] = msgspec.structs.replace(clocks, total=total)
    if said.key_env is not None:
        options["api_key"] = os.environ.get(said.key_env)
        if not options["api_key"]:
            raise UsageError(f"--key-env: the environment variable {said.key_env} is not set")
    return cast("Options", options)


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


def _own(shell: Any) -> dict[str, Any]:
    """The user's variables."""
    return Names(shell.user_ns, shell.user_ns_hidden).own()


def _prompt(body: str, said: CellArguments, shell: Any) -> Prompt:
    """The prompt with the values of its names, and with the images that it or the line names."""
    names = _own(shell)
    shown = images.asked_for(said.images, names, last=shown_images.last(shell))
    if not said.interpolate:
        return images.with_images(body, shown)
    filled = interpolate(body, names)
    if filled.unknown:
        unknown = ", ".join(f"{{{name}}}" for name in filled.unknown)
        _say(f"note: {unknown} sent as written: no variable of that name")
    return images.with_images(filled.text, [*images.named(filled.pictures, names), *shown])


def _dry_run(prompt: Prompt, model: str | None, options: Options, form: str | None, *, streamed: bool) -> str:
    """What would be sent and to whom, and what is heeded on this side only."""
    call, address = agent.describe(prompt, model, options, streamed=streamed)
    body = json.dumps(shown_body(call.body), indent=2, ensure_ascii=False, default=str)
    own = {"format": form or None, **{name: options.get(name) for name in _OWN}}
    if "timeouts" in options:
        own |= {f"{clock} timeout": getattr(options["timeouts"], clock) for clock in arguments.CLOCKS}
    told = ", ".join(f"{name} {value}" for name, value in own.items() if value is not None)
    here = f"not sent: {told}\n" if told else ""
    return f"POST {address}{call.path}\n{here}{body}"


def _leave(shell: Any, out: str | None, response: object) -> None:
    if out is not None:
        shell.user_ns[out] = response
    shell.displayhook.update_user_ns(response)


def _say(text: str) -> None:
    print(text)  # noqa: T201 - the answer to a command
