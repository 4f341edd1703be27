"""Recorded answers of real providers, streamed into cells: page and variable hold what was recorded."""

import json
import re

import pytest

from corpus import cases
from faucet import LOAD
from streamcell.testing import Raw, WireServer
from views import wait_until_replaced

MODELS = {
    "anthropic.messages": "anthropic:claude-x",
    "gemini.generate": "gemini:gemini-x",
    "ollama.chat": "ollama:x",
    "openai.chat": "openai:x",
    "openai.responses": "openai-responses:x",
}
CHOSEN = (
    "anthropic-messages-anthropic-958bb8c6e4",  # thinking
    "anthropic-messages-anthropic-1225f0bf9d",  # a tool is called
    "anthropic-messages-anthropic-0d5334b833",  # 68 kB, a tool of the server, sources
    "anthropic-messages-anthropic-b60684896f",  # 98 kB, tables, code, emoji
    "gemini-generate-google-4c112f3b35",  # thinking, lines that end in CR LF
    "ollama-chat-ollama-0de26152c5",  # lines of JSON
    "openai-chat-alibaba-22d4963e09",  # 82 kB, thinking
    "openai-chat-openai-06c2ea371d",  # a refusal
    "openai-chat-openai-c8c3a53c1d",  # code, cut at the length limit
    "openai-responses-openai-6208163eaf",  # not Latin
)


def test_recordings_arrive_whole_on_the_page_and_in_the_variable(lab):
    chosen = _chosen()
    answers = [Raw(case.body, content_type=_type(model)) for model, case in chosen]
    with WireServer(answers) as server:
        cells = [LOAD, "import json"]
        for model, _ in chosen:
            base = f"{server.base_url}/v1" if model == "openai:x" else server.base_url
            cells += [
                f"%%stream {model} -o r --base-url {base}\nSpeak",
                "print(json.dumps([r.text, r.refusal]))",
            ]
        notebook = lab.open(cells)
        notebook.run_all()
        notebook.wait_until_run(len(cells) - 1)
    for index, (_, case) in enumerate(chosen):
        place = 2 * index + 2
        output = wait_until_replaced(notebook, place)
        output.scroll_into_view_if_needed()
        shown = _letters(output.inner_text())
        (printed,) = notebook.outputs(place + 1)
        expected = [case.expected["text"], case.expected["refusal"]]
        assert json.loads(printed["text"]) == expected, case.id
        for text in expected:
            assert _missing(text, shown) == [], case.id
        if thinking := case.expected["thinking"]:
            output.get_by_text("Thinking", exact=True).click()
            assert _missing(thinking, _letters(output.inner_text())) == [], case.id
    assert notebook.errors == []


def _chosen():
    found = {}
    for endpoint, model in MODELS.items():
        for parameter in cases(endpoint):
            (case,) = parameter.values
            if case is None:
                pytest.skip("no recordings: set STREAMCELL_CORPUS")
            found[case.id] = (model, case)
    return [found[name] for name in CHOSEN]


def _type(model):
    return "application/x-ndjson" if model.startswith("ollama") else "text/event-stream"


def _missing(markdown, shown):
    return [line for line in _lines(markdown) if line not in shown]


def _lines(markdown):
    """What of each line a page shows as letters: no numbers of lists, names of fences, addresses of links.

    Lines with formulas are left out: they are typeset.
    """
    unmarked = re.sub(r"(?m)^\s*\d+\. |^\s*```\w*$|\]\([^)]*\)", "", markdown)
    return [_letters(line) for line in unmarked.splitlines() if "$" not in line]


def _letters(text):
    return re.sub(r"[\W_]+", "", text)
