"""The calls that real providers streamed, run by an agent's tools and told to the provider's next turn.

Each recording is the first turn; a script is the next one. What the recording holds is read from its bytes
and from what was written down of it, never with the decoders of the product. Nobody recorded a call in
Ollama's own dialect: that one is seen in `live/test_aimock.py`.
"""

from __future__ import annotations

import inspect
import json
import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from corpus import by_event, cases
from streamcell import Agent
from streamcell.testing import Raw, Script, WireServer
from tool_dialects import DIALECTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from corpus import Case

SAID = "That is all."
BROKEN = "the arguments are no JSON object"
LOOK_ALIKES = ("deepseek", "mistral", "openrouter")
"""Providers of chat recordings that have a row of their own."""


def asked(case):
    """The calls of a recording that are ours to run."""
    return [call for call in case.expected["tool_calls"] if not call["server"]]


def recorded(*, whole):
    """The recordings with such calls, with their endpoint; only those that ended well if `whole`."""
    return [
        pytest.param(endpoint, *each.values, marks=each.marks, id=f"{endpoint}-{each.id}")
        for endpoint in DIALECTS
        for each in cases(endpoint)
        if each.marks or (asked(each.values[0]) and not (whole and each.values[0].expected["stop"] is None))
    ]


calls_that_ended = pytest.mark.parametrize(("endpoint", "case"), recorded(whole=True))
all_calls = pytest.mark.parametrize(("endpoint", "case"), recorded(whole=False))


def read(raw):
    """The arguments of a recorded call; None when they are broken."""
    try:
        value = json.loads(raw or "{}")
    except json.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def result_of(name, arguments):
    return json.dumps([name, arguments], sort_keys=True)


class Tools:
    """A function for each name that a recording calls, with the parameters it gives; notes what ran."""

    def __init__(self, case: Case) -> None:
        self.ran: list[str] = []
        given: dict[str, dict[str, Any]] = {}
        for call in asked(case):
            given.setdefault(call["name"], {}).update(read(call["arguments"]) or {})
        self.functions = [self._function(name, arguments) for name, arguments in given.items()]

    def _function(self, name: str, arguments: dict[str, Any]) -> Callable[..., str]:
        def called(**arguments: Any) -> str:
            result = result_of(name, arguments)
            self.ran.append(result)
            return result

        by_name = inspect.Parameter.KEYWORD_ONLY
        called.__name__ = name
        called.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            [inspect.Parameter(each, by_name, annotation=type(value)) for each, value in arguments.items()]
        )
        return called


class Run(NamedTuple):
    """What an agent made of a recording: the answer, what ran, and the requests in order."""

    response: Any
    ran: list[str]
    requests: list[dict[str, Any]]


def run(endpoint, case, *bodies):
    """A run in which the model says `bodies`, one each turn, and then a last word."""
    dialect, tools = DIALECTS[endpoint], Tools(case)
    provider = next((name for name in LOOK_ALIKES if f"-{name}-" in case.id), dialect.model)
    provider = provider if endpoint == "openai.chat" else dialect.model
    with WireServer([*map(Raw, bodies), Script.of(SAID)]) as server:
        agent = Agent(
            f"{provider}:recorded",
            base_url=f"{server.base_url}{dialect.base}",
            api_key="unused",
            tools=tools.functions,
            approve="never",
            on_error="keep",
            retries=0,
        )
        response = agent.stream("go").result()
        return Run(response, tools.ran, [request.body for request in server.requests])


def complete(case):
    """What runs of a recording: each call whose arguments can be read, once."""
    calls = [(call["name"], read(call["arguments"])) for call in asked(case)]
    return [result_of(name, arguments) for name, arguments in calls if arguments is not None]


@calls_that_ended
def test_each_call_that_can_be_read_runs_once_as_it_was_written(endpoint, case):
    response, ran, requests = run(endpoint, case, case.body)
    assert sorted(ran) == sorted(complete(case))
    assert len(requests) == 2
    assert response.stop_reason == "stop"
    assert response.text == case.expected["text"] + SAID
    errors = [result.error for result in response.tool_results if not result.server]
    assert errors.count(False) == len(ran)
    assert len(errors) == len(asked(case))


@calls_that_ended
def test_the_next_turn_is_told_each_call_and_its_result_under_one_id(endpoint, case):
    told = DIALECTS[endpoint].answered(run(endpoint, case, case.body).requests[1])
    assert len(told) == len(asked(case))
    for answer, call in zip(told, asked(case), strict=True):
        arguments = read(call["arguments"])
        assert (answer.id, answer.name, answer.arguments) == (call["id"], call["name"], arguments or {})
        assert answer.result_id == answer.id
        if arguments is None:
            assert BROKEN in answer.content
        else:
            assert answer.content == result_of(call["name"], arguments)


@calls_that_ended
def test_signed_thinking_goes_back_as_it_came(endpoint, case):
    dialect = DIALECTS[endpoint]
    assert dialect.handed_back(run(endpoint, case, case.body).requests[1]) == dialect.signed(case)


@calls_that_ended
def test_what_was_said_stands_before_the_calls_and_these_before_the_results(endpoint, case):
    dialect = DIALECTS[endpoint]
    kinds = [kind for kind, _ in groupby(dialect.kinds(run(endpoint, case, case.body).requests[1]))]
    # Gemini signs the call itself: its thinking is no item of its own.
    thought = ["thinking"] if dialect.signed(case) and endpoint != "gemini.generate" else []
    text = ["text"] if case.expected["text"] else []
    assert kinds == ["prompt", *thought, *text, "call", "result"]


@calls_that_ended
def test_a_turn_that_repeats_the_ids_of_an_earlier_one_is_run_and_told_like_any_other(endpoint, case):
    dialect = DIALECTS[endpoint]
    _, ran, requests = run(endpoint, case, case.body, case.body)
    assert sorted(ran) == sorted(complete(case) * 2)
    told = dialect.answered(requests[2])
    named = [answer.id for answer in told if answer.id is not None]
    assert len(set(named)) == len(named)
    assert all(answer.result_id == answer.id for answer in told)
    assert dialect.handed_back(requests[2]) == dialect.signed(case) * 2


@all_calls
def test_no_call_of_an_answer_that_was_cut_runs(endpoint, case):
    before, _ = divided(endpoint, case)
    response, ran, requests = run(endpoint, case, before)
    assert (response.stop_reason, response.error.kind) == ("truncated", "truncated")
    assert ran == []
    assert len(requests) == 1


@calls_that_ended
def test_no_call_of_an_answer_that_reached_its_limit_runs(endpoint, case):
    before, end = divided(endpoint, case)
    for pattern, instead in DIALECTS[endpoint].limit:
        end = re.sub(pattern, instead, end)
    response, ran, requests = run(endpoint, case, before + end)
    assert response.stop_reason == "length"
    assert response.tool_calls
    assert ran == []
    assert len(requests) == 1


def divided(endpoint, case):
    """A recording before the event that ends the answer, and from there."""
    blocks = by_event(case.body)
    end = next((n for n, block in enumerate(blocks) if re.search(DIALECTS[endpoint].end, block)), len(blocks))
    return b"".join(blocks[:end]), b"".join(blocks[end:])
