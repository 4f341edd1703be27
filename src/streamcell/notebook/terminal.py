"""A run in a terminal: settled Markdown scrolls by, its growing tail and a status line stay live below.

Written for one caller on one thread at a time; no thread of its own (Rich's refresh thread is off). At most
`FRAMES_PER_SECOND` times a second the live part is redrawn, and it is bounded, so the cost of a run grows
with its length, not with its square. Where standard output is no terminal, the text goes out as it comes.
Nothing a model says reaches the terminal as a control character.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt
from rich.console import Console, Group
from rich.markdown import Markdown
from rich.spinner import Spinner
from rich.text import Text

from streamcell.core.static import Answer, answer_line, arguments_of, notice
from streamcell.core.tail import Tail
from streamcell.core.visible import visible
from streamcell.events import Event, Notice, ReasoningDelta, Retrying, TextDelta, ToolCall, ToolResult
from streamcell.notebook.live_part import LivePart

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    from markdown_it.token import Token
    from rich.segment import Segment

    from streamcell.core.protocol import Figures, Format

FRAMES_PER_SECOND = 12
_LONGEST_TAIL = 4_000
"""Characters of an unfinished block that are drawn in each frame: more than a screen of them."""
_REST = 4
"""Drawing takes at most a fifth of the time: after a slow frame the next waits this many times as long."""
_LONGEST_LINE = 200
_LONGEST_NOTICE = 1_000
"""What went wrong, and what to do about it, which stands at its end."""
_PARSER = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])


class TerminalView:
    """One run on a console. `start`, then `on_events` as they come, `finish` once (again does nothing).

    `clock` gives monotonic seconds. `figures=False` leaves the metrics line away, for output that is piped.
    Text of another `form` than Markdown is printed as it stands. `aside` is another console for all that is
    not the answer's own text, so that a pipe gets the answer alone. `worded` says why a run failed in the
    words of its user.
    """

    def __init__(
        self,
        console: Console | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        figures: bool = True,
        form: Format = "markdown",
        aside: Console | None = None,
        worded: Callable[[str], str] = str,
    ) -> None:
        self._console = console or Console(highlight=False, force_jupyter=False)
        self._aside = aside or self._console
        self._clock = clock
        self._worded = worded
        self._with_figures = figures
        self._drawn = markdown if form == "markdown" else Text
        self._tail = Tail()
        self._doing = "waiting"
        self._running: dict[str, str] = {}
        self._spinner = Spinner("dots", style="dim")
        self._figures: Figures | None = None
        self._next_frame = 0.0
        self._carriage_return = ""
        self._live: LivePart | None = None
        self._finished = False
        self._mid_line = False
        self._blocks_printed = False

    def start(self) -> None:
        """Show that the run waits for its first token."""
        if self._console.is_terminal:
            self._live = LivePart(self._console)
            self._live.start()
            self._draw()

    @contextlib.contextmanager
    def quiet(self) -> Generator[None]:
        """Inside, the live part is gone from the screen."""
        if self._live is None:
            self._end_line()
            yield
            return
        self._live.stop()
        try:
            yield
        finally:
            self.start()

    def on_events(self, events: Iterable[Event], figures: Figures | None = None) -> None:
        """Take what happened since the last call; no events, only `figures`, is a tick of the status line."""
        self._figures = figures or self._figures
        for event in events:
            self._take(event)
        now = self._clock()
        if now >= self._next_frame:
            self._draw()

    def finish(self, answer: Answer) -> None:
        """Print the rest, why it ended if it did not end well, and the figures."""
        if self._finished:
            return
        self._finished = True
        self._add_text("\n" if self._carriage_return else "")
        if self._live is not None:
            self._live.stop()
            self._print_markdown(self._tail.unsettled)
        self._end_line()
        if said := notice(answer):
            style = "bold red" if answer.error else "bold"
            self._print_line(self._worded(said), style=style, longest=_LONGEST_NOTICE)
        if self._with_figures and (line := answer_line(answer)):
            self._print_line(line, style="dim")

    def _take(self, event: Event) -> None:
        match event:
            case TextDelta(text=text) | Notice(kind="refusal", text=text):
                self._doing = "writing"
                self._add_text(text)
            case Notice(text=text):
                self._print_line(f"Note: {text}", style="dim")
            case ReasoningDelta():
                self._doing = "thinking"
            case ToolCall():
                self._running |= {} if event.server else {event.id: event.name}
                self._print_line(f"Tool call: {event.name} {arguments_of(event)}", style="cyan")
            case ToolResult():
                self._running.pop(event.id, None)
                self._doing = "waiting"
                self._print_line(_result_line(event), style="red" if event.error else "cyan")
            case Retrying():
                self._doing = "retrying"
                self._print_line(
                    f"Trying again in {event.delay:.1f} s: {event.error.message}", style="yellow"
                )
            case _:
                pass

    def _add_text(self, text: str) -> None:
        text = self._carriage_return + text
        self._carriage_return = "\r" if text.endswith("\r") else ""
        shown = visible(text.removesuffix("\r"))
        if self._live is None:
            self._write(shown)
        else:
            self._print_markdown(self._tail.feed(shown))

    def _write(self, text: str) -> None:
        if text:
            self._console.file.write(text)
            self._console.file.flush()
            self._mid_line = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._mid_line:
            self._write("\n")

    def _print_line(self, line: str, *, style: str, longest: int = _LONGEST_LINE) -> None:
        if self._aside is self._console:
            self._end_line()
        if self._live is not None and not self._finished:
            self._print_markdown(self._tail.unsettled)
            self._tail = Tail()
            self._next_frame = 0.0  # or the text just printed would be seen twice for a moment
        shown = visible(" ".join(line[: 4 * longest].split()))
        cut = f"{shown[:longest]}…" if len(shown) > longest else shown
        self._aside.print(Text(cut, style=style), soft_wrap=not self._aside.is_terminal)

    def _print_markdown(self, source: str) -> None:
        if not source.strip():
            return
        gap = [Text()] if self._blocks_printed else []
        self._blocks_printed = True
        self._console.print(Group(*gap, self._drawn(source)))

    def _draw(self) -> None:
        if self._live is None:
            return
        began = self._clock()
        self._spinner.update(text=Text(self._status(), style="dim"))
        lines = [*self._tail_drawn(), *self._console.render_lines(self._spinner, pad=False)]
        self._live.show(lines)
        now = self._clock()
        self._next_frame = now + max(1 / FRAMES_PER_SECOND, _REST * (now - began))

    def _tail_drawn(self) -> list[list[Segment]]:
        source = self._tail.end(lines=self._console.height, characters=_LONGEST_TAIL)
        if not source.strip():
            return []
        lines = self._console.render_lines(self._drawn(source), pad=False)
        room = max(self._console.height - 3, 1)
        # Drawn lines rather than source lines: a long paragraph is one source line and many on the screen.
        return lines[-room:]

    def _status(self) -> str:
        doing = f"running {', '.join(self._running.values())}" if self._running else self._doing
        parts = [visible(doing)[:_LONGEST_LINE]]
        if self._figures is not None:
            about = "~" if self._figures.tokens_estimated else ""
            parts.append(f"{self._figures.elapsed:.1f} s")
            if self._figures.tokens is not None:
                parts.append(f"{about}{self._figures.tokens:,} tokens")
            if self._figures.tokens_per_second is not None:
                parts.append(f"{about}{self._figures.tokens_per_second:,.0f} tokens/s")
        return " · ".join(parts)


def _result_line(result: ToolResult) -> str:
    mark = "✗" if result.error else "✓"
    took = "" if result.seconds is None else f" in {result.seconds:.1f} s"
    return f"{mark} {result.name}{took}: {result.content}"


def markdown(source: str) -> Markdown:
    """Rich Markdown with raw HTML as text and addresses beside their links, without control characters."""
    rendered = Markdown("", hyperlinks=False)
    rendered.parsed = _PARSER.parse(source)
    _make_visible(rendered.parsed)
    return rendered


def _make_visible(tokens: list[Token]) -> None:
    """Entities such as `&#27;` become control characters in the parser, after the source was looked at."""
    for token in tokens:
        token.content = visible(token.content)
        token.info = visible(token.info)
        token.attrs = {
            name: visible(value) if isinstance(value, str) else value for name, value in token.attrs.items()
        }
        _make_visible(token.children or [])
