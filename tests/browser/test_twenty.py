"""Twenty streams at once in one notebook: one budget of messages for all of them, and nothing is lost."""

import json

from faucet import LOAD
from views import view

STREAMS = 20
LAST = STREAMS + 2
RATE = 60
SPARE = 20
ASK = "%%stream demo:markdown --bg -o {name}\nExplain DNA"
NAMES = [f"r{number}" for number in range(STREAMS)]
TEXTS = f"import json\nprint(json.dumps([r.text for r in ({', '.join(NAMES)})]))"
# All that the kernel publishes, as it comes to the page. Its status and the echo of a cell are no data.
TAP = """
window.tapped = [];
const control = ['status', 'execute_input', 'iopub_welcome'];
panel.sessionContext.session.kernel.anyMessage.connect((_, {msg, direction}) => {
  if (direction !== 'recv' || msg.channel !== 'iopub' || control.includes(msg.header.msg_type)) return;
  const data = msg.content.data ?? null;
  window.tapped.push({at: performance.now() / 1000, kind: msg.header.msg_type, data});
});
"""


def test_twenty_streams_and_a_dashboard_stay_within_one_budget_and_lose_nothing(lab):
    notebook = lab.open([LOAD, "%stream status", *(ASK.format(name=name) for name in NAMES), TEXTS])
    notebook.run(0)
    notebook.wait_until_run(0)
    notebook._tell(TAP)
    notebook.run_all()
    notebook.wait_until_run(LAST)
    status = view(notebook).get_by_role("status", name="Stream status", exact=True)
    status.get_by_text(f"{STREAMS} done", exact=True).wait_for()
    notebook.run(LAST)
    notebook.wait_until_run(LAST)
    tapped = notebook._tell("return window.tapped")
    seconds = tapped[-1]["at"] - tapped[0]["at"]
    assert len(tapped) <= RATE * seconds + SPARE
    texts = json.loads("".join(output["text"] for output in notebook.outputs(LAST)))
    assert texts == [texts[0]] * STREAMS
    shown = _texts(one["data"] for one in tapped if one["kind"] == "comm_msg")
    assert list(shown.values()) == texts


def _texts(told):
    """The text of each run as the page was told it; a batch that comes again changes nothing."""
    reached, texts = {}, {}
    for data in told:
        message = data.get("content") or {}
        if data.get("method") != "custom" or message.get("type") != "batch":
            continue
        run = message["run"]
        if message["first"] == reached.get(run, 0):
            reached[run] = message["next"]
            pieces = [event["text"] for event in message["events"] if event["type"] == "text"]
            texts[run] = texts.get(run, "") + "".join(pieces)
    return texts
