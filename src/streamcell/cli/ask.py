"""`streamcell ask`: one question from the arguments or from standard input, and its answer."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from streamcell import agent
from streamcell.cli import FAILED, INTERRUPTED, WELL
from streamcell.cli.outlets import follow, outlet
from streamcell.cli.tools import can_ask, named, see_to_consent
from streamcell.errors import UsageError
from streamcell.io.environment import environment
from streamcell.notebook.call_options import (
    OptionParser,
    add_call_options,
    call_options,
    key_of,
    refuse_keys,
)
from streamcell.options import Options

STDIN = "-"
_EXAMPLES = """\
examples:
  streamcell ask "Explain DNA" -m openai:gpt-5-mini
  git diff | streamcell ask "Review this change:" -
  streamcell ask --json < question.txt > events.jsonl
  streamcell ask "Is it cold in Oslo?" --tool weather.py:temperature
"""


def run(words: Sequence[str]) -> int:
    """Ask, and show the answer; 1 when it failed, 130 when Ctrl-C stopped it."""
    said = read(_parser(), words)
    options = options_of(said)
    asked = agent.ask(_prompt(said.prompt), said.model, options, streamed=not said.no_stream)
    see_to_consent(asked.stream, options, asks=can_ask() and not said.json)
    stopped = follow(
        asked.stream,
        outlet(form=said.format or "markdown", figures=not said.quiet, as_json=said.json),
    )
    if stopped:
        return INTERRUPTED
    return WELL if asked.stream.response.error is None else FAILED


def add_options(parser: OptionParser) -> None:
    """The options of a call, and which model it goes to and whether its figures are shown."""
    parser.add_argument(
        "-m", "--model", metavar="MODEL", help="provider:model; without one the environment decides"
    )
    add_call_options(parser)
    parser.add_argument(
        "--tool",
        dest="tools",
        action="append",
        default=[],
        metavar="FILE.py:NAME",
        help="a function the model may call, also as MODULE:NAME; may be repeated",
    )
    parser.add_argument("-y", "--yes", action="store_true", help="run tools without asking")
    parser.add_argument("-q", "--quiet", action="store_true", help="no line of figures below the answer")


def read(parser: OptionParser, words: Sequence[str]) -> argparse.Namespace:
    """What was typed; raises `UsageError` for what the parser does not know, and for a key."""
    refuse_keys(words, kept="a command line, where the shell's history keeps it")
    return parser.parse_intermixed_args(words)


def options_of(said: argparse.Namespace) -> Options:
    """The options that were typed, with the key that ``--key-env`` names and the functions of ``--tool``."""
    options = call_options(said)
    if said.tools:
        options["tools"] = named(said.tools)
    if said.yes:
        options["approve"] = "never"
    if said.key_env is not None:
        options["api_key"] = key_of(said.key_env, environment)
    return options


def _parser() -> OptionParser:
    parser = OptionParser(
        "streamcell ask",
        where="`streamcell ask --help` shows the options",
        description="Asks one question and shows the answer while it arrives: drawn in a terminal, plain text"
        " in a pipe. Exit code 1 when it failed, 130 when Ctrl-C stopped it; what came is kept.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "prompt", nargs="*", metavar="PROMPT", help="the question; - is the text on standard input"
    )
    add_options(parser)
    parser.add_argument("--json", action="store_true", help="each event as a line of JSON")
    return parser


def _prompt(words: Sequence[str]) -> str:
    """The words in a row, standard input in the place of ``-``; without any word all of standard input."""
    if not words and sys.stdin.isatty():
        raise UsageError("there is nothing to ask: type a question, or pipe one in")
    said = words or [STDIN]
    if said.count(STDIN) > 1:
        raise UsageError("standard input can be read once; name it with one -")
    place = said.index(STDIN) if STDIN in said else len(said)
    parts = [
        " ".join(said[:place]),
        sys.stdin.read().strip("\n") if STDIN in said else "",
        " ".join(said[place + 1 :]),
    ]
    prompt = "\n\n".join(filter(None, parts))
    if not prompt.strip():
        raise UsageError("the question is empty: type one, or pipe one in")
    return prompt
