"""What can be done with a chat on its page: writing, attaching, choosing, copying, branching, consenting."""

import json
from functools import partial

import pytest

from talk import (
    SAID,
    answer,
    answer_to,
    answers,
    ask,
    box,
    button,
    check_said,
    last_answer,
    open_chat,
    place,
    questions,
    say,
    wait_until_done,
    write,
)
from views import view

PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# Hands a file to an element, as the clipboard or a mouse would.
BRING = """
(element, [kind, name, type, base64]) => {
  const bytes = Uint8Array.from(atob(base64), letter => letter.charCodeAt(0));
  const data = new DataTransfer();
  data.items.add(new File([bytes], name, { type }));
  const given = { bubbles: true, cancelable: true };
  element.dispatchEvent(kind === "paste"
    ? new ClipboardEvent("paste", { ...given, clipboardData: data })
    : new DragEvent("drop", { ...given, dataTransfer: data }));
}
"""
CODE = "print('from the chat')"
TEXT = f"Some **words**\n\n```python\n{CODE}\n```\n\nThe end"
WRITE = """
from streamcell import ChatWidget

written = []

def write_file(path: str, text: str) -> str:
    "Write text into a file."
    written.append((path, text))
    return f"wrote {text} to {path}"

chat = ChatWidget("demo:tools", tools=[write_file])
chat
"""


@pytest.fixture
def chatting(lab, faucet):
    """Opens a notebook whose first cell shows a chat with the faucet."""
    return partial(open_chat, lab, faucet)


def test_a_question_takes_lines_names_pictures_files_and_another_model_with_it(chatting, faucet):
    notebook = chatting("numbers = [3, 1, 2]", options=", models=['openai:other']")
    notebook.run(1)
    notebook.wait_until_run(1)
    message = box(notebook)
    message.press_sequentially("First line")
    message.press("Shift+Enter")
    message.press_sequentially("second {numb")
    view(notebook, 0).get_by_role("option").filter(has_text="numbers").wait_for()
    message.press("Enter")
    assert message.input_value() == "First line\nsecond {numbers}"
    message.evaluate(BRING, ["paste", "plot.png", "image/png", PICTURE])
    answers_box = view(notebook, 0).get_by_role("log")
    answers_box.evaluate(BRING, ["drop", "table.csv", "text/csv", "YSxiCjEsMgo="])
    files = view(notebook, 0).get_by_role("list", name="Attachments").get_by_role("listitem")
    files.filter(has_text="table.csv").wait_for()
    assert [name.partition(" ")[0] for name in files.all_inner_texts()] == ["plot.png", "table.csv"]
    view(notebook, 0).get_by_role("combobox", name="Model", exact=True).select_option("openai:other")
    message.press("Enter")
    flow = faucet.next()
    asked = json.dumps(flow.request["messages"])
    assert flow.request["model"] == "other"
    for part in ("First line\\nsecond [3, 1, 2]", f"data:image/png;base64,{PICTURE}", "a,b\\n1,2"):
        assert part in asked
    flow.say("Seen")
    flow.end()
    last_answer(notebook).filter(has_text="Seen").wait_for()
    assert questions(notebook).get_by_role("listitem").count() == 2
    message.evaluate(BRING, ["paste", "program.exe", "application/x-msdownload", "AAAA"])
    view(notebook, 0).locator(".sc-said").filter(has_text="program.exe was not taken").wait_for()
    assert notebook.errors == []


def test_an_answer_is_copied_whole_and_in_part_put_into_a_cell_and_into_a_variable(lab, chatting, faucet):
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    notebook = chatting("print(kept)")
    answer_to(notebook, faucet, "Say something", TEXT)
    shown = last_answer(notebook)
    for name, text in (("Copy code", CODE), ("Copy", TEXT)):
        shown.get_by_role("button", name=name, exact=True).click()
        shown.locator("button").filter(has_text="Copied").wait_for()
        assert notebook.page.evaluate("navigator.clipboard.readText()").strip() == text
        shown.locator("button").filter(has_text="Copied").wait_for(state="detached")
    button(notebook, "Answer to variable").click()
    name = view(notebook, 0).get_by_role("textbox", name="Variable name", exact=True)
    name.fill("kept")
    name.press("Enter")
    view(notebook, 0).locator(".sc-said").filter(has_text="kept").wait_for()
    notebook.run(1)
    notebook.wait_for_output("The end", 1)
    button(notebook, "To new cell").click()
    view(notebook, 0).locator(".sc-said").filter(has_text="new cell").wait_for()
    assert [cell.source for cell in notebook.save().cells[1:]] == [CODE, "print(kept)"]
    assert notebook.errors == []


def test_questions_and_answers_have_versions_and_are_deleted(chatting, faucet):
    notebook = chatting(SAID)
    answer_to(notebook, faucet, "Say something", "The first version")
    button(notebook, "Regenerate").click()
    answer(faucet, "The second version")
    answers(notebook).get_by_text("The second version").wait_for()
    wait_until_done(notebook)
    button(notebook, "Previous version").click()
    answers(notebook).get_by_text("The first version").wait_for()
    assert answers(notebook).count() == questions(notebook).count() == 1
    check_said(notebook, ["Say something", "The first version"])
    answer_to(notebook, faucet, "And then?", "Then this")
    button(notebook, "Edit").first.click()
    # While a question is written anew, the box below is out of reach.
    assert box(notebook).count() == 1
    box(notebook).fill("Say it otherwise")
    box(notebook).press("Enter")
    answer(faucet, "The third version")
    answers(notebook).get_by_text("The third version").wait_for()
    place(notebook, "3 of 3").wait_for()
    wait_until_done(notebook)
    check_said(notebook, ["Say it otherwise", "The third version"])
    button(notebook, "Previous version").click()
    place(notebook, "2 of 3").wait_for()
    button(notebook, "Previous version").click()
    answers(notebook).get_by_text("Then this").wait_for()
    check_said(notebook, ["Say something", "The first version", "And then?", "Then this"])
    button(notebook, "Delete").last.click()
    button(notebook, "Delete this and all below?").click()
    answers(notebook).get_by_text("Then this").wait_for(state="detached")
    check_said(notebook, ["Say something", "The first version"])
    assert notebook.errors == []


def test_two_views_of_a_chat_agree_and_either_one_stops_it(chatting, faucet):
    notebook = chatting("chat", SAID)
    notebook.run(1)
    box(notebook, 1).wait_for()
    flow = ask(notebook, faucet, "Count")
    flow.think("They want numbers.")
    say(notebook, flow, "One, two")
    last_answer(notebook, 1).filter(has_text="One, two").wait_for()
    for index in (0, 1):
        fold = last_answer(notebook, index).get_by_text("Thinking", exact=True)
        assert not last_answer(notebook, index).get_by_text("They want numbers.").is_visible()
        fold.click()
        last_answer(notebook, index).get_by_text("They want numbers.").wait_for()
    button(notebook, "Stop", 1).click()
    flow.wait_until_left()
    for index in (0, 1):
        wait_until_done(notebook, index)
        answers(notebook, index).get_by_text("Stopped.").wait_for()
        assert questions(notebook, index).count() == answers(notebook, index).count() == 1
    check_said(notebook, ["Count", "One, two"], 2)
    assert notebook.errors == []


def test_a_tool_runs_once_when_it_is_approved_and_not_when_it_is_denied(lab):
    notebook = lab.open([WRITE, "print(written)"])
    notebook.run(0)
    write(notebook, "Write Alpha and Beta")
    card = view(notebook, 0).get_by_role("group", name="Tool call: write_file", exact=True)
    card.get_by_role("button", name="Approve", exact=True).wait_for()
    notebook.run(1)
    notebook.wait_for_output("[]", 1)
    card.get_by_role("button", name="Approve", exact=True).click()
    wait_until_done(notebook)
    answers(notebook).get_by_role("heading", name="Results of the tools").wait_for()
    write(notebook, "Write Gamma and Delta")
    card.last.get_by_role("button", name="Deny", exact=True).click()
    card.last.get_by_text("denied", exact=True).wait_for()
    wait_until_done(notebook)
    notebook.run(1)
    notebook.wait_for_output("[('Alpha', 'Beta')]", 1)
    assert notebook.errors == []
