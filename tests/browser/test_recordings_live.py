"""Recorded answers of two providers, cut at random: in the variable, on the finished page, and while they come.

Which recordings are taken is decided by what they hold, so that the tests outlast any one collection.
"""

from __future__ import annotations

import json
import re

import pytest

from answers import events_of
from corpus import at_random, by_event, cases
from faucet import LOAD
from streamcell.events import TextDelta
from streamcell.providers.anthropic import anthropic
from streamcell.providers.openai import openai
from streamcell.testing import Raw, WireServer
from views import article, is_running, wait_until_replaced

CHAT, MESSAGES = "openai.chat", "anthropic.messages"
CELLS = {CHAT: ("openai:recorded", "/v1"), MESSAGES: ("anthropic:recorded", "")}
PROVIDERS = {CHAT: openai, MESSAGES: anthropic}
TOLD = ("text", "thinking", "refusal", "tool_calls")
LARGE = 50_000

KINDS = {
    "thinking of a chat": (CHAT, lambda case: case.expected["thinking"] and case.expected["text"]),
    "thinking of a message": (MESSAGES, lambda case: case.expected["thinking"] and case.expected["text"]),
    "a call of a tool": (CHAT, lambda case: case.expected["tool_calls"]),
    "a refusal": (CHAT, lambda case: case.expected["refusal"]),
    "a table": (MESSAGES, lambda case: re.search(r"(?m)^\|[ :]*-", case.expected["text"])),
    "fenced code": (CHAT, lambda case: "```" in case.expected["text"]),
    "letters that are not Latin": (
        MESSAGES,
        lambda case: re.search(r"[\u0370-\uffdc]", case.expected["text"]),
    ),
    "many bytes": (CHAT, lambda case: len(case.body) > LARGE),
    "citations": (MESSAGES, lambda case: case.expected["citations"]),
    "a tool of the server": (
        MESSAGES,
        lambda case: any(call["server"] for call in case.expected["tool_calls"]),
    ),
    "no text": (MESSAGES, lambda case: not case.expected["text"]),
}
TELL = """import json
def told(r):
    calls = [dict(id=c.id, name=c.name, arguments=c.raw_arguments, server=c.server) for c in r.tool_calls]
    return dict(text=r.text, thinking=r.thinking, refusal=r.refusal, tool_calls=calls)
print(json.dumps([told(r) for r in ({})]))"""


def test_recordings_of_every_kind_are_whole_in_the_variable_and_on_the_page(lab):
    chosen = _chosen()
    names = [f"r{number}" for number in range(len(chosen))]
    with WireServer([_cut(case.body) for _, case in chosen]) as server:
        asking = [
            _cell(endpoint, server.base_url, name) for name, (endpoint, _) in zip(names, chosen, strict=True)
        ]
        notebook = lab.open([LOAD, *asking, TELL.replace("{}", ", ".join(names))])
        notebook.run_all()
        notebook.wait_until_run(len(chosen) + 1)
    (printed,) = notebook.outputs(len(chosen) + 1)
    for kind, (_, case), told in zip(KINDS, chosen, json.loads(printed["text"]), strict=True):
        assert told == {name: case.expected[name] for name in TOLD}, kind
    for index, (kind, (_, case)) in enumerate(zip(KINDS, chosen, strict=True), 1):
        shown = _words(wait_until_replaced(notebook, index).text_content())
        for name in ("thinking", "text", "refusal"):
            assert _first_missing(_words_of(case.expected[name]), shown) is None, (kind, name)
        for call in case.expected["tool_calls"]:
            assert _first_missing(_words(call["name"]), shown) is None, kind
    assert notebook.errors == []


@pytest.mark.parametrize("endpoint", [CHAT, MESSAGES])
def test_a_recording_is_on_the_page_while_the_rest_of_it_is_still_to_come(lab, faucet, endpoint):
    case = max(_usable(endpoint), key=lambda case: len(case.expected["text"]))
    events = by_event(case.body)
    early, late = b"".join(events[: len(events) // 2]), b"".join(events[len(events) // 2 :])
    said, _ = events_of(PROVIDERS[endpoint], [early])
    text = "".join(event.text for event in said if isinstance(event, TextDelta))
    *expected, _ = _words_of(text)  # the last word may be half a word, or half a mark
    assert expected
    notebook = lab.open([LOAD, _cell(endpoint, faucet.base_url.removesuffix("/v1"), "r"), "print(r.text)"])
    notebook.run_all()
    flow = faucet.next()
    for block in at_random(early):
        flow._write(block)
    shown = article(notebook)
    shown.get_by_text(expected[-1]).last.wait_for()
    assert _first_missing(expected, _words(shown.text_content())) is None
    assert is_running(notebook)
    for block in at_random(late):
        flow._write(block)
    flow.cut()
    finished = _words(wait_until_replaced(notebook).text_content())
    assert _first_missing(_words_of(case.expected["text"]), finished) is None
    notebook.wait_until_run(2)
    assert notebook.outputs(2)[0]["text"] == case.expected["text"] + "\n"


def _chosen():
    """For each kind its first recording that no kind before it has taken, so that they are as many."""
    chosen = []
    for endpoint, fits in KINDS.values():
        taken = [case.id for _, case in chosen]
        chosen.append((endpoint, next(c for c in _usable(endpoint) if c.id not in taken and fits(c))))
    return chosen


def _usable(endpoint):
    """The recordings that are whole streams."""
    found = [parameter.values[0] for parameter in cases(endpoint)]
    if None in found:
        pytest.skip("no recordings: set STREAMCELL_CORPUS")
    return [case for case in found if case.kind == "sse" and case.expected["stop"] is not None]


def _cut(body):
    return Raw(body, cuts=tuple(len(block) for block in at_random(body)))


def _cell(endpoint, root, name):
    model, path = CELLS[endpoint]
    return f"%%stream {model} --base-url {root}{path} -o {name}\nSpeak"


def _words(text):
    return re.findall(r"[^\W_]+", text)


def _words_of(markdown):
    """The words that a reader sees: without numbers of lists, names of fences and addresses of links."""
    unmarked = re.sub(r"(?m)^[ \t>]*\d+[.)] |^\s*```\w*|\]\([^)]*\)", " ", markdown)
    return _words(unmarked)


def _first_missing(expected, shown):
    """The first expected word that does not come in its order; None when all do."""
    rest = iter(shown)
    return next((word for word in expected if word not in rest), None)
