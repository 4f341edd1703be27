"""The dashboard in a real notebook: it moves, stops what runs, and lasts."""

from pathlib import Path

import pytest

from faucet import LOAD
from streamcell.notebook.dashboard import NO_KERNEL, VIEW
from test_appearance import OVERFLOW
from views import view, wait_until_replaced

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
RULES = "async view => (await axe.run(view)).violations.map(({ id, nodes }) => [id, nodes[0].html])"
STATUS = "%stream status"
SHOW = "print(repr(r.text), r.stop_reason)"


def test_a_stream_is_in_the_table_while_it_goes_and_when_it_is_over(lab, faucet):
    notebook = lab.open([LOAD, STATUS, faucet.cell("--bg -o r")])
    _run(notebook, 0, 1)
    _counts(notebook, "No stream has run yet")
    notebook.run(2)
    flow = faucet.next()
    _counts(notebook, "1 running")
    _row(notebook, "openai:held").filter(has_text="Waiting").wait_for()
    flow.say("One, two")
    _row(notebook, "openai:held").filter(has_text="Streaming").filter(has_text="~2").wait_for()
    flow.say(", three, four, five, six")
    _row(notebook, "openai:held").filter(has_text="~8").wait_for()
    flow.end()
    _counts(notebook, "1 done")
    _row(notebook, "openai:held").filter(has_text="Done").wait_for()
    assert view(notebook).get_by_role("button", name="Stop", exact=True).count() == 0
    assert notebook.errors == []


def test_a_stop_in_the_dashboard_ends_the_cell_that_runs_well(lab, faucet, kernel):
    notebook = lab.open([LOAD, STATUS, faucet.cell("-o r"), SHOW], kernel=kernel)
    _run(notebook, 0, 1)
    _counts(notebook, "No stream has run yet")
    notebook.run(2)
    flow = faucet.next()
    flow.say("One, two")
    view(notebook, 2).get_by_text("One, two").wait_for()
    _row(notebook, "openai:held").filter(has_text="Streaming").wait_for()
    notebook.stop(1)
    flow.wait_until_left()
    assert "Stopped" in wait_until_replaced(notebook, 2).inner_text()
    notebook.wait_until_run(2)
    _counts(notebook, "1 stopped")
    assert [output["output_type"] for output in notebook.outputs(2)] == ["display_data"]
    notebook.run(3)
    notebook.wait_for_output("'One, two' cancelled", 3)
    assert notebook.errors == []


def test_a_stop_of_one_stream_leaves_the_others_and_the_cell_that_runs(lab, faucet, kernel):
    wait = "import time\nend = time.time() + 4\nwhile time.time() < end: time.sleep(0.05)\nprint('slept')"
    notebook = lab.open(
        [LOAD, STATUS, faucet.cell("--bg -o r"), faucet.cell("--bg -o s"), wait, SHOW], kernel=kernel
    )
    _run(notebook, 0, 1, 2)
    first = faucet.next()
    _run(notebook, 3)
    second = faucet.next()
    for flow in (first, second):
        flow.say("One, two")
    _counts(notebook, "2 running")
    notebook.run(4)
    view(notebook).get_by_role("button", name="Stop", exact=True).last.click()
    first.wait_until_left()
    notebook.wait_for_output("slept", 4)
    _counts(notebook, "1 running, 1 stopped")
    second.end()
    _counts(notebook, "1 done, 1 stopped")
    notebook.run(5)
    notebook.wait_for_output("'One, two' cancelled", 5)


def test_what_is_saved_is_a_table_that_needs_no_kernel(lab, faucet):
    notebook = lab.open([LOAD, STATUS, faucet.cell("--bg -o r")])
    _run(notebook, 0, 1, 2)
    flow = faucet.next()
    flow.say("One, two")
    flow.end()
    _counts(notebook, "1 done")
    notebook._wait("JSON.stringify(panel.content.widgets[1].model.outputs.toJSON()).includes('1 done')")
    lasting, live = notebook.save().cells[1].outputs
    assert sorted(lasting.data) == ["text/html", "text/plain"]
    assert "<table>" in lasting.data["text/html"]
    assert "openai:held" in lasting.data["text/plain"]
    assert live.data["text/plain"] == NO_KERNEL
    assert sorted(live.data) == [VIEW, "text/plain"]
    # The live view hides what lasts, and only that.
    assert notebook.output(1).locator(".jp-RenderedHTML:visible").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_narrow_page_and_can_be_read(lab, theme):
    cells = [LOAD, STATUS, *["%%stream demo:markdown\nExplain DNA"] * 2]
    notebook = lab.open(cells)
    notebook.theme(theme)
    _run(notebook, 0, 1, 2, 3)
    _counts(notebook, "2 done")
    if AXE.exists():
        notebook.page.evaluate(AXE.read_text(encoding="utf-8"))
        assert view(notebook).evaluate(RULES) == []
    for width in (1280, 320):
        notebook.resize(width)
        view(notebook).wait_for()
        assert view(notebook).evaluate(OVERFLOW) == []
        notebook.screenshot(f"dashboard-{theme}-{width}", 1)


def _run(notebook, *indices):
    for index in indices:
        notebook.run(index)
        notebook.wait_until_run(index)


def _counts(notebook, words):
    status = view(notebook).get_by_role("status", name="Stream status", exact=True)
    status.get_by_text(words, exact=True).wait_for()


def _row(notebook, model):
    return view(notebook).get_by_role("row").filter(has_text=model)
