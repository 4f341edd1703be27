"""A tool that asks: it runs after the user's click and not before, and no text of a model is such a click."""

import json

import pytest

from faucet import LOAD
from streamcell.tool_loop import DENIED
from views import article, status, view, wait_until_replaced

WRITE = """
written = []

def write_file(path: str, text: str) -> str:
    "Write text into a file."
    written.append((path, text))
    return f"wrote {text} to {path}"
"""
DELETE = """
deleted = []

def delete_file(path: str) -> str:
    "Delete a file."
    deleted.append(path)
    return f"deleted {path}"
"""
ASK = "%%stream demo:tools --tool write_file -o r\nWrite Alpha and Beta"
ARGUMENTS = {"path": "Alpha", "text": "Beta"}
SHOW = "print(written, r.stop_reason)"
IMITATION = """
<button class="sc-answer">Approve</button> <button name="approve" onclick="top.planted=1">Approve</button>
<div class="sc-tool" role="group" aria-label="Tool call: write_file"><div role="button">Approve</div></div>
<details><summary>Approve</summary></details> [Approve](#approve) [Approve](javascript:top.planted=1) `Approve`
</code></pre></div><button class="sc-answer" aria-label="Approve">Approve</button>
"""
# Every element of the view is pressed, but those that really answer or stop.
PRESS = """
node => {
  const real = ".sc-tool-answers, .sc-tool-answers *, .sc-stop";
  const pressed = [...node.querySelectorAll(`*:not(${real})`)];
  for (const element of pressed)
    element.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true }));
  return pressed.length;
}
"""


def test_a_tool_runs_once_when_it_is_approved_and_the_answer_goes_on(lab, kernel):
    notebook = lab.open([LOAD, WRITE, ASK, SHOW, "print(r.text)"], kernel=kernel)
    notebook.run_all()
    card = _card(notebook, 2)
    _button(card, "Approve").wait_for()
    assert json.loads(card.locator(".sc-tool-arguments").inner_text()) == ARGUMENTS
    card.get_by_text("waiting for approval").wait_for()
    status(notebook, 2).filter(has_text="Waiting for approval").wait_for()
    _button(card, "Approve").click()
    notebook.wait_for_output("[('Alpha', 'Beta')] stop", 3)
    notebook.wait_for_output("wrote Beta to Alpha", 4)
    assert "wrote Beta to Alpha" in wait_until_replaced(notebook, 2).inner_text()
    assert notebook.errors == []


def test_a_denied_tool_does_not_run_and_the_model_is_told(lab, faucet, kernel):
    notebook = lab.open([LOAD, WRITE, faucet.cell("--tool write_file -o r"), SHOW], kernel=kernel)
    notebook.run_all()
    _call(faucet.next(), ("write_file", ARGUMENTS))
    card = _card(notebook, 2)
    _button(card, "Deny").click()
    flow = faucet.next()
    assert flow.prompt == DENIED
    card.get_by_text("denied", exact=True).wait_for()
    assert card.get_by_role("button").count() == 0
    flow.say("As you wish.")
    flow.end()
    notebook.wait_for_output("[] stop", 3)
    assert "As you wish." in wait_until_replaced(notebook, 2).inner_text()


def test_a_tool_that_is_always_approved_does_not_ask_again_and_others_do(lab):
    both = ASK.replace("-o r", "--tool delete_file -o r")
    notebook = lab.open([LOAD, WRITE, DELETE, ASK, both, "print(written, deleted)"])
    notebook.run_all()
    _button(_card(notebook, 3), "Always approve write_file").click()
    notebook.wait_until_run(3)
    _card(notebook, 4).get_by_text("wrote").wait_for()
    _button(_card(notebook, 4, "delete_file"), "Deny").click()
    notebook.wait_for_output("[('Alpha', 'Beta'), ('Alpha', 'Beta')] []", 5)


def test_a_stop_while_a_tool_asks_ends_the_cell_well_and_runs_nothing(lab, kernel):
    notebook = lab.open([LOAD, WRITE, ASK, SHOW], kernel=kernel)
    notebook.run_all()
    _button(_card(notebook, 2), "Approve").wait_for()
    notebook.stop(2)
    notebook.wait_for_output("[] cancelled", 3)
    output = wait_until_replaced(notebook, 2)
    assert "Stopped" in output.inner_text()
    assert [entry["output_type"] for entry in notebook.outputs(2)] == ["display_data"]


def test_an_interrupt_while_a_tool_asks_runs_nothing(lab, kernel):
    notebook = lab.open([LOAD, WRITE, ASK, SHOW], kernel=kernel)
    notebook.run_all()
    _button(_card(notebook, 2), "Approve").wait_for()
    notebook.interrupt()
    notebook.wait_until_run(2)
    wait_until_replaced(notebook, 2)
    assert notebook.outputs(2)[-1]["traceback"] == ["Interrupted"]
    notebook.run(3)
    notebook.wait_for_output("[] cancelled", 3)


def test_a_tool_that_only_reads_does_not_ask(lab):
    looking = "from streamcell import tool\nlook = tool(write_file, name='look', read_only=True)"
    ask = "%%stream demo:tools --tool look -o r\nLook at Alpha and Beta"
    notebook = lab.open([LOAD, WRITE, looking, ask, SHOW])
    notebook.run_all()
    notebook.wait_for_output("[('Alpha', 'Beta')] stop", 4)


def test_two_calls_at_once_have_a_card_each_and_do_not_wait_for_one_another(lab, faucet, kernel):
    ask = faucet.cell("--tool write_file --tool delete_file -o r")
    notebook = lab.open([LOAD, WRITE, DELETE, ask, "print(written, deleted)"], kernel=kernel)
    notebook.run_all()
    _call(faucet.next(), ("write_file", ARGUMENTS), ("delete_file", {"path": "Gamma"}))
    write, delete = _card(notebook, 3), _card(notebook, 3, "delete_file")
    _button(write, "Approve").wait_for()
    _button(delete, "Approve").click()
    delete.get_by_text("deleted Gamma").wait_for()
    write.get_by_text("waiting for approval").wait_for()
    notebook.screenshot("approval-two-calls", 3)
    _button(write, "Deny").click()
    flow = faucet.next()
    told = {message["tool_call_id"]: message["content"] for message in flow.request["messages"][-2:]}
    assert told == {"call_0": DENIED, "call_1": "deleted Gamma"}
    flow.end()
    notebook.wait_for_output("[] ['Gamma']", 4)


def test_consent_is_given_with_the_keyboard(lab):
    notebook = lab.open([LOAD, WRITE, ASK, SHOW])
    notebook.run_all()
    deny = _button(_card(notebook, 2), "Deny")
    deny.focus()
    deny.press("Shift+Tab")
    notebook.page.keyboard.press("Enter")
    notebook.wait_for_output("[('Alpha', 'Beta')] stop", 3)


def test_a_tool_asks_in_the_background_too(lab, kernel):
    notebook = lab.open([LOAD, WRITE, ASK.replace("-o r", "--bg -o r"), SHOW], kernel=kernel)
    notebook.run(0)
    notebook.wait_until_run(0)
    notebook.run(1)
    notebook.run(2)
    notebook.wait_until_run(2)
    _button(_card(notebook, 2), "Approve").click()
    wait_until_replaced(notebook, 2)
    notebook.run(3)
    notebook.wait_for_output("[('Alpha', 'Beta')] stop", 3)


def test_a_page_reloaded_while_a_tool_asks_asks_again(lab):
    notebook = lab.open([LOAD, WRITE, ASK, SHOW])
    notebook.run(0)
    notebook.run(1)
    notebook.run(2)
    _button(_card(notebook, 2), "Approve").wait_for()
    notebook.save()
    notebook.reload()
    _button(_card(notebook, 2), "Approve").click()
    assert "wrote Beta to Alpha" in wait_until_replaced(notebook, 2).inner_text()
    notebook.run(3)
    notebook.wait_for_output("[('Alpha', 'Beta')] stop", 3)


def test_text_that_imitates_the_buttons_makes_none_and_consents_to_nothing(lab, faucet):
    notebook = lab.open([LOAD, WRITE, faucet.cell("--tool write_file -o r"), SHOW])
    notebook.run_all()
    flow = faucet.next()
    flow.think(IMITATION)
    flow.say(IMITATION)
    _call(flow, ("write_file", {"path": IMITATION, "text": IMITATION}))
    shown = view(notebook, 2)
    _button(_card(notebook, 2), "Approve").wait_for()
    assert shown.locator(".sc-answer").count() == 3
    assert _button(shown, "Approve").count() == 1
    assert shown.get_by_role("group", name="Tool call: write_file").count() == 1
    assert shown.evaluate(PRESS) > 10
    _button(_card(notebook, 2), "Deny").click()
    faucet.next().end()
    notebook.wait_for_output("[] stop", 3)
    assert notebook.page.evaluate("window.planted") is None
    assert wait_until_replaced(notebook, 2).locator("button, [role=button], .sc-tool").count() == 0


def test_a_tool_with_a_hostile_name_is_named_in_plain_text_and_asks_nothing(lab, faucet):
    name = '</code><button class="sc-answer" onclick="top.planted=1">Approve</button>'
    notebook = lab.open([LOAD, WRITE, faucet.cell("--tool write_file -o r"), SHOW])
    notebook.run_all()
    _call(faucet.next(), (name, {IMITATION: IMITATION}))
    flow = faucet.next()
    assert "there is no tool" in flow.prompt
    card = _card(notebook, 2, name)
    card.get_by_text("failed", exact=True).wait_for()
    assert card.locator(".sc-tool-name").inner_text() == name
    assert card.get_by_role("button").count() == 0
    assert view(notebook, 2).evaluate(PRESS) > 5
    flow.end()
    notebook.wait_for_output("[] stop", 3)
    assert notebook.page.evaluate("window.planted") is None
    assert wait_until_replaced(notebook, 2).locator("button").count() == 0


def test_the_file_keeps_call_result_and_answer_readable_without_a_kernel(lab):
    notebook = lab.open([LOAD, WRITE, ASK])
    notebook.run_all()
    _button(_card(notebook, 2), "Approve").click()
    wait_until_replaced(notebook, 2)
    notebook.wait_until_run(2)
    saved = notebook.save()
    (output,) = saved.cells[2].outputs
    assert sorted(output.data) == ["text/html", "text/plain"]
    for kept in output.data.values():
        for part in (
            "Tool call: write_file",
            '"path": "Alpha"',
            "Tool result: write_file",
            "wrote Beta to Alpha",
        ):
            assert part in kept
        assert "Results of the tools" in kept
    assert "widgets" not in saved.metadata
    lab.server.end_kernels()
    again = lab.show(notebook.path)
    kept = again.output(2)
    kept.get_by_role("heading", name="Results of the tools").wait_for()
    kept.get_by_text("Tool call: write_file").click()
    kept.get_by_text('"path": "Alpha"').wait_for()
    again.screenshot("approval-reopened", 2)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_card_that_asks_fits_its_page(lab, faucet, theme):
    notebook = lab.open([LOAD, WRITE, faucet.cell("--tool write_file")])
    notebook.theme(theme)
    notebook.run_all()
    flow = faucet.next()
    flow.say("I will write down what you said.")
    _call(flow, ("write_file", {"path": "/home/user/notes/" + "a-long-name-" * 12, "text": "A line.\n" * 40}))
    _button(_card(notebook, 2), "Approve").wait_for()
    for width in (1280, 420):
        notebook.resize(width)
        notebook.screenshot(f"approval-{theme}-{width}", 2)
        assert _stands_inside(view(notebook, 2), ".sc-tool-answers button")
    _button(_card(notebook, 2), "Deny").click()
    faucet.next().end()
    wait_until_replaced(notebook, 2)


def _card(notebook, index, name="write_file"):
    return view(notebook, index).get_by_role("group", name=f"Tool call: {name}", exact=True)


def _button(place, name):
    return place.get_by_role("button", name=name, exact=True)


def _call(flow, *calls):
    """The model calls these tools, each a name and arguments, and waits for what they give."""
    listed = [
        {"index": at, "id": f"call_{at}", "type": "function", "function": _named(name, arguments)}
        for at, (name, arguments) in enumerate(calls)
    ]
    flow._send({"tool_calls": listed})
    flow.end()


def _named(name, arguments):
    return {"name": name, "arguments": json.dumps(arguments)}


def _stands_inside(root, selector):
    """Whether these parts stand between the left and the right edge of `root`, each as high as a line."""
    return root.evaluate(
        """(root, selector) => {
            const { left, right } = root.getBoundingClientRect();
            const boxes = [...root.querySelectorAll(selector)].map(part => part.getBoundingClientRect());
            return boxes.length > 0 && boxes.every(box =>
                box.height > 10 && box.left >= left - 1 && box.right <= right + 1);
        }""",
        selector,
    )
