"""What pages ask of a chat: done once, in order, and refused in a line when it cannot be done."""

from __future__ import annotations

import base64

import pytest

from chatting import Page, Slow, echo
from streamcell.agent import Agent
from streamcell.core.chat_protocol import (
    Attached,
    Clear,
    Complete,
    Delete,
    Edit,
    Keep,
    Regenerate,
    Resume,
    Said,
    Send,
    SentFile,
    Switch,
)
from streamcell.core.conversation import Conversation
from streamcell.core.protocol import Batch, Stopping, Sync
from streamcell.core.script import Script
from streamcell.events import Finished, Started, ToolCall, ToolResult
from streamcell.messages import Message, TextPart, ToolCallPart, ToolResultPart
from streamcell.notebook import wanted
from streamcell.notebook.answering import answering
from streamcell.testing import Fault, WireServer

PNG = b"\x89PNG\r\n\x1a\nrest"


def sent(name, data, kind=""):
    return SentFile(name, kind, base64.b64encode(data).decode())


def questions(thread):
    return [turn.question for turn in thread.turns]


def test_a_question_is_in_the_thread_before_its_answer_begins_and_its_token_with_it():
    page = Page(echo)
    thread = page.say(Send("t1", "Hi"))
    assert [len(one.turns) for one in page.threads] == [0, 1, 1]
    assert (page.threads[1].turns[0].state, thread.turns[0].state) == ("waiting", "done")
    assert (thread.turns[0].token, page.text(thread.turns[0].run)) == ("t1", "Hi after 0")
    assert (thread.turns[0].next, thread.turns[0].characters) == (3, len("Hi after 0"))


def test_a_message_that_comes_twice_is_asked_once():
    page = Page(echo)
    page.say(Send("t1", "Hi"))
    assert questions(page.say(Send("t1", "Hi"))) == ["Hi"]
    assert questions(page.say(Send("t2", "Hi"))) == ["Hi", "Hi"]


def test_a_question_while_an_answer_comes_is_refused_by_name_and_may_come_again():
    slow = Slow()
    page = Page(slow)
    page.pages.act(Send("t1", "Hi"))
    page.pages.act(Send("t2", "And?"))
    (refusal,) = page.said
    assert (refusal.error, refusal.token) == (True, "t2")
    assert "still coming" in refusal.text
    slow.may_end.set()
    page.wait()
    assert questions(page.say(Send("t2", "And?"))) == ["Hi", "And?"]


def test_stop_keeps_what_came_and_the_next_question_goes_on_from_there():
    slow = Slow()
    page = Page(slow)
    page.pages.act(Send("t1", "Hi"))
    for event in page.session.last.events():
        if not isinstance(event, Started):
            break
    assert page.pages.hear({"type": "stop", "run": "1"}) is None
    slow.may_end.set()
    assert Stopping("1") in page.told
    assert page.threads[-1].turns[0].state == "stopped"
    page.say(Send("t2", "And?"))
    assert page.session.last.response.prompt_messages[1].content == "begun"


def test_an_edited_question_is_a_branch_and_the_old_one_can_be_shown_again():
    page = Page(echo)
    page.say(Send("t1", "One"))
    page.say(Send("t2", "Two"))
    edited = page.say(Edit("t3", 1, "Uno")).turns
    assert [(turn.question, turn.branch, turn.branches) for turn in edited] == [("Uno", 1, 2)]
    back = page.say(Switch(1 + 2, 0)).turns
    assert [(turn.question, turn.branch, turn.branches) for turn in back] == [("One", 0, 2), ("Two", 0, 1)]


def test_an_answer_given_anew_is_a_branch_with_the_same_question():
    answers = iter(["first", "second"])
    page = Page(lambda _message, _history: next(answers))
    page.say(Send("t1", "One"))
    (turn,) = page.say(Regenerate("t2", 1)).turns
    assert (turn.question, turn.branch, turn.branches, turn.token) == ("One", 1, 2, "t2")
    assert page.text(turn.run) == "second"


def test_what_nobody_answered_is_tried_again_in_its_own_place():
    attempts = iter([ValueError("broken"), "better"])

    def moody(_message, _history):
        given = next(attempts)
        if isinstance(given, Exception):
            raise given
        return given

    page = Page(moody)
    (turn,) = page.say(Send("t1", "One")).turns
    assert turn.state == "failed"
    (again,) = page.say(Regenerate("t2", turn.id)).turns
    assert (again.id, again.state, again.branches) == (turn.id, "done", 1)
    assert again.run != turn.run


def test_what_cannot_be_asked_fails_in_its_place(monkeypatch):
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    page = Page("openai:gpt-5-mini")
    (turn,) = page.say(Send("t1", "One")).turns
    assert (turn.state, page.said) == ("failed", [])
    (end,) = [event for one in page.told if isinstance(one, Batch) for event in one.events]
    assert isinstance(end, Finished)
    assert "OPENAI_API_KEY" in end.error.message


def test_a_deleted_turn_is_gone_with_what_follows_and_its_answer_is_stopped():
    slow = Slow()
    page = Page(slow)
    slow.may_end.set()
    page.say(Send("t1", "One"))
    slow.may_end.clear()
    page.pages.act(Send("t2", "Two"))
    page.pages.act(Delete(2))
    slow.may_end.set()
    assert questions(page.threads[-1]) == ["One"]
    assert page.session.last.response.stop_reason == "cancelled"
    page.say(Delete(2))
    assert page.said[-1] == Said("that message is not there any more", error=True)


def test_clear_begins_afresh_with_the_system_prompt():
    page = Page(echo, conversation=Conversation("Be brief."))
    page.say(Send("t1", "One"))
    assert page.say(Clear()).turns == []
    page.say(Send("t2", "Two"))
    assert [message.content for message in page.session.state.conversation.messages] == [
        "Be brief.",
        "Two",
        "Two after 1",
    ]


def test_variables_are_put_into_questions_and_the_thread_shows_what_was_typed():
    page = Page(echo, names={"x": 3})
    (turn,) = page.say(Send("t1", "x is {x}, {y}")).turns
    assert turn.question == "x is {x}, {y}"
    assert page.text(turn.run) == "x is 3, {y} after 0"
    assert page.said == [Said("{y} sent as written: no variable of that name")]
    edited = page.say(Edit("t2", 1, "{x}!")).turns[0]
    assert page.text(edited.run) == "3! after 0"


def test_a_text_file_goes_into_the_prompt_under_its_name_and_stays_when_the_question_is_edited():
    page = Page(lambda message, _history: message)
    (turn,) = page.say(Send("t1", "Read", [sent("a.txt", b"```\nwords")])).turns
    assert turn.attached == [Attached("a.txt", "text/plain", 9)]
    assert page.text(turn.run) == "Read\n\na.txt:\n\n````\n```\nwords\n````"
    (edited,) = page.say(Edit("t2", 1, "Read again")).turns
    assert edited.attached == turn.attached
    assert page.text(edited.run).startswith("Read again\n\na.txt:")
    again = Page(echo, conversation=page.session.state.conversation)
    (loaded,) = again.threads[-1].turns
    assert (loaded.question, loaded.attached) == (edited.question, edited.attached)


def test_an_image_is_sent_as_one_and_a_function_that_cannot_see_is_not_asked():
    with WireServer(Script.of("A cat.")) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test")
        page = Page(answering(agent))
        (turn,) = page.say(Send("t1", "What?", [sent("cat.png", PNG, "image/png")])).turns
    assert turn.attached == [Attached("cat.png", "image/png", len(PNG))]
    assert page.text(turn.run) == "A cat."
    blind = Page(echo)
    (turn,) = blind.say(Send("t1", "What?", [sent("cat.png", PNG)])).turns
    assert turn.state == "failed"


@pytest.mark.parametrize(
    "message",
    [
        Send("t", " \n"),
        Send("t", "x" * (wanted.LONGEST + 1)),
        Send("t", "Hi", model="openai:other"),
        Send("t", "{page}"),
        Edit("t", 9, "Hi"),
        Regenerate("t", 9),
        Resume("t", 9),
        Send("t", "Hi", [SentFile("a", "", "no base64!")]),
        Send("t", "Hi", [SentFile("a", "", base64.b64encode(b"\xff\0").decode())]),
        Send("t", "Hi", [sent("a", b"x")] * 21),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_line_with_its_name(message):
    page = Page(echo, names={"page": pytest})
    thread = page.say(message)
    assert thread.turns == []
    (refusal,) = page.said
    assert (refusal.error, refusal.token) == (True, "t")
    assert "\n" not in refusal.text


@pytest.mark.parametrize("content", [None, "stop", {"type": "explode"}, {"type": "send", "text": 3}])
def test_what_is_no_message_is_answered_with_an_error(content):
    page = Page(echo)
    assert page.pages.hear(content) is None
    (refusal,) = page.said
    assert refusal.error


def test_what_concerns_an_answer_reaches_it_and_unknown_answers_are_ignored():
    page = Page(echo)
    page.say(Send("t1", "Hi"))
    page.told.clear()
    assert page.pages.hear({"type": "sync", "run": "7", "have": 0}) is None
    assert page.told == []
    page.pages.hear({"type": "sync", "run": "1", "have": 0})
    (batch,) = page.told
    assert (batch.first, batch.next, batch.state) == (0, 3, "done")
    assert batch.figures.characters == len("Hi after 0")
    page.pages.hear({"type": "need_bundle", "version": ""})
    assert page.bundles == 1


def test_a_page_that_missed_what_lasts_is_sent_it():
    page = Page(echo)
    page.pages.act(page.pages.hear({"type": "need_lasting"}))
    assert page.lasting == 1


def test_an_answer_is_kept_as_a_variable():
    page = Page(echo, names={"old": 1, "page": pytest})
    page.say(Send("t1", "Hi"))
    page.say(Keep(1, "r"))
    page.say(Keep(1, "old"))
    assert page.namespace["r"].text == page.namespace["old"].text == "Hi after 0"
    assert [said.error for said in page.said] == [False, False]
    for name in ("page", "2x", "class", "print", "__name__", "a.b"):
        page.say(Keep(1, name))
        assert page.said[-1].error
    assert page.namespace["page"] is pytest


def test_names_are_completed_with_what_they_hold():
    page = Page(echo, names={"xs": [1, 2], "x": "text", "_x": 1, "xtest": pytest, "y": 1})
    page.say(Complete("x"))
    (found,) = page.said
    assert (found.names, found.hints) == (["x", "xs"], ["str, 4 characters: text", "list, 2 items"])


def test_a_cut_answer_is_continued_in_its_turn():
    cut = Script.of("The first words and no more.", fault=Fault("close", after=3))
    with WireServer([cut, Script.of(" and the rest")]) as server:
        agent = Agent("openai:m", base_url=f"{server.base_url}/v1", api_key="test", retries=0)
        page = Page(answering(agent))
        (turn,) = page.say(Send("t1", "Speak")).turns
        assert (turn.state, turn.continues) == ("failed", True)
        (whole,) = page.say(Resume("t2", turn.id)).turns
    assert (whole.id, whole.state, whole.branches, whole.continues) == (turn.id, "done", 1, False)
    assert page.text(whole.run).endswith(" and the rest")
    assert page.session.state.conversation[0].answer == page.text(whole.run)


def test_the_picker_changes_who_is_asked_until_it_is_changed_again():
    page = Page(answering("demo:markdown", models=["demo:json"]))
    assert page.threads[-1].models == ["demo:markdown", "demo:json"]
    thread = page.say(Send("t1", "Hi", model="demo:json"))
    assert (thread.model, thread.turns[0].model, thread.scripted) == ("demo:json", "demo:json", True)
    (again,) = page.say(Regenerate("t2", 1, model="demo:markdown")).turns
    assert (again.model, again.branches) == ("demo:markdown", 2)


def test_a_conversation_that_was_loaded_is_shown_as_answers_that_are_over():
    conversation = Conversation()
    conversation.append("Look")
    conversation.append(Message("assistant", (TextPart("I look."), ToolCallPart("1", "look", {"at": 3}))))
    conversation.append(Message("tool", (ToolResultPart("1", "look", "seen"),)))
    conversation.append(Message("assistant", "Seen."))
    page = Page(echo, conversation=conversation)
    (turn,) = page.threads[-1].turns
    assert page.told == []
    assert (turn.question, turn.state, turn.next, turn.characters) == ("Look", "done", 7, 12)
    page.pages.hear({"type": "sync", "run": turn.run, "have": 0})
    (batch,) = page.told
    assert [type(event) for event in batch.events if isinstance(event, ToolCall | ToolResult)] == [
        ToolCall,
        ToolResult,
    ]
    assert (page.text(turn.run), batch.figures) == ("I look.Seen.", None)
    page.say(Keep(turn.id, "r"))
    assert page.namespace["r"].tool_calls[0].arguments == {"at": 3}
    assert questions(page.say(Send("t1", "And?"))) == ["Look", "And?"]


def test_a_page_that_comes_late_asks_for_what_runs_now():
    slow = Slow()
    page = Page(slow)
    page.pages.act(Send("t1", "Hi"))
    for event in page.session.last.events():
        if not isinstance(event, Started):
            break
    page.told.clear()
    page.session.state.run("1").receive(Sync("1", 0), 0.0)
    assert page.text("1") == "begun"
    slow.may_end.set()
    page.wait()
    assert page.text("1") == "begun and ended"
