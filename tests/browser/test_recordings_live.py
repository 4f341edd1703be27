"""Recorded answers, cut at random: in the variable, on the finished page, and on the page while they come.

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

CHAT, RESPONSES, MESSAGES = "openai.chat", "openai.responses", "anthropic.messages"
CELLS = {
    CHAT: ("openai:recorded", "/v1"),
    RESPONSES: ("openai-responses:recorded", "/v1"),
    MESSAGES: ("anthropic:recorded", ""),
}
PROVIDERS = {CHAT: openai, MESSAGES: anthropic}
TOLD = ("text", "thinking", "refusal", "tool_calls")
LARGE = 50_000
NOT_LATIN = re.compile(r"[\u0370-\u1dff\u3040-\ud7ff]")

KINDS = {
    "thinking of a chat": (CHAT, lambda case: case.expected["thinking"] and case.expected["text"]),
    "thinking of a message": (MESSAGES, lambda case: case.expected["thinking"] and case.expected["text"]),
    "a call of a tool": (CHAT, lambda case: case.expected["tool_calls"]),
    "a refusal": (CHAT, lambda case: case.expected["refusal"]),
    "letters that are not Latin": (RESPONSES, lambda case: NOT_LATIN.search(case.expected["text"])),
    "a table": (MESSAGES, lambda case: re.search(r"(?m)^\|[ :]*-", case.expected["text"])),
    "fenced code": (CHAT, lambda case: "```" in case.expected["text"]),
    "many bytes": (CHAT, lambda case: len(case.body) > LARGE),
    "citations": (MESSAGES, lambda case: case.expected["citations"]),
    "a tool of the server": (MESSAGES, lambda case: any(c["server"] for c in case.expected["tool_calls"])),
    "no text": (MESSAGES, lambda case: not case.expected["text"]),
}
LETTERS = r"""end => document.querySelector("article[aria-label='Assistant message']")
    ?.textContent.replace(/[^\p{L}\p{N}]/gu, "").includes(end)"""
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
        shown = wait_until_replaced(notebook, index).text_content()
        for name in ("thinking", "text", "refusal"):
            assert _first_missing(_words_of(case.expected[name]), shown) is None, (kind, name)
        for call in case.expected["tool_calls"]:
            assert _first_missing([call["name"]], shown) is None, kind
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
    article(notebook).wait_for()
    notebook.page.wait_for_function(LETTERS, arg="".join(expected)[-40:])
    assert _first_missing(expected, article(notebook).text_content()) is None
    assert is_running(notebook)
    for block in at_random(late):
        flow._write(block)
    flow.cut()
    finished = wait_until_replaced(notebook).text_content()
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
    return f"%%stream {model} --base-url {root}{path} -o {name} --idle-timeout 600\nSpeak"


def _words_of(markdown):
    """The words that a reader sees: without numbers of lists, names of fences and addresses of links."""
    unmarked = re.sub(r"(?m)^[ \t>]*\d+[.)] |^\s*```\w*|\]\([^)]*\)", " ", markdown)
    return re.findall(r"[^\W_]+", unmarked)


def _first_missing(words, shown):
    """The first word that does not come after the one before it; None when all do."""
    position = 0
    for word in words:
        position = shown.find(word, position) + len(word)
        if position < len(word):
            return word
    return None
