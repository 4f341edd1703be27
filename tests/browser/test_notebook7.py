"""The same in Notebook 7: an answer is seen while it streams, stopped, kept, and survives a reload."""

import pytest

from faucet import LOAD
from views import article, is_running, view, wait_until_replaced

WORDS = [f"word{number}" for number in range(200)]
WHOLE = " ".join(WORDS)
SHOW = "print(r.text, r.stop_reason)"


@pytest.fixture
def raised(lab):
    """The stacks of what no code on the pages of this test has caught."""
    stacks = []
    lab.context.on("weberror", lambda event: stacks.append(event.error.stack))
    return stacks


def test_what_a_module_of_the_kernel_raises_is_told_from_what_notebook_7_does(lab, raised):
    notebook = lab.open(["0"], app="notebook")
    module = "setTimeout(() => { throw new Error('planted') })"
    load = "source => void import(URL.createObjectURL(new Blob([source], { type: 'text/javascript' })))"
    with notebook.page.expect_event("pageerror", lambda error: "planted" in str(error)):
        notebook.page.evaluate(load, module)
    assert len(_ours(raised)) == 1


def test_notebook_7_shows_text_while_it_streams_and_stops_it_well(lab, faucet, raised):
    notebook, flow = _streaming(lab, faucet)
    _speak(flow, 50, 100)
    article(notebook).get_by_text("word99", exact=False).wait_for()
    assert is_running(notebook)
    notebook.stop(1)
    flow.wait_until_left()
    text = wait_until_replaced(notebook).inner_text()
    assert " ".join(WORDS[:100]) in " ".join(text.split())
    assert "Stopped" in text
    assert view(notebook).count() == 0
    notebook.run(2)
    notebook.wait_for_output("word99 cancelled", 2)
    assert _ours(raised) == []


def test_a_file_of_notebook_7_holds_the_static_answer_and_no_widget(lab, faucet):
    notebook, flow = _streaming(lab, faucet)
    _speak(flow, 50, 200)
    flow.end()
    wait_until_replaced(notebook)
    notebook.wait_until_run(1)
    saved = notebook.save()
    (output,) = saved.cells[1].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    assert WHOLE in output.data["text/plain"]
    assert WHOLE in " ".join(output.data["text/html"].split())
    assert "application/vnd.jupyter.widget" not in notebook.path.read_text(encoding="utf-8")


def test_a_page_of_notebook_7_reloaded_in_mid_stream_is_complete_at_the_end(lab, faucet, raised):
    notebook, flow = _streaming(lab, faucet)
    notebook.save()
    _speak(flow, 50, 100)
    notebook.reload()
    _speak(flow, 100, 150)
    article(notebook).get_by_text("word149", exact=False).wait_for()
    _speak(flow, 150, 200)
    flow.end()
    text = wait_until_replaced(notebook).inner_text()
    assert WHOLE in " ".join(text.split())
    assert text.count("word") == len(WORDS)
    notebook.run(2)
    notebook.wait_for_output("word199 stop", 2)
    assert _ours(raised) == []


def _streaming(lab, faucet):
    """A notebook whose second cell shows the first 50 words, and waits for more."""
    notebook = lab.open([LOAD, faucet.cell("-o r"), SHOW], app="notebook")
    notebook.run(0)
    notebook.wait_until_run(0)
    notebook.run(1)
    flow = faucet.next()
    _speak(flow, 0, 50)
    article(notebook).get_by_text("word49", exact=False).wait_for()
    return notebook, flow


def _ours(stacks):
    """Those that went through a widget's module; Notebook 7 raises some of its own as it opens any page."""
    return [stack for stack in stacks if "blob:" in stack]


def _speak(flow, start, end):
    for word in WORDS[start:end]:
        flow.say(word if word == WORDS[0] else f" {word}")
