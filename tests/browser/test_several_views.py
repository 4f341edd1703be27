"""One stream seen in several places: twice in a page, in an output view of its own, in a second page."""

from faucet import LOAD
from views import article, status, view, wait_until_replaced

TWICE = """
from IPython.display import display
from streamcell import stream
from streamcell.notebook.view import StreamView

s = stream("Speak", "openai:held", base_url="{base_url}")
shown = StreamView(s, model="openai:held")
display(shown, shown)
s.start()
"""
OUTPUT_VIEW = """
window.ours = panel.id;
await app.commands.execute('notebook:create-output-view');
"""


def test_a_view_that_is_displayed_twice_agrees_with_itself(lab, faucet):
    notebook = lab.open([LOAD, TWICE.format(base_url=faucet.base_url)])
    notebook.run_all()
    flow = faucet.next()
    flow.say("Some **words**")
    notebook.wait_until_run(1)
    _wait_until_both_say(article(notebook), "Some words")
    flow.say(" and more")
    _wait_until_both_say(article(notebook), "Some words and more")
    view(notebook).last.get_by_role("button", name="Stop", exact=True).click()
    flow.wait_until_left()
    _wait_until_both_say(status(notebook), "Stopped")
    assert notebook.errors == []


def test_an_output_view_shows_the_same_stream_and_the_same_end(lab, faucet):
    notebook = lab.open([LOAD, faucet.cell()])
    notebook.run_all()
    flow = faucet.next()
    flow.say("Some words")
    article(notebook).get_by_text("Some words").wait_for()
    notebook._tell(f"panel.content.activeCellIndex = 1; return (async () => {{ {OUTPUT_VIEW} }})()")
    apart = notebook.page.locator(".jp-LinkedOutputView")
    apart.get_by_role("article", name="Assistant message").get_by_text("Some words").wait_for()
    flow.say(" and more")
    for place in (apart, notebook.page.locator(".jp-Notebook")):
        place.get_by_role("article").get_by_text("Some words and more").wait_for()
    flow.end()
    for place in (apart, notebook.page.locator(".jp-Notebook")):
        place.locator(".jp-RenderedHTML").get_by_text("Some words and more").wait_for()
        place.get_by_role("region", name="streamcell").wait_for(state="detached")
    assert notebook.errors == []


def test_a_second_page_agrees_with_the_first_to_the_end(lab, faucet):
    first = lab.open([LOAD, faucet.cell("--bg")])
    first.run(0)
    first.wait_until_run(0)
    first.run(1)
    flow = faucet.next()
    flow.say("Some words")
    article(first).get_by_text("Some words").wait_for()
    first.save()
    second = first.second_page()
    article(second).get_by_text("Some words").wait_for()
    flow.say(" and more")
    for page in (first, second):
        article(page).get_by_text("Some words and more").wait_for()
    flow.say(", all the same.")
    flow.end()
    for page in (first, second):
        wait_until_replaced(page).get_by_text("Some words and more, all the same.").wait_for()
        (output,) = page.outputs(1)
        assert sorted(output["data"]) == ["text/html", "text/plain"]
    assert first.errors == second.errors == []


def test_a_second_page_stops_the_stream_of_the_first(lab, faucet):
    first = lab.open([LOAD, faucet.cell("-o r"), "print(repr(r.text), r.stop_reason)"])
    second = first.second_page()
    first.run_all()
    flow = faucet.next()
    flow.say("Some words")
    article(first).get_by_text("Some words").wait_for()
    first.save()
    second.reload()
    article(second).get_by_text("Some words").wait_for()
    second.stop(1)
    flow.wait_until_left()
    first.wait_for_output("'Some words' cancelled", 2)
    for page in (first, second):
        wait_until_replaced(page).get_by_text("Some words").wait_for()


def _wait_until_both_say(parts, text):
    for part in (parts.first, parts.last):
        part.filter(has_text=text).wait_for()
    assert parts.count() == 2
