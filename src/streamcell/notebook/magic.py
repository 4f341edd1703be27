"""`%%stream` and `%stream`: the doors of the notebook. Thin: loading the extension loads nothing else.

A `%%stream` cell is rewritten into an awaited one, because only then can the page's Stop reach the kernel
while the cell runs; an ``async def`` cell magic would never be awaited by IPython. For every other caller
(`run_cell_magic`, a cell inside `%%time`, a terminal) `%%stream` is an ordinary, synchronous magic.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import traitlets
from IPython.core.completer import CompletionContext, SimpleMatcherResult, context_matcher
from IPython.core.inputtransformer2 import leading_empty_lines, leading_indent
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from streamcell.notebook import shown_images

AWAITED = "_stream_awaited"


@magics_class
class StreamMagics(Magics):
    """Ask a language model from a cell and watch the answer arrive.

    ``%config StreamMagics.model = "openai:gpt-5-mini"`` sets what every cell uses unless it says otherwise.
    """

    model = traitlets.Unicode("", help="provider:model of cells that name none").tag(config=True)
    system = traitlets.Unicode("", help="system prompt of cells that give none").tag(config=True)
    temperature = traitlets.Float(
        None, allow_none=True, min=0.0, help="temperature of cells that give none"
    ).tag(config=True)
    max_tokens = traitlets.Int(None, allow_none=True, min=1, help="longest answer, in tokens").tag(
        config=True
    )
    max_cost = traitlets.Float(
        None, allow_none=True, min=0.0, help="most US dollars that a cell may cost"
    ).tag(config=True)
    timeout = traitlets.Float(None, allow_none=True, min=0.0, help="seconds for a whole answer").tag(
        config=True
    )
    on_error = traitlets.Enum(
        ("raise", "keep"), "raise", help="keep: show the error of a stream, do not fail its cell"
    ).tag(config=True)
    record = traitlets.Unicode("", help="file to which every run is appended").tag(config=True)
    replay = traitlets.Unicode(
        "", help="file from which runs are played; with record: if they are there"
    ).tag(config=True)
    format = traitlets.Enum(
        ("", "markdown", "text", "code", "json"), "", help="what answers are to be read as"
    ).tag(config=True)
    display = traitlets.Enum(("auto", "widget", "static", "text"), "auto", help="how answers are shown").tag(
        config=True
    )
    refresh_rate = traitlets.Float(50.0, min=1.0, max=60.0, help="messages a second to the page").tag(
        config=True
    )

    @no_var_expand
    @line_cell_magic
    def stream(self, line: str, cell: str | None = None) -> None:
        """Ask a language model; the answer streams into the cell.

        ``%%stream [MODEL] [options]``, the prompt below it, with ``{name}`` for variables; a variable that
        holds a figure or an image is shown to the model. The options:

        what is asked
            ``-m/--model MODEL`` (repeated: several models side by side), ``-s/--system TEXT``,
            ``-c/--chat NAME`` (go on with a conversation), ``--new`` (begin it afresh),
            ``--image PATH|NAME|last`` (may be repeated), ``--raw`` (no names)
        how it is answered
            ``-t/--temperature T``, ``--max-tokens N``, ``--top-p P``, ``--stop TEXT``, ``--param K=V``,
            ``--tool NAME`` (a function that the model may call), ``--schema NAME`` (what the answer is),
            ``--no-stream``, ``--compare-blocking`` (both ways), ``--chunk-size N``, ``--stop-after N``
        where it goes
            ``-o/--out NAME`` (variable for the response), ``--display auto|widget|static|text``,
            ``--format markdown|text|code|json``, ``--bg`` (return at once), ``--dry-run`` (only show what
            would be sent), ``--record FILE``, ``--replay FILE``, ``--speed X``
        when it takes long, costs much or fails
            ``--timeout S``, ``--first-timeout S``, ``--idle-timeout S``, ``--connect-timeout S``,
            ``--retries N``, ``--fallback MODEL|blocking``, ``--max-cost X``, ``--on-error raise|keep``
        whom it asks
            ``--base-url URL``, ``--key-env NAME`` (variable of the environment that holds the key)

        `%stream help` explains each. ``%stream list``, ``status``, ``stop [ID]``, ``history`` and ``cost``
        speak of the streams of this notebook; ``chats``, ``reset [CHAT]``, ``export FILE [CHAT]`` of its
        conversations; ``scan [FILE…]`` finds secrets in notebook files; ``asyncio`` lets `asyncio.run` work
        in cells. ``%config StreamMagics`` lists what can be set for all cells. Options, models, names and
        files complete on Tab.
        """
        from streamcell.notebook import asking, commands  # noqa: PLC0415 - the engine loads with the first cell

        if cell is None:
            commands.command(line, self.shell)
        else:
            asking.run(self, line, cell)

    def awaited(self, line: str, cell: str) -> Coroutine[Any, Any, None]:
        """The awaited twin of `%%stream`, for cells that `awaited_cell` rewrote."""
        from streamcell.notebook import asking  # noqa: PLC0415

        return asking.run_awaited(self, line, cell)

    @context_matcher(identifier="streamcell")  # type: ignore[untyped-decorator]
    def complete(self, context: CompletionContext) -> SimpleMatcherResult:
        """What Tab offers on the first line of a cell and on a `%stream` line."""
        if not context.text_until_cursor.lstrip().startswith(("%%stream ", "%stream ")):
            return {"completions": [], "suppress": False}
        from streamcell.notebook import completion  # noqa: PLC0415 - the engine loads with the first Tab

        return completion.complete(context.text_until_cursor, self.shell)


class AwaitedCells:
    """Rewrites a `%%stream` cell into an await of its twin; any other cell stays as it is.

    Only whole cells are rewritten: what a magic like `%%time` compiles while a cell runs cannot await. It
    goes before IPython's own clean-up, which takes ``>>>`` and ``In [1]:`` off the lines of a prompt.
    """

    def __init__(self) -> None:
        self._running = 0

    def __call__(self, lines: list[str]) -> list[str]:
        cell = leading_empty_lines(lines) or [""]
        if cell[0].startswith((" ", "\t")):
            cell = leading_indent(cell)
        first, *others = cell
        word, _, rest = first.rstrip("\n").partition(" ")
        if self._running or word != "%%stream" or rest.strip() in ("?", "??"):
            return lines
        body = "".join(others)
        return [f"await get_ipython().find_cell_magic({AWAITED!r})({rest.strip()!r}, {body!r})\n"]

    def install(self, shell: Any) -> None:
        shell.input_transformers_cleanup.insert(0, self)
        shell.events.register("pre_execute", self._begin)
        shell.events.register("post_execute", self._end)

    def remove(self, shell: Any) -> None:
        shell.input_transformers_cleanup.remove(self)
        shell.events.unregister("pre_execute", self._begin)
        shell.events.unregister("post_execute", self._end)

    def _begin(self) -> None:
        self._running += 1

    def _end(self) -> None:
        # The cell that loads the extension ends without having begun here.
        self._running = max(0, self._running - 1)


def load(shell: Any) -> None:
    """Register the magics and what Tab offers; in a kernel also the rewriting of cells, once."""
    unload(shell)
    magics = StreamMagics(shell)
    shell.register_magics(magics)
    shell.register_magic_function(magics.awaited, "cell", AWAITED)
    shell.Completer.custom_matchers.append(magics.complete)
    shown_images.listen(shell)
    if getattr(shell, "kernel", None) is not None:
        AwaitedCells().install(shell)


def unload(shell: Any) -> None:
    """Take back what `load` did."""
    shown_images.forget(shell)
    matchers = shell.Completer.custom_matchers
    matchers[:] = [one for one in matchers if not isinstance(getattr(one, "__self__", None), StreamMagics)]
    for transform in list(shell.input_transformers_cleanup):
        if isinstance(transform, AwaitedCells):
            transform.remove(shell)
    for kind, name in (("cell", "stream"), ("line", "stream"), ("cell", AWAITED)):
        shell.magics_manager.magics[kind].pop(name, None)
    # `%config` goes to the first of a name, so one that is left behind would swallow it.
    shell.configurables[:] = [one for one in shell.configurables if not isinstance(one, StreamMagics)]
