"""The line of a `%%stream` cell: its options, read and checked, as values.

Nothing is looked up here: names of variables, models and environment variables come out as they were typed.
"""

from __future__ import annotations

import keyword
import shlex
from typing import TYPE_CHECKING, cast

import msgspec

from streamcell.errors import UsageError
from streamcell.notebook.call_options import (
    CLOCKS,
    Format,
    OptionParser,
    add_call_options,
    call_options,
    given,
    refuse_keys,
)
from streamcell.options import Options

if TYPE_CHECKING:
    import argparse

    from streamcell.notebook.display import Kind

__all__ = ["CLOCKS", "OPTIONS", "PARSER", "CellArguments", "Format", "help_text", "parse"]


class CellArguments(msgspec.Struct, frozen=True, kw_only=True):
    """What the line of one cell says."""

    models: tuple[str, ...]
    """None, one, or several to be compared."""
    out: str | None
    chat: str | None
    new: bool
    options: Options
    tools: tuple[str, ...]
    schema: str | None
    streamed: bool
    compare_blocking: bool
    background: bool
    interpolate: bool
    dry_run: bool
    images: tuple[str, ...]
    """Paths, names of variables, or ``last``, as they were typed."""
    format: Format | None
    key_env: str | None
    display: Kind | None


def _parser() -> OptionParser:
    parser = OptionParser("%%stream", where="`%%stream?` shows the options", add_help=False)
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", help="provider:model; without one the environment decides")
    add(
        "-m",
        "--model",
        dest="models",
        action="append",
        default=[],
        metavar="MODEL",
        help="the same; repeated, the models answer side by side",
    )
    add("-o", "--out", metavar="NAME", help="variable that gets the response, also after a stop or an error")
    add("-c", "--chat", metavar="NAME", help="go on with a conversation; a cell run again replaces its turn")
    add("--new", action="store_true", help="with -c: begin the conversation afresh")
    add_call_options(parser)
    add("--tool", action="append", default=[], metavar="NAME", help="a function the model may call; repeat")
    add("--schema", metavar="NAME", help="what the answer is: a class, list[CLASS], or a JSON schema")
    add(
        "--image",
        action="append",
        default=[],
        metavar="PATH|NAME|last",
        help="show the model an image: a"
        " file, a variable, or the last one that a cell showed; may be repeated",
    )
    add("--chunk-size", type=int, metavar="N", help="provider deltas per chunk")
    add("--compare-blocking", action="store_true", help="then ask without streaming, and draw both waits")
    add("--bg", action="store_true", help="return the cell at once, stream in the background")
    add("--raw", action="store_true", help="send the prompt as it stands, without {name}")
    add("--dry-run", action="store_true", help="show what would be sent")
    add("--on-error", choices=["raise", "keep"], help="keep: show the error, do not fail the cell")
    add("--display", choices=["auto", "widget", "static", "text"], help="how the answer is shown")
    return parser


PARSER = _parser()
OPTIONS = tuple(PARSER.options)
"""Every option, as argparse describes it; for completion and help."""
_OF_CELLS = ("chunk_size", "on_error")


def parse(line: str) -> CellArguments:
    """The arguments of a cell; raises `UsageError` with one line that says what to type instead."""
    words = _split(line)
    refuse_keys(words, kept="a notebook")
    said = PARSER.parse_args(words)
    models = [*([said.model] if said.model else []), *said.models]
    if said.bg and (len(models) > 1 or said.compare_blocking):
        raise UsageError("--bg shows one answer; a comparison is waited for")
    if said.no_stream and said.compare_blocking:
        raise UsageError("--compare-blocking asks both ways by itself; leave out --no-stream")
    if said.new and said.chat is None:
        raise UsageError("--new begins a conversation afresh; name it with -c NAME")
    if models and models[0].startswith("{"):
        raise UsageError("-m is the model here; give parameters as -t 0.2 or --param name=value")
    return CellArguments(
        models=tuple(models),
        out=_variable(said.out),
        chat=said.chat,
        new=said.new,
        options=_options(said),
        tools=tuple(said.tool),
        schema=said.schema,
        streamed=not said.no_stream,
        compare_blocking=said.compare_blocking,
        background=said.bg,
        interpolate=not said.raw,
        dry_run=said.dry_run,
        images=tuple(said.image),
        format=said.format,
        key_env=said.key_env,
        display=said.display,
    )


def help_text() -> str:
    """The options, one a line."""
    return PARSER.format_help()


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise UsageError(f"%%stream: {error}; close the quotes in the first line of the cell") from None


def _variable(name: str | None) -> str | None:
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise UsageError(f"-o takes the name of a variable, not {name!r}")
    return name


def _options(said: argparse.Namespace) -> Options:
    return cast("Options", {**call_options(said), **given(said, {name: name for name in _OF_CELLS})})
