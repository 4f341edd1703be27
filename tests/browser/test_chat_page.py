"""The page of a chat without Jupyter: every state of it, in every dress, by the rules of axe."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import expect

JS = Path(__file__).parents[2] / "js"
AXE = JS / "node_modules" / "axe-core" / "axe.min.js"
DRESSES = {
    "light": {"theme": "light"},
    "dark-narrow": {"theme": "dark", "width": 360},
    "touch": {"theme": "light", "width": 320, "has_touch": True, "is_mobile": True},
    "high-contrast": {"theme": "", "forced_colors": "active"},
}


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def harness():
    if not AXE.exists() or not (JS / "dist" / "harness.mjs").exists():
        pytest.skip("no harness: run `npm ci && npm run build` in js/")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Silent, directory=JS / "dist")) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}/harness.html"
        server.shutdown()
        serving.join()


@pytest.fixture(params=DRESSES)
def show(request, browser, harness):
    """Shows the chat in a state; the page cries out when it throws."""
    dress = dict(DRESSES[request.param])
    theme, width = dress.pop("theme"), dress.pop("width", 1280)
    context = browser.new_context(viewport={"width": width, "height": 800}, **dress)
    page = context.new_page()
    thrown = []
    page.on("pageerror", lambda error: thrown.append(str(error)))

    def shown(query):
        page.goto(f"{harness}?{f'theme={theme}&' if theme else ''}interval=2&{query}")
        return page

    yield shown
    context.close()
    assert thrown == []


def broken_rules(page):
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run('#views')")["violations"]
    return [(rule["id"], node["html"][:200]) for rule in found for node in rule["nodes"]]


def ask(page, text):
    box = page.get_by_role("textbox", name="Message")
    box.fill(text)
    box.press("Enter")


def button(page, name):
    return page.get_by_role("button", name=name, exact=True)


def test_an_empty_chat_with_a_list_of_names(show):
    page = show("chat=empty")
    page.get_by_role("textbox", name="Message").press_sequentially("Mean of {d")
    expect(page.get_by_role("listbox").get_by_role("option")).to_have_count(2)
    assert broken_rules(page) == []


def test_an_answer_that_comes_asks_and_ends(show):
    page = show("chat=empty")
    ask(page, "Clear the scratch folder")
    expect(button(page, "Approve")).to_be_visible()
    assert broken_rules(page) == []
    button(page, "Approve").click()
    expect(button(page, "Send")).to_be_visible()
    assert broken_rules(page) == []


def test_a_failed_answer_and_a_question_written_anew(show):
    page = show("chat=failed&past=1")
    expect(button(page, "Retry")).to_be_visible()
    expect(button(page, "Continue")).to_be_visible()
    assert broken_rules(page) == []
    button(page, "Edit").last.click()
    button(page, "Answer to variable").first.click()
    assert broken_rules(page) == []


def test_a_long_chat_stays_where_the_reader_is_and_nothing_sticks_out(show):
    page = show("chat=long&past=40")
    log = page.get_by_role("log")
    below = "log => log.scrollHeight - log.scrollTop - log.clientHeight"
    expect(page.get_by_role("article", name="Assistant message").last).to_contain_text("Raw HTML")
    assert log.evaluate(below) < 2
    log.evaluate("log => { log.scrollTop = 1000 }")
    button(page, "Jump to the end").wait_for()
    assert broken_rules(page) == []
    button(page, "Jump to the end").click()
    expect(button(page, "Jump to the end")).to_be_hidden()
    assert log.evaluate(below) < 2
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
