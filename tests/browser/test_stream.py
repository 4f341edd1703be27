"""What a user sees while an answer streams into a cell."""

import re

from faucet import LOAD
from views import article, is_running, status, view, wait_until_replaced


def test_text_is_on_the_page_while_the_stream_goes_on(lab, faucet, kernel):
    notebook = lab.open([LOAD, faucet.cell("-o r"), "print(repr(r.text), r.stop_reason)"], kernel=kernel)
    notebook.run_all()
    flow = faucet.next()
    flow.say("The first words")
    article(notebook).get_by_text("The first words").wait_for()
    flow.say(", then **more**")
    article(notebook).locator("strong", has_text="more").wait_for()
    assert is_running(notebook)
    flow.say(" and the end.")
    flow.end()
    notebook.wait_for_output("'The first words, then **more** and the end.' stop", 2)
    assert "The first words, then more and the end." in wait_until_replaced(notebook).inner_text()
    assert notebook.errors == []


def test_the_status_bar_tells_state_time_and_tokens(lab, faucet):
    notebook = lab.open([LOAD, faucet.cell()])
    notebook.run_all()
    bar = status(notebook)
    bar.filter(has_text="Waiting").wait_for()
    flow = faucet.next()
    flow.think("Let me see")
    bar.filter(has_text="Thinking").wait_for()
    flow.say("One two three")
    bar.filter(has_text="Streaming").wait_for()
    bar.filter(has_text=re.compile(r"first token \d+ m?s")).wait_for()
    _wait_until_it_moves(notebook, bar, r"[\d.]+ m?s")
    before = _tokens(bar)
    # Figures come with the text, a few times a second: the last words before a pause may go without.
    for number in range(100):
        flow.say(f" word{number}")
        article(notebook).get_by_text(f"word{number}").wait_for()
    assert _tokens(bar) > before
    flow.end()
    wait_until_replaced(notebook)


def test_a_view_has_the_names_that_a_screen_reader_says(lab, faucet):
    notebook = lab.open([LOAD, faucet.cell()])
    notebook.run_all()
    flow = faucet.next()
    flow.think("Thoughts")
    flow.say("Text\n\n```python\nprint(1)\n```\n\nMore")
    shown = view(notebook)
    article(notebook).get_by_text("More").wait_for()
    status(notebook).wait_for()
    for name in ("Stop", "Copy", "Copy code"):
        shown.get_by_role("button", name=name, exact=True).wait_for()
    fold = shown.get_by_role("group").filter(has_text="Thinking")
    fold.get_by_text("Thinking", exact=True).click()
    fold.get_by_text("Thoughts").wait_for()
    flow.end()
    wait_until_replaced(notebook)


def _tokens(bar):
    return int(re.search(r"(\d+) tokens", bar.inner_text())[1])


def _wait_until_it_moves(notebook, bar, pattern):
    before = re.search(pattern, bar.inner_text())[0]
    notebook.page.wait_for_function(
        "([bar, pattern, before]) => new RegExp(pattern).exec(bar.innerText)?.[0] !== before",
        arg=[bar.element_handle(), pattern, before],
    )
