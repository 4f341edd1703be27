"""`streamcell chat`: a conversation in the terminal, a line a question.

Ctrl-C stops an answer, Ctrl-D ends. Where standard input is a pipe each of its lines is a question.
"""

from __future__ import annotations

import contextlib
import importlib
import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple, cast

from streamcell import agent, choice
from streamcell.approvals import Trusted
from streamcell.cli import FAILED, WELL
from streamcell.cli.ask import add_options, options_of, read
from streamcell.cli.outlets import follow, outlet
from streamcell.cli.tools import can_ask, see_to_consent
from streamcell.core.conversation import Conversation
from streamcell.core.visible import visible
from streamcell.errors import UsageError
from streamcell.notebook.call_options import Format, OptionParser
from streamcell.notebook.wording import in_words_of_the_line
from streamcell.options import Options
from streamcell.question import OF_ONE_PROVIDER

PROMPT: Final = "> "


def run(words: Sequence[str]) -> int:
    """Talk until the end of the input; 1 when something failed and nobody was there to see it."""
    said = read(_parser(), words)
    talk = Talk(
        said.model,
        options_of(said),
        form=said.format or "markdown",
        figures=not said.quiet,
        streamed=not said.no_stream,
    )
    attended = sys.stdin.isatty()
    if attended:
        _load_line_editing()
        _tell(f"{talk.model}; /help shows the commands, Ctrl-D ends")
    _listen(talk)
    return FAILED if talk.failed and not attended else WELL


class Talk:
    """One conversation. `hear` takes what the user typed; it raises `EOFError` when that ends the talk."""

    def __init__(
        self, model: str | None, options: Options, *, form: Format, figures: bool, streamed: bool
    ) -> None:
        self.conversation = Conversation(options.pop("system", None))
        self.failed = False
        self._options = options
        self._form: Format = form
        self._figures = figures
        self._streamed = streamed
        self._trusted: Trusted = []
        self.model = _checked(model, options)

    def hear(self, line: str) -> None:
        """Do or ask what the line says. Raises `UsageError` for what cannot be done or asked."""
        if line.startswith("/"):
            name, _, rest = line[1:].partition(" ")
            self._command(name)(self, rest.strip())
        elif line.strip():
            self._ask(line)

    def reset(self) -> None:
        """Forget all that was said; the system prompt stays."""
        self.conversation = Conversation(self.conversation.system)

    def save(self, file: str) -> None:
        """Write the conversation as `.md`, `.json` or `.ipynb`."""
        self.conversation.save(Path(file).expanduser())

    def change(self, model: str) -> None:
        """Go on with another model; a key and an address stay behind with their provider."""
        before, options = self.model.partition(":")[0], self._options
        if choice.resolve(model, {})[0].facts.name != before:
            kept = {name: value for name, value in options.items() if name not in OF_ONE_PROVIDER}
            options = cast("Options", kept)
        self.model, self._options = _checked(model, options), options

    def _command(self, name: str) -> Callable[[Talk, str], None]:
        if name not in COMMANDS:
            there = ", ".join(f"/{name}" for name in COMMANDS)
            raise UsageError(f"/{name} is no command; there are {there}")
        return COMMANDS[name].act

    def _ask(self, question: str) -> None:
        options: Options = {**self._options, "conversation": self.conversation}
        asked = agent.ask(question, self.model, options, streamed=self._streamed, trusted=self._trusted)
        see_to_consent(asked.stream, options, asks=can_ask())
        stopped = follow(asked.stream, outlet(form=self._form, figures=self._figures))
        if stopped and not sys.stdin.isatty():
            raise KeyboardInterrupt
        self.failed = self.failed or asked.stream.response.error is not None


def _checked(model: str | None, options: Options) -> str:
    """The name of the model, which can be asked as far as that is known without asking it."""
    provider, name = choice.resolve(model, options)
    if "replay" not in options:
        choice.link(provider, options)
    return f"{provider.facts.name}:{name}"


class Command(NamedTuple):
    """What may be typed instead of a question."""

    takes: str
    meaning: str
    act: Callable[[Talk, str], None]


def _reset(talk: Talk, rest: str) -> None:
    _only("/reset", rest)
    talk.reset()
    _tell("forgot all that was said")


def _save(talk: Talk, rest: str) -> None:
    try:
        (file,) = shlex.split(rest)
    except ValueError:
        raise UsageError("/save takes the name of one file: .md, .json or .ipynb") from None
    talk.save(file)
    _tell(f"wrote {file}")


def _model(talk: Talk, rest: str) -> None:
    if rest:
        talk.change(rest)
    _tell(talk.model)


def _help(_talk: Talk, rest: str) -> None:
    _only("/help", rest)
    lines = [f"{f'/{name} {one.takes}':<14} {one.meaning}" for name, one in COMMANDS.items()]
    _tell("\n".join([*lines, "Ctrl-C stops an answer, Ctrl-D ends"]))


def _quit(_talk: Talk, rest: str) -> None:
    _only("/quit", rest)
    raise EOFError


def _only(command: str, rest: str) -> None:
    if rest:
        raise UsageError(f"{command} takes nothing, not {rest!r}")


COMMANDS: Final = {
    "reset": Command("", "forget what was said", _reset),
    "save": Command("FILE", "write the conversation as .md, .json or .ipynb", _save),
    "model": Command("[NAME]", "go on with another model", _model),
    "help": Command("", "this text", _help),
    "quit": Command("", "end", _quit),
}


def _parser() -> OptionParser:
    parser = OptionParser(
        "streamcell chat",
        where="`streamcell chat --help` shows the options",
        description="A conversation in the terminal; /help inside shows its commands.",
    )
    add_options(parser)
    return parser


def _listen(talk: Talk) -> None:
    while True:
        try:
            talk.hear(_line())
        except EOFError:
            break
        except KeyboardInterrupt:  # at the prompt it forgets the line, as in a shell
            if not sys.stdin.isatty():
                raise
            _tell("")
        except UsageError as error:
            talk.failed = True
            _tell(in_words_of_the_line(str(error)))
    if sys.stdin.isatty():
        _tell("")


def _line() -> str:
    """The next line; raises `EOFError` at the end of the input."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        return input(PROMPT)
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.removesuffix("\n")


def _tell(text: str) -> None:
    """Standard output is for answers alone where it is no terminal."""
    print(visible(text), file=sys.stdout if sys.stdout.isatty() else sys.stderr)


def _load_line_editing() -> None:
    with contextlib.suppress(ImportError):  # Windows has its own
        importlib.import_module("readline")
