"""A page that is reloaded while an answer streams: nothing is lost, nothing comes twice, and it lasts."""

from faucet import LOAD
from views import article, wait_until_replaced

WORDS = [f"word{number}" for number in range(300)]
WHOLE = " ".join(WORDS)


def test_a_page_reloaded_in_mid_stream_goes_on_live(lab, faucet):
    notebook, flow = _reloaded(lab, faucet, "ipykernel-7.4")
    article(notebook).get_by_text("word199", exact=False).wait_for()
    _speak(flow, 200, 250)
    article(notebook).get_by_text("word249", exact=False).wait_for()
    _speak(flow, 250, 300)
    flow.end()
    _check_that_all_came_once(notebook)


def test_a_page_reloaded_in_mid_stream_is_complete_at_the_end(lab, faucet, kernel):
    notebook, flow = _reloaded(lab, faucet, kernel)
    _speak(flow, 200, 300)
    flow.end()
    _check_that_all_came_once(notebook)


def test_a_stream_in_the_background_goes_on_live_after_a_reload(lab, faucet, kernel):
    notebook, flow = _reloaded(lab, faucet, kernel, options="--bg")
    article(notebook).get_by_text("word199", exact=False).wait_for()
    _speak(flow, 200, 300)
    flow.end()
    _check_that_all_came_once(notebook)


def test_a_page_reloaded_after_the_end_shows_the_answer_even_if_not_saved_since(lab, faucet):
    notebook = lab.open([LOAD, faucet.cell("-o r"), "print(repr(r.text))"])
    notebook.run_all()
    flow = faucet.next()
    _speak(flow, 0, 100)
    article(notebook).get_by_text("word99", exact=False).wait_for()
    notebook.save()
    _speak(flow, 100, 300)
    flow.end()
    notebook.wait_for_output("word299", 2)
    notebook.reload()
    _check_that_all_came_once(notebook)


def _reloaded(lab, faucet, kernel, options=""):
    """A notebook saved and reloaded in mid-stream, while more and more comes."""
    notebook = lab.open([LOAD, faucet.cell(f"-o r {options}"), "print(r.text)"], kernel=kernel)
    notebook.run(0)
    notebook.wait_until_run(0)
    notebook.run(1)
    flow = faucet.next()
    _speak(flow, 0, 100)
    article(notebook).get_by_text("word99", exact=False).wait_for()
    notebook.save()
    _speak(flow, 100, 150)
    notebook.reload()
    if "--bg" in options:
        notebook.wait_until_ready()  # its kernel is idle, and may have gone deaf with the new connection
    _speak(flow, 150, 200)
    return notebook, flow


def _speak(flow, start, end):
    for word in WORDS[start:end]:
        flow.say(f" {word}" if word != "word0" else word)


def _check_that_all_came_once(notebook):
    output = wait_until_replaced(notebook)
    assert WHOLE in " ".join(output.inner_text().split())
    assert output.inner_text().count("word") == len(WORDS)
    notebook.run(2)
    notebook.wait_for_output(WHOLE, 2)
    (saved,) = notebook.save().cells[1].outputs
    assert sorted(saved.data) == ["text/html", "text/plain"]
    assert WHOLE in saved.data["text/plain"]
    assert WHOLE in " ".join(saved.data["text/html"].split())
    assert notebook.errors == []
