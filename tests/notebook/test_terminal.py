import io
import itertools
import re

import pytest
from rich.console import Console

from streamcell.core.metrics import Metrics
from streamcell.core.protocol import Figures
from streamcell.core.response import StreamingResponse
from streamcell.errors import ProviderError
from streamcell.events import Notice, ReasoningDelta, Retrying, Started, TextDelta, ToolCall, ToolResult
from streamcell.notebook import terminal
from streamcell.notebook.terminal import TerminalView, markdown


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def answer(*, reason="stop", error=None):
    response = StreamingResponse()
    response.stop_reason = reason
    response.error = error
    response.metadata["model"] = "demo:markdown"
    response.metrics = Metrics(output_tokens=7)
    return response


def run(*events, tty, figures=True, seconds=0.0, **ending):
    console = Console(
        file=io.StringIO(),
        force_terminal=tty,
        width=80,
        height=24,
        color_system=None,
        highlight=False,
        legacy_windows=False,
    )
    clock = Clock()
    view = TerminalView(console, clock=clock, figures=figures)
    view.start()
    for event in events:
        clock.now += seconds
        view.on_events([event], Figures(elapsed=1.0, tokens=7))
    view.finish(answer(**ending))
    return console.file.getvalue()


def test_piped_text_comes_out_as_it_was():
    shown = run(Started("demo", "m"), TextDelta("# A\n\n**b"), TextDelta("** c"), tty=False, figures=False)
    assert shown == "# A\n\n**b** c\n"


def test_piped_text_is_followed_by_the_figures():
    assert run(TextDelta("hi"), tty=False) == "hi\ndemo:markdown · 7 tokens\n"


def test_a_line_end_cut_in_two_is_one_line_end():
    assert run(TextDelta("a\r"), TextDelta("\nb"), tty=False, figures=False) == "a\nb\n"


@pytest.mark.parametrize("tty", [True, False])
def test_no_escape_sequence_of_the_model_reaches_the_terminal(tty):
    foreign = "\x1b]0;title\x07\x9b31m\u202e"
    error = ProviderError(foreign).info()
    events = [
        TextDelta(
            f"text {foreign} &#27;]0;entity `&` [a](https://a.example/&#27;)\n\n```&#27;]0;info\n{foreign}\n```\n"
        ),
        Notice("refusal", foreign),
        Notice("dropped", foreign),
        ToolCall(part=1, id="1", name=f"name {foreign}", arguments={"a": foreign}),
        ToolResult(id="1", name=foreign, content=foreign),
        Retrying(1, 0.5, error),
    ]
    shown = run(*events, tty=tty, reason="error", error=error)
    for control in ("\x1b]", "\x07", "\x9b", "\u202e"):
        assert control not in shown
    assert "␛]0;title␇[U+009B]31m[U+202E]" in shown.replace("\n", "")


def test_markdown_is_formatted_in_a_terminal():
    shown = run(TextDelta("para **bold**\n\n- item\n"), tty=True)
    assert "para bold" in shown
    assert "• item" in shown


def test_a_settled_block_is_printed_once_with_a_blank_line_between_blocks():
    shown = run(*[TextDelta(f"block {n}\n\n") for n in range(50)], tty=True)
    lines = [line.rpartition("\x1b[2K")[2].rstrip() for line in shown.splitlines()]
    assert [line for line in lines if line.startswith("block")] == [f"block {n}" for n in range(50)]
    assert lines[lines.index("block 7") - 1] == ""


def test_the_live_part_is_drawn_at_most_twelve_times_a_second(monkeypatch):
    drawn = []
    monkeypatch.setattr(terminal, "markdown", lambda source: drawn.append(source) or markdown(source))
    console = Console(file=io.StringIO(), force_terminal=True, width=80, height=24)
    clock = Clock()
    view = TerminalView(console, clock=clock)
    view.start()
    for _ in range(1000):
        clock.now += 0.001
        view.on_events([TextDelta("word ")])
    assert 10 <= len(drawn) <= 12
    assert max(map(len, drawn)) <= 4_000


def test_raw_html_and_addresses_are_shown_as_text():
    shown = run(TextDelta("<b>x</b> [label](https://a.example/)\n"), tty=True)
    assert "<b>x</b>" in shown
    assert "https://a.example/" in shown
    assert "\x1b]8" not in shown


def test_tools_thinking_and_retries_are_named():
    error = ProviderError("too busy").info()
    events = [
        Retrying(1, 0.5, error),
        ReasoningDelta("hmm"),
        ToolCall(part=0, id="1", name="add", arguments={"a": 1}),
        ToolResult(id="1", name="add", content="2"),
    ]
    shown = run(*events, tty=True, seconds=1.0)
    for words in (
        "running add",
        "Trying again in 0.5 s: too busy",
        "thinking",
        'Tool call: add { "a": 1 }',
        "✓ add: 2",
    ):
        assert words in shown


@pytest.mark.parametrize("tty", [True, False])
def test_why_an_answer_ended_early_is_said(tty):
    assert "Stopped." in run(TextDelta("half"), tty=tty, reason="cancelled")


def test_finishing_twice_prints_once():
    console = Console(file=io.StringIO(), force_terminal=False)
    view = TerminalView(console)
    view.start()
    view.on_events([TextDelta("x")])
    view.finish(answer())
    shown = console.file.getvalue()
    view.finish(answer())
    assert console.file.getvalue() == shown


def test_the_tools_that_still_run_are_named_beside_the_spinner():
    events = [
        ToolCall(part=1, id="1", name="north", arguments={}),
        ToolCall(part=2, id="2", name="south", arguments={}),
        ToolResult(id="1", name="north", content="done"),
        ToolResult(id="2", name="south", content="done"),
    ]
    shown = run(*events, tty=True, seconds=1.0)
    states = re.findall(r"running [a-z, ]+|waiting", shown)
    assert [state.strip() for state, _ in itertools.groupby(states)] == [
        "waiting",
        "running north",
        "running north, south",
        "running south",
        "waiting",
    ]


def test_the_spinner_turns_from_frame_to_frame(monkeypatch):
    steps = itertools.count()
    monkeypatch.setattr("rich.console.monotonic", lambda: next(steps) * 0.08)
    shown = run(*[TextDelta("x")] * 5, tty=True, seconds=1.0)
    assert len(set(re.findall("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", shown))) >= 3


def test_the_remedy_of_a_failure_is_never_cut_off():
    error = ProviderError(f"{'x' * 220} and the remedy").info()
    assert "and the remedy" in run(tty=False, reason="error", error=error)
