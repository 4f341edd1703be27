"""Several answers in one cell: each streams on its own, then the waits and the figures tell them apart."""

from faucet import LOAD
from views import article, status, view, wait_until_replaced

BLOCKING = "%%stream demo:markdown --compare-blocking -o both\nSpeak of Rome"
KEYS = "print(list(both), [both[name].stop_reason for name in both])"
HEADS = ["model", "first token", "total", "tokens/s", "tokens", "cost", "length", "ended"]
THEMES = ("dark", "light")  # the last one stays for the tests that follow
TABLE = "\n\n| City | People |\n|---|---|\n| Rome | 3 |\n"


def test_a_streamed_answer_beside_its_blocking_call_lasts_as_one_picture(lab):
    labels = ["demo:markdown", "demo:markdown (blocking)"]
    notebook = lab.open([LOAD, BLOCKING, KEYS])
    notebook.run_all()
    article(notebook).get_by_role("heading").first.wait_for()
    notebook.wait_for_output(f"{labels} ['stop', 'stop']", 2)
    output = wait_until_replaced(notebook)
    _check_summary(output, labels)
    output.get_by_text("instead of").first.wait_for()
    folded = output.get_by_role("group").filter(has_text="demo:markdown (blocking)")
    assert folded.get_by_role("heading", name="In figures").count() == 0
    folded.get_by_text("demo:markdown (blocking)", exact=True).click()
    folded.get_by_role("heading", name="In figures").wait_for()
    _check_looks(notebook, "blocking")
    again = _reopen_without_kernel(lab, notebook, [*labels, "instead of", "In figures"])
    _check_summary(again.output(1), labels)
    again.resize(1280, 1400)
    again.screenshot("comparison-reopened", 1)
    assert notebook.errors == again.errors == []


def test_two_models_stream_beside_each_other_and_last_together(lab, faucet):
    labels = ["openai:held", "openai:held#2"]
    notebook = lab.open([LOAD, faucet.cell("-m openai:held -o both"), KEYS])
    notebook.run_all()
    flows = [faucet.next(), faucet.next()]
    for flow, word in zip(flows, ("One", "Two"), strict=True):
        flow.say(word + TABLE)
        article(notebook).filter(has_text=word).get_by_role("cell", name="Rome").wait_for()
    for theme in THEMES:
        notebook.theme(theme)
        notebook.resize(1280)
        assert _is_beside(*_boxes(notebook))
        notebook.screenshot(f"comparison-models-live-{theme}-1280", 1)
        notebook.resize(420)
        assert _is_below(*_boxes(notebook))
        notebook.screenshot(f"comparison-models-live-{theme}-420", 1)
    flows[0].say("\nThe first end.")
    flows[0].end()
    status(notebook).filter(has_text="Done").wait_for()
    assert view(notebook).count() == 2
    flows[1].say("\nThe second end.")
    flows[1].end()
    notebook.wait_for_output(f"{labels} ['stop', 'stop']", 2)
    _check_summary(wait_until_replaced(notebook), labels)
    _check_looks(notebook, "models")
    again = _reopen_without_kernel(lab, notebook, [*labels, "The first end.", "The second end."])
    _check_summary(again.output(1), labels)
    for words in ("The first end.", "The second end."):
        again.output(1).get_by_text(words).wait_for()
    assert notebook.errors == again.errors == []


def test_a_stop_ends_one_answer_and_an_interrupt_all(lab, faucet, kernel):
    ask = faucet.cell("-m openai:held -o both")
    notebook = lab.open([LOAD, ask, KEYS, ask, KEYS], kernel=kernel)
    notebook.run_all()
    flows = _say_one_and_two(notebook, faucet, 1)
    view(notebook).filter(has_text="One").get_by_role("button", name="Stop", exact=True).click()
    status(notebook).filter(has_text="Stopped").wait_for()
    flows["One"].wait_until_left()
    flows["Two"].say(" and more")
    article(notebook).get_by_text("Two and more").wait_for()
    flows["Two"].end()
    shown = notebook.wait_for_output("['openai:held', 'openai:held#2']", 2).inner_text()
    assert "'cancelled'" in shown
    assert "'stop'" in shown
    flows = _say_one_and_two(notebook, faucet, 3)
    notebook.interrupt()
    for flow in flows.values():
        flow.wait_until_left()
    notebook.wait_until_run(3)
    assert notebook.outputs(3)[-1]["traceback"] == ["Interrupted"]
    assert notebook.outputs(4) == []
    kept = wait_until_replaced(notebook, 3).inner_text()
    assert [word for word in flows if word not in kept] == []
    notebook.run(4)
    notebook.wait_for_output("['openai:held', 'openai:held#2'] ['cancelled', 'cancelled']", 4)


def test_a_model_that_fails_fails_the_cell_by_name_and_the_others_are_kept(lab):
    ask = "%%stream -m demo:error -m demo:unicode -o both\nSpeak of Rome"
    notebook = lab.open([LOAD, ask, KEYS])
    notebook.run_all()
    notebook.wait_until_run(1)
    error = notebook.outputs(1)[-1]
    assert error["output_type"] == "error"
    assert len(error["traceback"]) == 1
    assert "demo:error: " in error["traceback"][0]
    assert notebook.outputs(2) == []
    _check_summary(notebook.output(1), ["demo:error", "demo:unicode"])
    notebook.run(2)
    notebook.wait_for_output("['demo:error', 'demo:unicode']", 2)
    assert "'stop'" in notebook.output(2).inner_text()


def _say_one_and_two(notebook, faucet, index):
    """Both answers of a cell have begun; which of the columns says which is not ours to know."""
    flows = {}
    for word in ("One", "Two"):
        flows[word] = faucet.next()
        flows[word].say(word)
        article(notebook, index).get_by_text(word).wait_for()
    return flows


def _check_looks(notebook, name):
    """The last bar ends on the page, be it wide or narrow, dark or light."""
    bar = notebook.output(1).get_by_role("img", name="text").last
    for theme in THEMES:
        notebook.theme(theme)
        for width in (1280, 420):
            notebook.resize(width, 2400)
            notebook.screenshot(f"comparison-{name}-{theme}-{width}", 1)
            assert _box(bar)["right"] <= width


def _reopen_without_kernel(lab, notebook, words):
    """The saved file on a page of its own; it holds these words as one output in three forms."""
    notebook.wait_until_run(1)
    saved = notebook.save()
    (output,) = saved.cells[1].outputs
    assert sorted(output.data) == ["image/svg+xml", "text/html", "text/plain"]
    assert output.data["image/svg+xml"].startswith("<svg")
    for text in (output.data["text/html"], output.data["text/plain"]):
        assert [word for word in words if word not in text] == []
    assert "<table>" in output.data["text/html"]
    assert "<img" in output.data["text/html"]
    assert "widgets" not in saved.metadata
    lab.server.end_kernels()
    again = lab.show(notebook.path)
    again._tell("return panel.sessionContext.shutdown()")
    return again


def _check_summary(output, labels):
    """The waits stand as bars above a table with a row for each answer."""
    table = output.get_by_role("table").last
    table.get_by_role("columnheader", name="first token").wait_for()
    assert table.get_by_role("columnheader").all_inner_texts() == HEADS
    _, *rows = table.get_by_role("row").all()
    assert [row.get_by_role("cell").first.inner_text() for row in rows] == labels
    bars = output.get_by_role("img", name="text")
    assert [_box(bar)["width"] > 100 for bar in bars.all()] == [True] * len(labels)


def _boxes(notebook):
    return [_box(each) for each in view(notebook).all()]


def _box(part):
    return part.evaluate("node => node.getBoundingClientRect().toJSON()")


def _is_beside(first, second):
    return first["right"] <= second["left"] and abs(first["top"] - second["top"]) <= 1


def _is_below(first, second):
    return first["bottom"] <= second["top"] and abs(first["left"] - second["left"]) <= 1
