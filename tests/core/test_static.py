import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core import static
from streamcell.core.metrics import Metrics
from streamcell.core.response import StreamingResponse
from streamcell.core.steps import Step
from streamcell.events import Citation, ErrorInfo, ToolCall, ToolResult

FOREIGN = "<img src=x onerror=alert(1)>\u202e\x1b[31m$x$"


class Answer(msgspec.Struct, kw_only=True):
    text: str = ""
    thinking: str = ""
    refusal: str = ""
    tool_calls: list[ToolCall] = []
    tool_results: list[ToolResult] = []
    citations: list[Citation] = []
    stop_reason: str | None = "stop"
    error: ErrorInfo | None = None
    metrics: Metrics = Metrics()
    metadata: dict[str, object] = {}

    @property
    def steps(self):
        return [Step(self.thinking, self.text, [], self.tool_calls, self.tool_results)]


def html(**parts):
    return static.bundle(Answer(**parts))["text/html"]


def plain(**parts):
    return static.bundle(Answer(**parts))["text/plain"]


def test_the_bundle_holds_html_and_plain_text_only():
    assert set(static.bundle(Answer(text="hi"))) == {"text/html", "text/plain"}


def test_a_response_that_has_not_begun_has_a_bundle():
    assert static.bundle(StreamingResponse())["text/plain"] == ""


def test_markdown_is_formatted_in_html_and_whole_in_plain_text():
    assert "<strong>b</strong>" in html(text="a **b**")
    assert plain(text="a **b**") == "a **b**"


def test_plain_text_keeps_its_lines_and_joined_letters_while_code_hides_nothing():
    text = "a\n  \u0645\u06cc\u200c\u062e"
    assert f"<pre>{text}</pre>" in html(text=text, metadata={"format": "text"})
    assert "\u200c" not in html(text=text, metadata={"format": "code"})


def test_thinking_is_a_closed_fold():
    shown = html(thinking="hmm", text="yes")
    assert shown.index("<details><summary>Thinking</summary>") < shown.index("yes")
    assert "open" not in shown


def test_tool_calls_and_results_show_name_arguments_and_time():
    call = ToolCall(part=0, id="1", name="add", arguments={"a": 1})
    result = ToolResult(id="1", name="add", content="3 < 4", seconds=0.25)
    shown = html(tool_calls=[call], tool_results=[result])
    assert "<summary>Tool call: add</summary>" in shown
    assert '"a": 1' in shown
    assert "Tool result: add (250 ms)" in shown
    assert "3 &lt; 4" in shown


def test_arguments_that_are_no_json_are_shown_as_they_came():
    call = ToolCall(part=0, id="1", name="add", arguments=None, raw_arguments='{"a": ')
    assert '{"a": ' in html(tool_calls=[call])
    assert '{"a": ' in plain(tool_calls=[call])


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("cancelled", "Stopped"),
        ("truncated", "Cut off"),
        ("length", "max_tokens"),
        ("filter", "filter"),
        ("error", "Failed"),
    ],
)
def test_an_answer_that_is_not_whole_says_so(reason, words):
    assert words in html(text="half", stop_reason=reason)
    assert words in plain(text="half", stop_reason=reason)


@pytest.mark.parametrize("reason", ["stop", "tool_calls", "unknown", None])
def test_an_answer_that_is_whole_or_growing_has_no_notice(reason):
    assert static.notice(Answer(stop_reason=reason)) is None


def test_only_what_arrived_is_said_to_be_kept():
    assert static.notice(Answer(stop_reason="error")) == "Failed."
    assert static.notice(Answer(stop_reason="error", thinking="hm")) == "Failed. What arrived is kept."


def test_a_failure_shows_the_errors_line():
    error = ErrorInfo(kind="server", message="HTTP 500 from the provider\nsecond line")
    assert "HTTP 500 from the provider second line" in html(stop_reason="error", error=error)


def test_a_refusal_is_shown_as_one():
    assert "<strong>Refused.</strong>" in html(refusal="No.", stop_reason="refusal")
    assert "Refused: No." in plain(refusal="No.")


def test_a_citation_links_to_its_source_with_the_host_visible():
    shown = html(citations=[Citation(url="https://a.example/x", title="A page", quote="said")])
    assert 'href="https://a.example/x"' in shown
    assert "(a.example)" in shown
    assert "<em>said</em>" in shown


def test_a_citation_with_a_script_address_is_plain_text():
    assert "<a" not in html(citations=[Citation(url="javascript:alert(1)", title="A page")])


def test_foreign_strings_are_text_wherever_they_stand():
    shown = static.bundle(
        Answer(
            text=FOREIGN,
            thinking=FOREIGN,
            refusal=FOREIGN,
            tool_calls=[ToolCall(part=0, id="1", name=FOREIGN, arguments={FOREIGN: FOREIGN})],
            tool_results=[ToolResult(id="1", name=FOREIGN, content=FOREIGN)],
            citations=[Citation(url=FOREIGN, title=FOREIGN, quote=FOREIGN)],
            error=ErrorInfo(kind="server", message=FOREIGN),
            metadata={"model": FOREIGN},
        )
    )
    assert "<img" not in shown["text/html"]
    assert shown["text/html"].count("&lt;img") == 12
    for control in ("\u202e", "\x1b"):
        assert control not in shown["text/html"]
        assert control not in shown["text/plain"]


def test_the_metrics_line_says_what_is_known():
    metrics = Metrics(
        time_to_first_token=0.31,
        duration=4.25,
        output_tokens=1234,
        tokens_per_second=80.4,
        cost=0.0012,
        retries=1,
    )
    assert static.metrics_line(metrics, model="openai:gpt", scripted=False) == (
        "openai:gpt · first token 310 ms · 80 tokens/s · 1,234 tokens · total 4.2 s · $0.0012 · retries 1"
    )


def test_estimated_counts_are_marked():
    line = static.metrics_line(Metrics(output_tokens=10, tokens_estimated=True), model="m")
    assert line == "m · ~10 tokens"


def test_a_scripted_answer_is_labelled_in_both_forms():
    metadata = {"model": "demo:markdown", "scripted": True}
    assert "scripted demo answer" in html(text="x", metadata=metadata)
    assert "scripted demo answer" in plain(text="x", metadata=metadata)


@given(st.text(), st.text(), st.text())
def test_the_html_is_what_the_second_wall_lets_through(text, thinking, name):
    call = ToolCall(part=0, id="1", name=name, arguments=None, raw_arguments=text)
    shown = html(text=text, thinking=thinking, tool_calls=[call], metadata={"model": name})
    assert static.safe_html.seal(shown) == shown
    shown.encode()
