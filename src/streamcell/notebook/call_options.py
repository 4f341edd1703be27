"""The options of a call as they are typed: defined once for a `%%stream` cell and for the command line.

Nothing is looked up here but the variable that `--key-env` names. It knows neither notebook nor terminal.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal, NoReturn, cast, get_args

from streamcell.errors import UsageError
from streamcell.options import Options
from streamcell.run import Timeouts

Format = Literal["markdown", "text", "code", "json"]

CLOCKS = {
    "connect": "connect_timeout",
    "first": "first_timeout",
    "idle": "idle_timeout",
    "total": "timeout",
}
_KEYS = ("--key", "--api-key", "--api_key", "--apikey", "--token")
_PLAIN = (
    "system",
    "temperature",
    "max_tokens",
    "top_p",
    "stop",
    "retries",
    "fallback",
    "record",
    "replay",
    "speed",
    "base_url",
    "max_cost",
)


class OptionParser(argparse.ArgumentParser):
    """Raises `UsageError` where argparse would end the process; `where` says where the options are listed."""

    def __init__(self, prog: str, *, where: str, **said: Any) -> None:
        self.options: list[argparse.Action] = []
        self._where = where
        super().__init__(prog=prog, allow_abbrev=False, **said)

    def add_argument(self, *names: Any, **said: Any) -> argparse.Action:
        action = super().add_argument(*names, **said)
        self.options += [action] if action.option_strings else []
        return action

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{self.prog}: {message}; {self._where}")


def add_call_options(parser: argparse.ArgumentParser) -> None:
    """The options that mean the same wherever they are typed."""
    add = parser.add_argument
    add("-s", "--system", metavar="TEXT", help="system prompt")
    add("-t", "--temperature", type=float, metavar="T", help="temperature")
    add("--max-tokens", type=int, metavar="N", help="longest answer, in tokens")
    add("--top-p", type=float, metavar="P", help="nucleus sampling")
    add("--stop", action="append", metavar="TEXT", help="text that ends the answer; may be repeated")
    add("--param", action="append", default=[], metavar="K=V", help="any other parameter of the provider")
    add("--format", choices=get_args(Format), help="what the answer is to be read as")
    add("--max-cost", type=float, metavar="X", help="most US dollars that an answer may cost")
    add("--stop-after", type=int, metavar="N", help="end the answer after N deltas")
    add("--no-stream", action="store_true", help="one blocking call")
    add("--timeout", type=float, metavar="S", help="seconds for the whole answer")
    add("--first-timeout", type=float, metavar="S", help="seconds to the first token")
    add("--idle-timeout", type=float, metavar="S", help="seconds between tokens")
    add("--connect-timeout", type=float, metavar="S", help="seconds to connect")
    add("--retries", type=int, metavar="N", help="repeats of a call that failed before any content")
    add("--fallback", metavar="MODEL", help="model to ask on failure, or `blocking`")
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


def call_options(said: argparse.Namespace) -> Options:
    """The options that were typed, without the key; raises `UsageError` for a wrong ``--param``."""
    options = given(said, {name: name for name in _PLAIN})
    if said.stop_after is not None:
        options["max_output_chunks"] = said.stop_after
    extra = dict(_parameter(item) for item in said.param)
    if extra:
        options["extra"] = extra
    clocks = given(said, CLOCKS)
    if clocks:
        options["timeouts"] = Timeouts(**clocks)
    return cast("Options", options)


def given(said: argparse.Namespace, names: Mapping[str, str]) -> dict[str, Any]:
    """The options that were typed: our name for each, and its value."""
    values = {ours: getattr(said, theirs) for ours, theirs in names.items()}
    return {ours: value for ours, value in values.items() if value is not None}


def refuse_keys(words: Iterable[str], *, kept: str, option: str = "--key-env") -> None:
    """Raise `UsageError` for a key among the words; `kept` says where it would stay for others to read.

    `option` is the one that names the variable for it.
    """
    for word in words:
        if word.split("=", 1)[0].lower() in _KEYS:
            raise UsageError(
                f"a key never goes into {kept}: put it into an environment variable, named with {option}"
            )


def key_of(name: str, environment: Mapping[str, str]) -> str:
    """The key in the variable that ``--key-env`` names; raises `UsageError` when there is none."""
    key = environment.get(name)
    if not key:
        raise UsageError(f"--key-env: the environment variable {name} is not set")
    return key


def _parameter(item: str) -> tuple[str, Any]:
    """``name=value``; the value is read as JSON when it is JSON, else as text."""
    name, equals, value = item.partition("=")
    if not equals or not name:
        raise UsageError(f"--param takes name=value, not {item!r}")
    if "key" in name.lower().replace("-", "_").split("_"):
        raise UsageError("a key is no --param: name its environment variable with --key-env")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
