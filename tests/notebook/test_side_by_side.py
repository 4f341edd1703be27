"""Several answers in one cell, and what names on its line stand for; in IPython without a page."""

from __future__ import annotations

import dataclasses

import pytest

from streamcell import ProviderError, StreamcellError, StreamInterruptedError, tool
from streamcell.core.script import Fault, Script
from streamcell.errors import UsageError
from streamcell.many.comparison import Comparison
from streamcell.testing import WireServer


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setenv("STREAMCELL_DEMO_PACE", "0")
    monkeypatch.setenv("LLM_PROVIDER", "demo")


def ask(shell, line, prompt="Hello"):
    return shell.run_cell_magic("stream", line, prompt)


def test_several_models_answer_in_one_cell(loaded, capsys):
    ask(loaded, "-m demo:markdown -m demo:unicode -o both")
    both = loaded.user_ns["both"]
    assert isinstance(both, Comparison)
    assert list(both) == ["demo:markdown", "demo:unicode"]
    assert [answer.stop_reason for answer in both.values()] == ["stop", "stop"]
    said = capsys.readouterr().out
    assert said.index("The idea") < said.index("语言") < said.index("model  ")


def test_a_model_is_asked_both_ways(loaded):
    ask(loaded, "demo:markdown --compare-blocking -o both")
    streamed, blocking = loaded.user_ns["both"].values()
    assert (streamed.streamed, blocking.streamed) == (True, False)
    assert streamed.text == blocking.text


def test_one_that_fails_does_not_stop_the_other_and_is_named(loaded):
    with pytest.raises(StreamcellError, match="demo:error"):
        ask(loaded, "-m demo:error -m demo:markdown -o both")
    both = loaded.user_ns["both"]
    assert both["demo:error"].error is not None
    assert both["demo:markdown"].stop_reason == "stop"


@pytest.mark.parametrize(
    ("line", "label"),
    [("-m demo:error -m demo:json", "demo:error"), ("demo:error --compare-blocking", "demo:error")],
)
def test_one_that_fails_after_content_is_raised_as_alone_with_what_came(loaded, line, label):
    with pytest.raises(StreamInterruptedError, match=f"^{label}: ") as raised:
        ask(loaded, f"{line} -o both")
    assert raised.value.partial is loaded.user_ns["both"][label]
    assert raised.value.partial.text
    assert raised.value.__cause__.kind == raised.value.kind


def test_one_that_fails_before_any_content_has_nothing_partial(loaded, monkeypatch):
    monkeypatch.setenv("SCRIPTED_KEY", "test")
    with WireServer(Script(fault=Fault("status", status=401))) as server:
        line = f"-m openai:a -m openai:b --base-url {server.base_url}/v1 --key-env SCRIPTED_KEY"
        with pytest.raises(ProviderError, match=r"^openai:a: ") as raised:
            ask(loaded, line)
    assert (raised.value.kind, raised.value.partial) == ("auth", None)


def test_a_failure_that_is_to_be_kept_is_not_raised(loaded):
    ask(loaded, "-m demo:error -m demo:markdown -o both --on-error keep")
    assert loaded.user_ns["both"]["demo:error"].text


def test_a_tool_is_a_function_of_the_notebook(loaded):
    def look(name: str) -> str:
        return f"seen {name}"

    loaded.user_ns["look"] = tool(look, read_only=True)
    ask(loaded, "demo:tools --tool look -o r")
    assert loaded.user_ns["r"].tool_results[0].content.startswith("seen ")


def test_a_schema_is_a_class_of_the_notebook_or_a_list_of_it(loaded):
    @dataclasses.dataclass
    class Row:
        name: str
        age: int

    loaded.user_ns["Row"] = Row
    ask(loaded, "demo:json --schema Row -o one")
    assert isinstance(loaded.user_ns["one"].parsed, Row)
    ask(loaded, "demo:json --schema list[Row] -o rows")
    rows = loaded.user_ns["rows"]
    assert all(isinstance(row, Row) for row in rows.parsed)
    assert list(rows.to_frame().columns) == ["name", "age"]
    assert "<table>" in rows._repr_mimebundle_()["text/html"]


def test_an_answer_that_does_not_fit_its_schema_is_kept_and_told(loaded, monkeypatch):
    monkeypatch.setenv("SCRIPTED_KEY", "test")
    loaded.user_ns["Row"] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    with WireServer(Script.of('{"n": "many"}')) as server:
        line = f"openai:m --base-url {server.base_url}/v1 --key-env SCRIPTED_KEY --schema Row -o r"
        with pytest.raises(StreamInterruptedError, match="does not fit"):
            ask(loaded, line)
    assert loaded.user_ns["r"].text == '{"n": "many"}'
    assert loaded.user_ns["r"].parsed == {"n": "many"}


@pytest.mark.parametrize(
    ("line", "told"),
    [("--tool nothing", "no variable"), ("--tool word", "function"), ("--schema nothing", "no variable")],
)
def test_a_name_that_means_nothing_is_told_before_anything_is_sent(loaded, line, told):
    loaded.user_ns["word"] = "word"
    with pytest.raises(UsageError, match=told):
        ask(loaded, f"demo:tools {line}")
