"""Messages that are lost, late or come twice on their way to the page change nothing of what it shows."""

import pytest

from faucet import LOAD
from views import article, wait_until_replaced

FAULTY = """
from streamcell.core.protocol import Batch
from streamcell.notebook.view import StreamView

caught, tell = [], StreamView.tell

def faulty(view, message):
    if not (isinstance(message, Batch) and message.events):
        tell(view, message)
    elif "two" in str(message.events) and not caught:
        caught.append(message)
        {fault}
    else:
        tell(view, message)
        {after}

StreamView.tell = faulty
"""
LOST = FAULTY.format(fault="pass", after="pass")
REPEATED = FAULTY.format(fault="tell(view, message); tell(view, message)", after="tell(view, message)")
LATE = FAULTY.format(fault="pass", after="caught[:1] and tell(view, caught[0])")
MANGLED = FAULTY.format(
    fault="tell(view, Batch('another', message.first, message.next, message.events))", after="pass"
)


@pytest.mark.parametrize(
    "faulty", [LOST, REPEATED, LATE, MANGLED], ids=["lost", "repeated", "late", "mangled"]
)
def test_the_page_has_every_word_once_whatever_became_of_a_message(lab, faucet, faulty):
    wait = "import time\nwhile not caught: time.sleep(0.01)"
    notebook = lab.open([LOAD, faucet.cell("--bg -o r"), faulty, wait, "print(repr(r.text))"])
    notebook.run(0)
    notebook.wait_until_run(0)
    notebook.run(2)
    notebook.wait_until_run(2)
    notebook.run(1)
    flow = faucet.next()
    flow.say("one")
    article(notebook).get_by_text("one", exact=True).wait_for()
    flow.say(" two")
    notebook.run(3)
    notebook.wait_until_run(3)
    flow.say(" three")
    article(notebook).get_by_text("one two three", exact=True).wait_for()
    flow.say(" four")
    article(notebook).get_by_text("one two three four", exact=True).wait_for()
    flow.end()
    wait_until_replaced(notebook).get_by_text("one two three four", exact=True).wait_for()
    notebook.run(4)
    notebook.wait_for_output("'one two three four'", 4)
