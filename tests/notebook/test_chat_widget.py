"""`ChatWidget` as its users call it, without a page: what is in its traits, and what they get."""

from __future__ import annotations

import json
import sys
import threading

import pytest

from chatting import Slow, echo
from streamcell import Agent, Conversation, UsageError
from streamcell.core.protocol import Decide
from streamcell.core.script import Script
from streamcell.notebook.chat import ChatWidget
from streamcell.testing import WireServer


@pytest.fixture(autouse=True)
def _no_ipython(request, monkeypatch):
    """No shell but the one that a test asks for."""
    if "shell" not in request.fixturenames:
        monkeypatch.setattr("streamcell.notebook.chat.get_ipython", lambda: None)
        monkeypatch.delattr(sys, "ps1", raising=False)  # a shell of another test leaves it behind


@pytest.fixture
def chat():
    chat = ChatWidget(echo, title="Echo", suggestions=["Say hi"], height=300, show_metrics=False)
    yield chat
    chat.close()


@pytest.fixture
def heard(monkeypatch):
    """What the comm of a chat is given to send."""
    sent = []
    monkeypatch.setattr(ChatWidget, "_send", lambda _self, message, **_: sent.append(message))
    return sent


def catch_up(chat):
    """Wait until all is done that pages asked for so far."""
    done = threading.Event()
    chat._errands.hand_over(done.set)
    done.wait()


def test_a_chat_is_asked_and_remembers(chat):
    assert chat.send("One").result().text == "One after 0"
    chat.send("Two").result()
    assert [message.content for message in chat.messages] == ["One", "One after 0", "Two", "Two after 2"]
    assert chat.conversation[1].answer == "Two after 2"
    assert (chat.metrics.characters, chat.totals.turns) == (11, 2)
    assert repr(chat) == "<ChatWidget echo, 2 turns>"


def test_the_state_tells_what_a_page_needs_and_no_answer(chat):
    words = "words of the answer"
    told = ChatWidget(lambda *_: words)
    told.send("Hi").result()
    assert words not in json.dumps(told.get_state(), default=str)
    assert told.thread["turns"][0]["question"] == "Hi"
    assert {name: chat.thread[name] for name in ("title", "suggestions", "height", "show_metrics")} == {
        "title": "Echo",
        "suggestions": ["Say hi"],
        "height": "300px",
        "show_metrics": False,
    }
    told.close()


def test_no_key_and_no_request_is_in_the_state():
    with WireServer(Script.of("Fine.")) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="not-to-be-seen")
        chat = ChatWidget(agent, system="Not for the page")
        chat.send("Hi").result()
    state = json.dumps(chat.get_state(), default=str)
    assert not [word for word in ("not-to-be-seen", server.base_url, "Not for the page") if word in state]
    chat.close()


def test_a_chat_that_nobody_uses_sends_nothing(heard):
    chat = ChatWidget(echo)
    told = threading.Event()
    chat.observe(lambda change: "done" in str(change.new) and told.set(), "thread")
    chat.send("Hi").result()
    told.wait()
    before = list(heard)
    chat._session.publish()
    chat._receive(chat, {"type": "ack", "run": "1", "painted": 3}, [])
    assert heard == before


def test_one_question_at_a_time(chat):
    slow = Slow()
    chat = ChatWidget(slow)
    answer = chat.send("One")
    with pytest.raises(UsageError, match="still coming"):
        chat.send("Two")
    chat.stop()
    slow.may_end.set()
    assert answer.response.stop_reason == "cancelled"
    chat.send("Two").result()
    assert chat.totals.turns == 2
    chat.close()


def test_what_a_page_asks_is_done_in_order_and_off_its_thread(chat):
    def finish():
        chat._session.last.result()

    for number in range(5):
        chat._receive(chat, {"type": "send", "token": f"t{number}", "text": str(number)}, [])
        chat._receive(chat, {"type": "complete", "prefix": ""}, [])
        chat._errands.hand_over(finish)
    catch_up(chat)
    assert [turn.question for turn in chat.conversation] == list("01234")


def test_a_saved_chat_goes_on(chat, tmp_path):
    chat.send("One").result()
    for name in ("chat.md", "chat.ipynb", "chat.json"):
        chat.export(tmp_path / name)
    assert "One after 0" in (tmp_path / "chat.md").read_text()
    again = ChatWidget(echo, conversation=tmp_path / "chat.json")
    assert again.send("Two").result().text == "Two after 2"
    chat.clear()
    assert chat.messages == []
    chat.load(tmp_path / "chat.json")
    assert chat.thread["turns"][0]["question"] == "One"
    again.close()


def test_the_system_prompt_is_the_chats():
    told = []
    chat = ChatWidget(lambda *said: told.append(said) or "ok", system="Be brief.")
    chat.send("Hi").result()
    assert told[0][1] == [{"role": "system", "content": "Be brief."}]
    assert chat.messages[0].role == "system"
    chat.close()


def test_the_static_view_is_inert_and_holds_everything(chat):
    assert "An empty conversation." in chat.view("static").bundle["text/plain"]
    chat.send("<b>One</b>").result()
    bundle = chat.view("static")._repr_mimebundle_()
    assert sorted(bundle) == ["text/html", "text/plain"]
    assert "&lt;b&gt;One&lt;/b&gt; after 0" in bundle["text/html"]
    assert "<b>One" not in bundle["text/html"]
    assert "# User\n\n<b>One</b>\n\n# Assistant\n\n<b>One</b> after 0" in bundle["text/plain"]
    with pytest.raises(UsageError, match="static"):
        chat.view("live")


def test_an_answer_that_failed_says_so_in_the_static_view():
    chat = ChatWidget(lambda *_: 3)
    answer = chat.send("Hi")
    with pytest.raises(UsageError, match="returned int"):
        answer.result()
    assert "Failed." in chat.view("static").bundle["text/plain"]
    chat.close()


@pytest.mark.parametrize(
    ("who", "said"),
    [
        (3, {}),
        (echo, {"tools": [echo]}),
        (echo, {"models": ["demo"]}),
        ("demo", {"models": "demo"}),
        ("demo", {"approve": "perhaps"}),
        ("nosuch:model:", {"models": ["also:none"], "tools": [3]}),
    ],
)
def test_what_cannot_be_a_chat_is_refused_at_once(who, said):
    with pytest.raises(UsageError):
        ChatWidget(who, **said).send("Hi")


def test_a_decision_of_the_page_reaches_the_tool_that_waits():
    ran = []

    def write(path: str) -> str:
        """Write a file."""
        ran.append(path)
        return "written"

    chat = ChatWidget("demo:tools", tools=[write])
    chat._repr_mimebundle_()
    answer = chat.send("Go")
    for event in answer.events():
        if type(event).__name__ == "ApprovalRequest":
            decision = Decide("1", event.id, event.digest, approved=True)
            chat._receive(
                chat, {"type": "decide", **{f: getattr(decision, f) for f in decision.__struct_fields__}}, []
            )
    assert len(ran) == 1
    assert answer.response.stop_reason == "stop"
    chat.close()


def test_where_no_page_asks_a_tool_that_needs_consent_is_an_error():
    def write(path: str) -> str:
        """Write a file."""
        return path

    chat = ChatWidget("demo:tools", tools=[write])
    with pytest.raises(UsageError, match="approve="):
        chat.send("Go").result()
    chat.close()


def test_in_a_terminal_the_answer_is_printed_and_there_is_no_widget(shell, capsys):
    chat = ChatWidget(echo)
    answer = chat.send("Hi")
    assert answer.finished
    assert "Hi after 0" in capsys.readouterr().out
    assert chat.comm is None
    shell.user_ns["chat"] = chat
    shell.run_cell("chat")
    assert "# Assistant\n\nHi after 0" in capsys.readouterr().out


def test_the_variables_of_a_notebook_are_those_of_its_chat(shell, monkeypatch):
    monkeypatch.setattr("streamcell.notebook.kernel.room", lambda _shell: "page")
    shell.user_ns["x"] = 3
    chat = ChatWidget(lambda message, _history: message)
    chat._receive(chat, {"type": "send", "token": "t", "text": "{x} {In}"}, [])
    catch_up(chat)
    assert chat._session.last.result().text == "3 {In}"
    chat.close()


def test_a_conversation_can_be_shared_with_cells():
    shared = Conversation("Be brief.")
    shared.append("Hi")
    chat = ChatWidget(echo, conversation=shared)
    assert chat.conversation is shared
    assert chat.thread["turns"][0].get("run") is None
    chat.send("And?").result()
    assert [turn.question for turn in shared] == ["Hi", "And?"]
    chat.close()
