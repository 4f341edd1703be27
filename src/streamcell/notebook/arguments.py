"""The line of a `%%stream` cell: its options, read and checked, as values.

Nothing is looked up here: names of variables, models and environment variables come out as they were typed.
"""

from __future__ import annotations

import argparse
import json
import keyword
import shlex
from collections.abc import Mapping
from typing import Any, Literal, NoReturn, cast, get_args

import msgspec

from streamcell.errors import UsageError
from streamcell.notebook.display import Kind
from streamcell.options import Options
from streamcell.run import Timeouts

Format = Literal["markdown", "text", "code", "json"]
_KEYS = ("--key", "--api-key", "--api_key", "--apikey", "--token")


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


class _Parser(argparse.ArgumentParser):
    def __init__(self) -> None:
        self.options: list[argparse.Action] = []
        super().__init__(prog="%%stream", add_help=False, allow_abbrev=False)

    def add_argument(self, *names: Any, **said: Any) -> argparse.Action:
        action = super().add_argument(*names, **said)
        self.options += [action] if action.option_strings else []
        return action

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%stream: {message}; `%%stream?` shows the options")


def _parser() -> _Parser:
    parser = _Parser()
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
    add("-s", "--system", metavar="TEXT", help="system prompt")
    add("-t", "--temperature", type=float, metavar="T", help="temperature")
    add("--max-tokens", type=int, metavar="N", help="longest answer, in tokens")
    add("--top-p", type=float, metavar="P", help="nucleus sampling")
    add("--stop", action="append", metavar="TEXT", help="text that ends the answer; may be repeated")
    add("--tool", action="append", default=[], metavar="NAME", help="a function the model may call; repeat")
    add("--schema", metavar="NAME", help="what the answer is: a class, list[CLASS], or a JSON schema")
    add("--param", action="append", default=[], metavar="K=V", help="any other parameter of the provider")
    add(
        "--image",
        action="append",
        default=[],
        metavar="PATH|NAME|last",
        help="show the model an image: a"
        " file, a variable, or the last one that a cell showed; may be repeated",
    )
    add("--format", choices=get_args(Format), help="what the answer is to be read as")
    add("--max-cost", type=float, metavar="X", help="most US dollars that the cell may cost")
    add("--chunk-size", type=int, metavar="N", help="provider deltas per chunk")
    add("--stop-after", type=int, metavar="N", help="end the answer after N deltas")
    add("--no-stream", action="store_true", help="one blocking call")
    add("--compare-blocking", action="store_true", help="then ask without streaming, and draw both waits")
    add("--bg", action="store_true", help="return the cell at once, stream in the background")
    add("--raw", action="store_true", help="send the prompt as it stands, without {name}")
    add("--dry-run", action="store_true", help="show what would be sent")
    add("--timeout", type=float, metavar="S", help="seconds for the whole answer")
    add("--first-timeout", type=float, metavar="S", help="seconds to the first token")
    add("--idle-timeout", type=float, metavar="S", help="seconds between tokens")
    add("--connect-timeout", type=float, metavar="S", help="seconds to connect")
    add("--retries", type=int, metavar="N", help="repeats of a call that failed before any content")
    add("--fallback", metavar="MODEL", help="model to ask on failure, or `blocking`")
    add("--on-error", choices=["raise", "keep"], help="keep: show the error, do not fail the cell")
    add("--record", metavar="FILE", help="append the run to a file of JSON lines")
    add(
        "--replay",
        metavar="FILE",
        help="play the run from such a file, without a key; with --record also: ask and record only what is"
        " not there (record once, re-run anywhere)",
    )
    add(
        "--speed", type=float, metavar="X", help="pace of the replay: 1 as it was, 2 twice as fast, 0 at once"
    )
    add("--base-url", metavar="URL", help="address of a compatible server")
    add("--key-env", metavar="NAME", help="environment variable that holds the key")
    add("--display", choices=["auto", "widget", "static", "text"], help="how the answer is shown")
    return parser


PARSER = _parser()
OPTIONS = tuple(PARSER.options)
"""Every option, as argparse describes it; for completion and help."""
CLOCKS = {
    "connect": "connect_timeout",
    "first": "first_timeout",
    "idle": "idle_timeout",
    "total": "timeout",
}
_PLAIN = (
    "system",
    "temperature",
    "max_tokens",
    "top_p",
    "stop",
    "chunk_size",
    "retries",
    "fallback",
    "on_error",
    "record",
    "replay",
    "speed",
    "base_url",
    "max_cost",
)


def parse(line: str) -> CellArguments:
    """The arguments of a cell; raises `UsageError` with one line that says what to type instead."""
    words = _split(line)
    _refuse(words)
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


def _refuse(words: list[str]) -> None:
    for word in words:
        if word.split("=", 1)[0].lower() in _KEYS:
            raise UsageError(
                "a key never goes into a notebook: put it into an environment variable, named with --key-env"
            )


def _variable(name: str | None) -> str | None:
    if name is not None and (not name.isidentifier() or keyword.iskeyword(name)):
        raise UsageError(f"-o takes the name of a variable, not {name!r}")
    return name


def _options(said: argparse.Namespace) -> Options:
    options = _given(said, {name: name for name in _PLAIN})
    if said.stop_after is not None:
        options["max_output_chunks"] = said.stop_after
    extra = dict(_parameter(item) for item in said.param)
    if extra:
        options["extra"] = extra
    clocks = _given(said, CLOCKS)
    if clocks:
        options["timeouts"] = Timeouts(**clocks)
    return cast("Options", options)


def _given(said: argparse.Namespace, names: Mapping[str, str]) -> dict[str, Any]:
    """The options that were typed: our name for each, and its value."""
    values = {ours: getattr(said, theirs) for ours, theirs in names.items()}
    return {ours: value for ours, value in values.items() if value is not None}


def _parameter(item: str) -> tuple[str, Any]:
    """``name=value``; the value is read as JSON when it is JSON, else as text."""
    name, equals, value = item.partition("=")
    if not equals or not name:
        raise UsageError(f"--param takes name=value, not {item!r}")
    if "key" in name.lower().replace("-", "_").split("_"):
        raise UsageError("a key never goes into a notebook: name its environment variable with --key-env")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
