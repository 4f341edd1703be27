import io

import pytest
from rich.console import Console

from screen import Screen
from streamcell.core.response import StreamingResponse
from streamcell.events import TextDelta
from streamcell.notebook.terminal import TerminalView

WORDS = "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november"


class Terminal:
    """A view on a console whose width changes, and the screen behind it."""

    def __init__(self, width):
        self.console = Console(
            file=io.StringIO(),
            force_terminal=True,
            width=width,
            height=30,
            highlight=False,
            legacy_windows=False,
        )
        self.screen = Screen(width)
        self.view = TerminalView(self.console, clock=lambda: 0.0, figures=False)
        self.console.print("before")
        self.view.start()

    def say(self, text):
        self.view._next_frame = 0.0
        self.view.on_events([TextDelta(text)])
        return self.seen()

    def resize(self, width):
        self.seen()
        self.console.width = width
        self.screen.resize(width)

    def finish(self):
        self.view.finish(StreamingResponse())
        return self.seen()

    def seen(self):
        self.screen.feed(self.console.file.getvalue())
        self.console.file.seek(0)
        self.console.file.truncate()
        return [row for row in self.screen.rows if row]


@pytest.mark.parametrize("widths", [(50,), (50, 100), (37, 20, 61), (20, 120), (99, 98, 97)])
def test_a_change_of_the_width_leaves_nothing_behind(widths):
    terminal = Terminal(100)
    terminal.say(WORDS)
    for width in widths:
        terminal.resize(width)
        rows = terminal.say(f" {width}")
        said = f"{WORDS} {' '.join(map(str, widths[: widths.index(width) + 1]))}"
        assert rows[0] == "before"
        assert " ".join(rows[1:-1]) == said
        assert rows[-1].endswith("writing")
    assert " ".join(terminal.finish()[1:]) == said


def test_settled_text_stays_when_the_width_changes():
    terminal = Terminal(100)
    terminal.say(f"# Title\n\nFirst.\n\n- one\n\n{WORDS}")
    terminal.resize(30)
    terminal.say("\n\nLast.")
    rows = terminal.finish()
    assert [rows[0], rows[2], rows[-1]] == ["before", "First.", "Last."]
    assert WORDS in " ".join(rows)


def test_code_with_a_background_may_be_wrapped_too():
    terminal = Terminal(80)
    terminal.say("```python\nvalue = 1\n")
    terminal.resize(33)
    rows = terminal.say("other = 2\n")
    assert [row.strip() for row in rows[:-1]] == ["before", "value = 1", "other = 2"]


def test_a_question_in_between_is_not_overdrawn():
    terminal = Terminal(80)
    terminal.say("First line\nsecond line\nthird")
    with terminal.view.quiet():
        terminal.console.print("Run it? yes")
    assert terminal.say(" goes on")[1] == "Run it? yes"
