"""The command line: `streamcell COMMAND …`. What a command does is its module's business, loaded when called.

Exit codes: 0 well, 1 failed, 2 wrong usage, 130 interrupted. What goes wrong is one line on standard error.
"""

from __future__ import annotations

import difflib
import importlib
import io
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple, TextIO, cast

from streamcell import __version__
from streamcell.core.visible import visible
from streamcell.errors import StreamcellError, UsageError

WELL: Final = 0
FAILED: Final = 1
WRONG_USAGE: Final = 2
INTERRUPTED: Final = 130
"""As a shell counts: 128, and the number of SIGINT."""


class Command(NamedTuple):
    """`module` has `run(words) -> int`, the exit code; `needs` is what must be there for the command."""

    meaning: str
    module: str
    needs: str | None = None

    @property
    def is_there(self) -> bool:
        return self.needs is None or find_spec(self.needs) is not None


COMMANDS: Final = {
    "ask": Command("one question, answered while it arrives", "streamcell.cli.ask"),
    "chat": Command("a conversation in the terminal", "streamcell.cli.chat"),
    "serve": Command("answer over HTTP", "streamcell.cli.serve", needs="streamcell.serve"),
    "models": Command(
        "the providers, their usual models, and whether a key is there", "streamcell.cli.models"
    ),
    "doctor": Command("what is installed and found here, and what to do about it", "streamcell.cli.doctor"),
    "scan": Command("look for secrets in notebook files", "streamcell.cli.scan"),
    "demo": Command("open the quick-start notebook in JupyterLab; needs no key", "streamcell.cli.demo"),
}


def main(words: Sequence[str] | None = None) -> int:
    """Run one command (`words`, else the arguments of this process); returns the exit code."""
    _make_robust()
    try:
        return _run(list(sys.argv[1:] if words is None else words))
    except SystemExit as end:  # argparse, after --help
        return end.code if isinstance(end.code, int) else WELL
    except UsageError as error:
        _complain(_worded(error))
        return WRONG_USAGE
    except StreamcellError as error:
        _complain(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:  # of the standard streams; what other files and the network do is told by ours
        _close_quietly()
        if not isinstance(error, BrokenPipeError):  # else whoever read our output has seen enough
            _complain(f"cannot read or write: {error.strerror}")
        return FAILED


def help_text() -> str:
    """What there is, one command a line."""
    lines = [f"  {name:<8} {one.meaning}" for name, one in COMMANDS.items() if one.is_there]
    return "\n".join(
        [
            "usage: streamcell COMMAND …",
            "",
            *lines,
            "",
            "`streamcell COMMAND --help` shows its options, `streamcell --version` the version.",
        ]
    )


def _run(words: list[str]) -> int:
    name, *rest = words or ["--help"]
    if name in ("-h", "--help", "help"):
        if rest:
            return _run([rest[0], "--help"])
        print(help_text(), flush=True)  # noqa: T201 - the answer
        return WELL
    if name in ("-V", "--version"):
        print(f"streamcell {__version__}", flush=True)  # noqa: T201 - the answer
        return WELL
    command = COMMANDS.get(name)
    if command is None or not command.is_there:
        there = [name for name, one in COMMANDS.items() if one.is_there]
        close = difflib.get_close_matches(name, there, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(there)}"
        raise UsageError(f"{name!r} is no command; {hint}")
    code: int = importlib.import_module(command.module).run(rest)
    sys.stdout.flush()
    return code


def _make_robust() -> None:
    """A character that the terminal cannot show, bytes that are no text, or a closed stream end nothing."""
    sys.stdin = sys.stdin or _nothing("r")
    sys.stdout = sys.stdout or _nothing("w")
    sys.stderr = sys.stderr or _nothing("w")
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _worded(error: UsageError) -> str:
    from streamcell.notebook.wording import in_words_of_the_line  # noqa: PLC0415 - three times what --help takes

    return in_words_of_the_line(str(error))


def _nothing(mode: str) -> TextIO:
    return cast("TextIO", Path(os.devnull).open(mode, encoding="utf-8"))


def _complain(message: str) -> None:
    said = visible(message)
    line = said if said.startswith("streamcell ") else f"streamcell: {said}"
    print(line, file=sys.stderr)  # noqa: T201 - the answer


def _close_quietly() -> None:
    """Nothing more is written to a pipe without a reader, also not by Python as it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
