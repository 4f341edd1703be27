"""One answer from several models, against a loopback server."""

from __future__ import annotations

import asyncio

import pytest

from streamcell import StreamcellError, StreamInterruptedError, UsageError
from streamcell.core.script import Fault, Script, text_pieces
from streamcell.many.verdict import ensemble
from streamcell.testing import WireServer

SAID = {
    "a": Script.of("Paris."),
    "b": Script.of("Rome"),
    "c": Script.of("**paris**"),
    "judge": Script.of("It is Paris."),
    "cut": Script.of("Rome, I", stop="length"),
    "broken": Script(pieces=text_pieces("half of"), fault=Fault("cut", after=1)),
    "bad": Script(fault=Fault("status", status=401, message="no such key")),
}


@pytest.fixture
def server(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with WireServer(lambda _path, _headers, body: SAID[body["model"]]) as server:
        yield server


def verdict(server, *models, **options):
    names = [f"openai:{model}" for model in models]
    return asyncio.run(ensemble("Which city?", names, base_url=f"{server.base_url}/v1", **options))


def test_a_vote_takes_the_most_common_answer(server):
    result = verdict(server, "b", "a", "c")
    assert str(result) == result.text == "Paris."
    assert result.agreeing == ("openai:a", "openai:c")
    assert list(result.members) == ["openai:b", "openai:a", "openai:c"]
    assert result.verdict is result.members["openai:a"]


def test_answers_that_failed_or_are_not_whole_have_no_vote(server):
    result = verdict(server, "bad", "cut", "b")
    assert (result.text, result.agreeing) == ("Rome", ("openai:b",))
    assert set(result.members) == {"openai:bad", "openai:cut", "openai:b"}


def test_a_judge_gives_the_verdict_without_knowing_who_said_what(server):
    result = verdict(server, "a", "b", method="judge", judge="openai:judge")
    assert (result.text, result.judge, result.verdict.streamed) == ("It is Paris.", "openai:judge", True)
    *_, asked = server.requests
    (message,) = asked.body["messages"]
    assert "Which city?" in str(message["content"])
    assert "Rome" in str(message["content"])
    assert "openai" not in str(message["content"])


def test_the_first_model_judges_unless_another_is_named(server):
    result = verdict(server, "a", "b", method="judge")
    assert result.judge == "openai:a"
    assert [sent.body["model"] for sent in server.requests][-1] == "a"


def test_without_a_whole_answer_the_first_failure_is_raised(server):
    with pytest.raises(StreamcellError) as caught:
        verdict(server, "cut", "bad")
    assert (caught.value.kind, caught.value.partial) == ("auth", None)


def test_a_first_failure_after_content_keeps_what_came(server):
    with pytest.raises(StreamInterruptedError) as caught:
        verdict(server, "broken", "cut")
    assert caught.value.partial.text == "half"


def test_without_a_whole_answer_or_a_failure_the_ends_are_told(server):
    with pytest.raises(StreamcellError, match="openai:cut: length"):
        verdict(server, "cut")


def test_a_judge_that_fails_is_told_or_kept(server):
    with pytest.raises(StreamcellError):
        verdict(server, "a", method="judge", judge="openai:bad")
    kept = verdict(server, "a", method="judge", judge="openai:bad", on_error="keep")
    assert kept.verdict.stop_reason == "error"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "coin"}, "'coin'"),
        ({"judge": "openai:a"}, "a vote has none"),
        ({"method": "judge", "judge": "anthropic:m", "base_url": None}, "ANTHROPIC_API_KEY"),
        ({"temprature": 1}, "temperature"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_sent(monkeypatch, options, words):
    for name in ("ANTHROPIC_API_KEY", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UsageError, match=words):
        asyncio.run(ensemble("Hi", ["demo"], **options))


def test_the_verdict_is_shown_behind_its_members(server):
    shown = verdict(server, "a", "c")._repr_mimebundle_()
    assert "<h2>verdict (2 of 2 agree)</h2>" in shown["text/html"]
