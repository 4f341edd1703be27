"""The server in a real browser: an EventSource that is cut, and the chat page with the notebook's bundle."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import expect

from serving import listening
from streamcell.agent import Agent
from streamcell.core.script import Script
from streamcell.testing import Fault, WireServer

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
TEXT = "## Streams\n\nOne **brook** runs, and another.\n\n```python\nprint(1)\n```\n" * 3
TOKEN = "correct-horse-battery"  # noqa: S105 - opens nothing
SECONDS = 60

# Reads a stream as pages do; `close` cuts it after so many events, and a new source goes on.
READ = """
([place, cut]) => new Promise((resolve) => {
  const seen = [];
  const source = new EventSource(place);
  const heard = ({lastEventId, type, data}) => {
    seen.push([Number(lastEventId), type, JSON.parse(data)]);
    if (type !== "finished" && seen.length !== cut) return;
    source.close();
    resolve(seen);
  };
  for (const type of ["started", "text", "usage", "finished"]) source.addEventListener(type, heard);
})
"""
# Reads on after the server itself closed: the browser comes back by itself, with Last-Event-ID.
ATTEMPTS = (
    "(place) => new Promise((resolve) => { const source = new EventSource(place);"
    " source.onerror = () => { if (source.readyState === EventSource.CLOSED) resolve('stayed away'); }; })"
)


@pytest.fixture
def served():
    """A function from the answers of a model to the address of a server that has it."""
    with ExitStack() as stack:

        def start(*answers, **options):
            wire = stack.enter_context(WireServer([*map(_script, answers)]))
            agent = Agent("openai:m", name="scripted", base_url=f"{wire.base_url}/v1", retries=0)
            return stack.enter_context(listening([agent], **options)), wire

        yield start


def _script(answer):
    return Script.of(answer) if isinstance(answer, str) else answer


@pytest.fixture
def page(browser):
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(SECONDS * 1000)
    page = context.new_page()
    page.told = []
    page.on("pageerror", lambda error: page.told.append(str(error)))
    page.on("console", lambda said: page.told.append(said.text) if "Security Policy" in said.text else None)
    yield page
    context.close()
    assert page.told == []


def test_an_event_source_reads_a_stream_and_goes_on_where_it_is_told(served, page):
    address, _ = served(TEXT)
    page.goto(f"{address}/")
    place = httpx2.post(f"{address}/v1/streams", json={"prompt": "hi"}).headers["location"]
    whole = page.evaluate(READ, [place, -1])
    assert [number for number, _, _ in whole] == list(range(len(whole)))
    assert "".join(event["text"] for _, kind, event in whole if kind == "text") == TEXT
    assert page.evaluate(READ, [place, 4]) == whole[:4]


def test_an_event_source_that_has_everything_stays_away(served, page):
    address, _ = served(TEXT)
    page.goto(f"{address}/")
    place = httpx2.post(f"{address}/v1/streams", json={"prompt": "hi"}).headers["location"]
    # It comes back with the number of the last event, gets 204, and comes no more.
    assert page.evaluate(ATTEMPTS, place) == "stayed away"


def ask(page, text):
    page.get_by_role("textbox", name="Message").fill(text)
    page.get_by_role("button", name="Send", exact=True).click()


def answers(page):
    return page.get_by_role("article", name="Assistant message")


def test_the_page_shows_an_answer_as_the_notebook_does(served, page):
    address, wire = served(TEXT, "And **more**.")
    page.goto(f"{address}/")
    ask(page, "Tell me")
    expect(answers(page).get_by_role("heading", name="Streams")).to_have_count(3)
    expect(page.get_by_role("button", name="Copy code").first).to_be_visible()
    ask(page, "Go on")
    expect(answers(page).nth(1).locator("strong")).to_have_text("more")
    said = [(each["role"], each["content"]) for each in wire.requests[1].body["messages"]]
    assert said == [("user", "Tell me"), ("assistant", TEXT), ("user", "Go on")]


def test_formulas_are_typeset_and_code_is_coloured(served, page):
    address, _ = served(f"{TEXT}Half is $\\frac{{1}}{{2}}$ of it.")
    page.goto(f"{address}/")
    ask(page, "Tell me")
    expect(answers(page).locator("math mfrac")).to_be_attached()
    expect(answers(page).locator("code .hljs-number").first).to_have_text("1")


@pytest.mark.skipif(not AXE.exists(), reason="no axe: run `npm ci` in js/")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_keeps_the_rules_of_axe(served, page, scheme):
    address, _ = served(TEXT)
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}/")
    ask(page, "Tell me")
    expect(page.get_by_role("button", name="Regenerate", exact=True)).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).to_have_attribute("placeholder", "Ask something")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run()")["violations"]
    assert [(rule["id"], node["html"][:200]) for rule in found for node in rule["nodes"]] == []


def test_an_answer_is_stopped_and_asked_for_anew(served, page):
    half = Script.of(TEXT, fault=Fault("stall", after=3))
    address, _ = served(half, "Whole.")
    page.goto(f"{address}/")
    ask(page, "Tell me")
    expect(answers(page)).to_contain_text("Str")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("button", name="Regenerate", exact=True).click()
    expect(answers(page)).to_contain_text("Whole.")
    page.get_by_role("button", name="Previous version").click()
    expect(answers(page)).to_contain_text("Str")


def test_a_question_that_is_refused_is_given_back(served, page):
    address, _ = served(Script(fault=Fault("status", status=429, message="so it is")), "Fine.")
    page.goto(f"{address}/")
    ask(page, "Tell me")
    expect(answers(page)).to_contain_text("so it is")
    page.get_by_role("textbox", name="Message").fill("x" * 1024 * 1024)
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("longer than 1048576 bytes").first).to_be_visible()
    expect(page.get_by_role("textbox", name="Message")).not_to_have_value("")


def test_an_answer_that_is_cut_on_its_way_is_read_on(served, page):
    address, _ = served(TEXT)
    page.goto(f"{address}/")
    sent = []

    def cut(route):
        """The first answer ends in the middle of an event."""
        answer = route.fetch()
        sent.append(answer.text())
        route.fulfill(response=answer, body=sent[-1][: len(sent[-1]) // 2])

    page.route("**/v1/streams", cut)
    ask(page, "Tell me")
    expect(answers(page).get_by_role("heading", name="Streams")).to_have_count(3)
    expect(answers(page).get_by_text("print(1)")).to_have_count(3)


def test_the_page_asks_for_the_token_and_keeps_it_in_the_tab_only(served, page, monkeypatch):
    monkeypatch.setenv("SERVER_TOKEN", TOKEN)
    address, _ = served("Open.", token_env="SERVER_TOKEN")  # noqa: S106 - a name
    page.goto(f"{address}/")
    for word in ("wrong-horse-battery", TOKEN):
        page.get_by_label("Token").fill(word)
        page.get_by_role("button", name="Open").click()
        if word != TOKEN:
            expect(page.get_by_text("does not open")).to_be_visible()
    ask(page, "Tell me")
    expect(answers(page)).to_contain_text("Open.")
    assert page.evaluate("[localStorage.length, document.cookie, location.href]") == [0, "", f"{address}/"]
    page.reload()
    expect(page.get_by_role("textbox", name="Message")).to_be_visible()
