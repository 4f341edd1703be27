"""A chat in a real notebook: asked, stopped, broken, shared between pages, reopened, attacked."""

from functools import partial

import pytest

from streamcell.notebook.chat import NO_KERNEL
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
    wait_for_twin,
    wait_until_done,
)
from test_hostile import AUDIT, COMMANDS, MARKUP, PIECES, PRESS
from views import view

WORDS = [f"word{number}" for number in range(200)]
WHOLE = " ".join(WORDS)
# Where the words of strangers stand; the chat's own boxes and buttons stand elsewhere.
STRANGERS = ".sc-text, .sc-thinking, .sc-question-text, .sc-title, .jp-RenderedHTML"
HOSTILE_QUESTION = "\n".join(piece for piece in PIECES if "{" not in piece)


@pytest.fixture
def chatting(lab, faucet):
    """Opens a notebook whose first cell shows a chat with the faucet."""
    return partial(open_chat, lab, faucet)


def test_a_conversation_is_held_with_the_keyboard_alone(chatting, faucet):
    notebook = chatting(SAID)
    keyboard = notebook.page.keyboard
    box(notebook).focus()
    keyboard.type("add a box, dd, x")
    keyboard.press("Enter")
    answer(faucet, "First answer")
    wait_until_done(notebook)
    keyboard.press("ArrowUp")
    keyboard.type(" and more")
    keyboard.press("Enter")
    answer(faucet, "Second answer")
    place(notebook, "2 of 2").wait_for()
    wait_until_done(notebook)
    keyboard.type("Go on")
    keyboard.press("Enter")
    flow = faucet.next()
    say(notebook, flow, "Third")
    keyboard.press("Escape")
    flow.wait_until_left()
    wait_until_done(notebook)
    check_said(notebook, ["add a box, dd, x and more", "Second answer", "Go on", "Third"])
    assert len(notebook.save().cells) == 2
    assert notebook.errors == []


def test_a_stop_keeps_what_came_and_the_kernel_is_free_meanwhile(chatting, faucet, kernel):
    notebook = chatting(SAID, "6 * 7", kernel=kernel)
    flow = ask(notebook, faucet, "Count")
    say(notebook, flow, "One, two")
    notebook.run(2)
    notebook.wait_for_output("42", 2)
    assert button(notebook, "Stop").is_visible()
    button(notebook, "Stop").click()
    flow.wait_until_left()
    wait_until_done(notebook)
    answers(notebook).get_by_text("Stopped.").wait_for()
    check_said(notebook, ["Count", "One, two"])
    answer_to(notebook, faucet, "Again", "Three, four")
    check_said(notebook, ["Count", "One, two", "Again", "Three, four"])
    assert notebook.errors == []


def test_the_file_holds_the_conversation_and_a_fresh_kernel_shows_it(lab, chatting, faucet):
    notebook = chatting()
    answer_to(notebook, faucet, "What is **it**?", "# A title\n\nSome **words** and `code`.")
    wait_for_twin(notebook, "Some words and code.")
    saved = notebook.save()
    kept, live = saved.cells[0].outputs
    assert sorted(kept.data) == ["text/html", "text/plain"]
    for text in ("What is", "<h1>A title</h1>", "Some <strong>words</strong>", "<code>code</code>"):
        assert text in kept.data["text/html"]
    assert "# A title\n\nSome **words** and `code`." in kept.data["text/plain"]
    assert live.data["text/plain"] == NO_KERNEL
    assert "Some" not in str(saved.metadata)
    lab.server.end_kernels()
    again = lab.show(notebook.path)
    output = again.output(0)
    output.get_by_role("heading", name="A title").wait_for()
    output.get_by_text("What is").wait_for()
    output.get_by_text("not live: run the cell again").wait_for()
    again.screenshot("chat-reopened")
    assert view(again, 0).count() == 0


def test_a_page_reloaded_in_mid_answer_goes_on_and_a_second_window_agrees(chatting, faucet):
    first = chatting(SAID)
    flow = ask(first, faucet, "Count")
    say(first, flow, " ".join(WORDS[:100]))
    first.save()
    flow.say(" " + " ".join(WORDS[100:120]))
    first.reload()
    last_answer(first).get_by_text("word119", exact=False).wait_for()
    second = first.second_page()
    say(second, flow, " " + " ".join(WORDS[120:]))
    flow.end()
    for page in (first, second):
        wait_until_done(page)
        _check_shown_once(page, "Count", WHOLE)
    check_said(first, ["Count", WHOLE])
    answer_to(second, faucet, "And then?", "No more")
    last_answer(first).get_by_text("No more").wait_for()
    assert questions(first).count() == questions(second).count() == 2
    assert first.errors == second.errors == []


def test_a_broken_answer_is_gone_on_with_or_tried_again(chatting, faucet):
    notebook = chatting(SAID)
    flow = ask(notebook, faucet, "Say something")
    say(notebook, flow, "Half a")
    flow.cut()
    button(notebook, "Retry").wait_for()
    button(notebook, "Continue").click()
    answer(faucet, " sentence")
    answers(notebook).get_by_text("sentence", exact=True).wait_for()
    wait_until_done(notebook)
    check_said(notebook, ["Say something", "Half a sentence"])
    flow = ask(notebook, faucet, "Once more")
    say(notebook, flow, "Half a line")
    flow.cut()
    button(notebook, "Retry").click()
    answer(faucet, "A whole one")
    answers(notebook).get_by_text("A whole one").wait_for()
    wait_until_done(notebook)
    check_said(notebook, ["Say something", "Half a sentence", "Once more", "A whole one"])
    assert notebook.errors == []


def test_an_interrupt_ends_the_cell_that_runs_and_not_the_answer(chatting, faucet):
    notebook = chatting(SAID, "import time; print('asleep'); time.sleep(600)")
    flow = ask(notebook, faucet, "Count")
    say(notebook, flow, "One, two")
    notebook.run(2)
    notebook.wait_for_output("asleep", 2)
    flow.say(", three")
    notebook.interrupt()
    notebook.wait_for_output("KeyboardInterrupt", 2)
    say(notebook, flow, " and four")
    notebook.interrupt()
    say(notebook, flow, " and five")
    flow.end()
    wait_until_done(notebook)
    _check_shown_once(notebook, "Count", "One, two, three and four and five")
    check_said(notebook, ["Count", "One, two, three and four and five"])
    assert notebook.errors == []


def test_a_kernel_restarted_in_mid_answer_leaves_a_chat_that_says_it_is_not_live(chatting, faucet):
    notebook = chatting(SAID)
    flow = ask(notebook, faucet, "Count")
    say(notebook, flow, "One, two")
    notebook.restart()
    flow.wait_until_left()
    view(notebook, 0).get_by_text("This chat is not live").wait_for()
    notebook.screenshot("chat-not-live", 0)
    _check_shown_once(notebook, "Count", "One, two")
    assert box(notebook).is_disabled()
    assert view(notebook, 0).locator("[aria-busy=true]").count() == 0
    assert view(notebook, 0).evaluate("view => view.getAnimations({ subtree: true }).length") == 0
    notebook.run(0)
    view(notebook, 0).get_by_text("Ready").wait_for()
    answer_to(notebook, faucet, "Again", "Three, four")
    check_said(notebook, ["Again", "Three, four"])
    assert notebook.errors == []


def test_hostile_words_of_model_title_and_user_do_nothing(lab, chatting, faucet):
    asked = []
    lab.context.on("request", lambda request: asked.append(request.url))
    notebook = chatting(title=MARKUP[1] + MARKUP[8] + MARKUP[9])
    page = notebook.page
    _watch(page)
    flow = ask(notebook, faucet, HOSTILE_QUESTION)
    for number, piece in enumerate(PIECES):
        flow.say(f"\n\n{piece}\n\nmark{number}.")
    answers(notebook).get_by_text(f"mark{len(PIECES) - 1}.").wait_for()
    _check_harmless(page, asked)
    flow.end()
    wait_until_done(notebook)
    for shown in view(notebook, 0).locator(STRANGERS).all():
        assert shown.evaluate(PRESS, arg=True) >= 0
    _check_harmless(page, asked)
    wait_for_twin(notebook, "mark")
    notebook.save()
    lab.context.add_init_script(_audit())
    lab.server.end_kernels()
    again = lab.show(notebook.path)
    again.page.evaluate(COMMANDS)
    kept = again.output(0).locator(".jp-RenderedHTML")
    kept.get_by_text(f"mark{len(PIECES) - 1}.").wait_for()
    assert kept.evaluate(PRESS, arg=True) > len(PIECES)
    _check_harmless(again.page, asked)
    assert notebook.errors == again.errors == []


def test_a_cell_asks_exports_and_clears(chatting, faucet):
    export = 'chat.export("chat.md"); print(open("chat.md").read())'
    notebook = chatting('answer = chat.send("Asked by a cell")', export, "chat.clear()")
    notebook.run(1)
    notebook.wait_until_run(1)
    questions(notebook).get_by_text("Asked by a cell").wait_for()
    say(notebook, flow := faucet.next(), "An answer")
    flow.end()
    wait_until_done(notebook)
    view(notebook, 0).locator(".sc-totals").filter(has_text="1 turn").wait_for()
    notebook.run(2)
    exported = notebook.wait_for_output("An answer", 2).inner_text()
    assert "Asked by a cell" in exported
    notebook.run(3)
    questions(notebook).wait_for(state="detached")
    answers(notebook).wait_for(state="detached")


def test_a_chat_in_notebook_7_is_asked_stopped_reloaded_and_kept(chatting, faucet):
    notebook = chatting(SAID, app="notebook")
    answer_to(notebook, faucet, "Hello", "Good morning")
    flow = ask(notebook, faucet, "Count")
    say(notebook, flow, "One, two")
    notebook.save()
    notebook.reload()
    say(notebook, flow, ", three")
    button(notebook, "Stop").click()
    flow.wait_until_left()
    wait_until_done(notebook)
    check_said(notebook, ["Hello", "Good morning", "Count", "One, two, three"])
    wait_for_twin(notebook, "three")
    kept = notebook.save().cells[0].outputs[0]
    assert "One, two, three" in kept.data["text/plain"]


def _check_shown_once(notebook, question, text):
    assert questions(notebook).count() == answers(notebook).count() == 1
    assert question in questions(notebook).inner_text()
    shown = " ".join(answers(notebook).inner_text().split())
    assert text in shown
    assert shown.count("word") == text.count("word")


def _audit():
    everywhere = '".jp-OutputArea-output"'
    assert everywhere in AUDIT
    return AUDIT.replace(everywhere, f'"{STRANGERS}"')


def _watch(page):
    page.evaluate(f"() => {{ {_audit()} }}")
    page.evaluate(COMMANDS)


def _check_harmless(page, asked):
    assert page.evaluate("(auditAll(), audits)") > 1
    assert page.evaluate("found") == []
    assert page.evaluate("window.planted") is None
    assert page.evaluate("commanded") == []
    assert page.locator(".jp-Dialog").count() == 0
    assert [url for url in asked if "canary" in url] == []
