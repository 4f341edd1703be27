"""What a conversation remembers, in any order of adding, editing, switching, keeping and loading."""

from __future__ import annotations

import json

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamcell.core.conversation import Conversation
from streamcell.core.response import StreamingResponse
from streamcell.core.turns import NOT_RUN
from streamcell.errors import UsageError
from streamcell.events import ToolCall
from streamcell.messages import (
    ImagePart,
    Message,
    ReasoningPart,
    Request,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)
from streamcell.providers import registry

PNG = b"\x89PNG\r\n\x1a\nrest"
CALL = Message("assistant", (ToolCallPart("1", "look", {"at": 3}), ToolCallPart("2", "look", {})))
RESULT = Message("tool", (ToolResultPart("1", "look", "seen"),))
PROVIDERS = ["openai", "openai-responses", "anthropic", "gemini", "ollama", "demo"]

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8).map(lambda text: f"{text}.")
IDS = st.sampled_from(["1", "2", "3"])
PARTS = {
    "user": TEXT.map(TextPart) | st.just(ImagePart(PNG, "image/png")),
    "assistant": TEXT.map(TextPart)
    | st.builds(ToolCallPart, IDS, st.just("look"), st.just({"at": [1, None]}))
    | st.builds(ReasoningPart, TEXT, st.none() | st.just("signed"), st.sampled_from([None, *PROVIDERS])),
    "tool": st.builds(ToolResultPart, IDS, st.just("look"), TEXT, st.booleans()),
}
MESSAGES = st.sampled_from(sorted(PARTS)).flatmap(
    lambda role: st.lists(PARTS[role], min_size=1, max_size=3).map(lambda parts: Message(role, tuple(parts)))
)
STEPS = st.lists(
    st.tuples(st.just("append"), MESSAGES)
    | st.tuples(st.just("edit"), st.tuples(st.integers(0, 9), TEXT))
    | st.tuples(st.just("switch"), st.tuples(st.integers(0, 9), st.integers(0, 9)))
    | st.tuples(st.just("delete"), st.tuples(st.integers(0, 9), st.none()))
    | st.tuples(st.just("answer"), st.tuples(st.integers(0, 9), TEXT))
    | st.tuples(st.just("reload"), st.none()),
    max_size=14,
)


def said(role, text):
    return Message(role, (TextPart(text),))


def response_to(prompt, text, *, stop="stop", **more):
    response = StreamingResponse()
    response.prompt_messages = tuple(prompt)
    response.add_text(text)
    response.stop_reason = stop
    response.metadata |= {"provider": "p", "model": "m"}
    for name, value in more.items():
        setattr(response, name, value)
    return response


def answered(conversation, prompt, text, **more):
    place = conversation.place(prompt)
    conversation.expect(place)
    conversation.arrive(place, response_to(place.messages, text, **more))
    return conversation


def two_turns():
    return answered(answered(Conversation("Be brief."), "One?", "1"), "Two?", "2")


def texts(messages):
    return [message.content for message in messages]


def after(steps, path):
    """A conversation after these steps, checked after each of them."""
    conversation, waiting = Conversation("Be kind."), []
    for name, given_ in steps:
        count = len(conversation)
        match name:
            case "append":
                conversation.append(given_)
            case "edit" if count:
                conversation.edit(given_[0] % count, given_[1])
            case "switch" if count:
                index = given_[0] % count
                conversation.switch(index, given_[1] % len(conversation.branches(index)))
            case "delete" if count and not waiting:
                gone = conversation.delete(given_[0] % count)
                assert not {turn.id for turn in conversation} & set(gone)
            case "answer":
                place = conversation.place(given_[1])
                conversation.expect(place)
                waiting.append(place)
                if given_[0] % 2:  # else it ends after later ones
                    place = waiting.pop(given_[0] % len(waiting))
                    conversation.arrive(place, response_to(place.messages, "ok"))
            case "reload" if not waiting:
                conversation.save(path)
                before, conversation = conversation, Conversation.load(path)
                assert conversation.turns == before.turns
                assert conversation.messages == before.messages
                assert [conversation.branches(at) for at in range(count)] == [
                    before.branches(at) for at in range(count)
                ]
        check(conversation)
    return conversation


def check(conversation):
    numbers = [turn.id for turn in conversation]
    assert numbers == sorted(set(numbers))
    assert [turn.parent for turn in conversation] == [0, *numbers][: len(numbers)]
    for index, turn in enumerate(conversation):
        assert turn in conversation.branches(index)
    messages = conversation.messages
    assert messages[0] == said("system", "Be kind.")
    for place, message in enumerate(messages):
        results = [part.id for part in message.parts if isinstance(part, ToolResultPart)]
        if results:
            before = [m for m in messages[:place] if m.role == "assistant"][-1]
            calls = [part.id for part in before.parts if isinstance(part, ToolCallPart)]
            assert set(results) <= set(calls)


@given(STEPS, st.integers(0, 60))
@settings(deadline=None)
def test_any_way_of_talking_leaves_turns_in_order_that_every_provider_takes(tmp_path_factory, steps, budget):
    conversation = after(steps, tmp_path_factory.getbasetemp() / "c.json")
    shorter = conversation.truncate(budget)
    assert shorter[0] == said("system", "Be kind.")
    conversation.append("And now?")
    messages = conversation.messages
    for name in PROVIDERS:
        provider = registry.installed().provider(name)
        call = provider.encode(Request(provider=name, model="m", messages=tuple(messages[1:]), system="s"))
        assert json.loads(json.dumps(call.body))


@given(STEPS)
@settings(deadline=None)
def test_any_conversation_can_be_shown_and_exported(tmp_path_factory, steps):
    path = tmp_path_factory.getbasetemp()
    conversation = after(steps, path / "c.json")
    assert set(conversation._repr_mimebundle_()) == {"text/html", "text/plain"}
    conversation.save(path / "c.ipynb")
    nbformat.validate(nbformat.read(path / "c.ipynb", as_version=4))
    conversation.save(path / "c.md")


def test_a_turn_is_the_question_and_its_answer():
    conversation = two_turns()
    assert [(turn.question, turn.answer, turn.model) for turn in conversation] == [
        ("One?", "1", "p:m"),
        ("Two?", "2", "p:m"),
    ]
    assert texts(conversation.messages) == ["Be brief.", "One?", "1", "Two?", "2"]
    assert len(conversation) == 2


def test_messages_are_added_one_by_one():
    conversation = Conversation()
    conversation.append("Hi")
    conversation.append({"role": "user", "content": ["Look:", PNG]})
    conversation.append({"role": "assistant", "content": "Ho"})
    conversation.append("And?")
    assert [len(turn.messages) for turn in conversation] == [3, 1]
    with pytest.raises(UsageError, match=r"conversation\.system"):
        conversation.append({"role": "system", "content": "x"})


@pytest.mark.parametrize("asked_with", ["all", "new", "alone"])
def test_an_answer_is_added_with_as_much_of_its_question_as_is_missing(asked_with):
    conversation = two_turns()
    if asked_with != "all":
        conversation.append("Three?")
    before = {"all": [*conversation.messages, said("user", "Three?")], "new": conversation.messages}
    conversation.add(response_to(before.get(asked_with, [said("user", "Three?")]), "3"))
    assert texts(conversation.messages) == ["Be brief.", "One?", "1", "Two?", "2", "Three?", "3"]


def test_an_answer_that_says_nothing_or_grows_is_not_added():
    with pytest.raises(UsageError, match="says nothing"):
        Conversation().add(response_to([said("user", "Hi")], ""))
    with pytest.raises(UsageError, match="still growing"):
        Conversation().add(response_to([said("user", "Hi")], "Ho", stop=None))


def test_thinking_keeps_its_signature_and_calls_their_arguments(tmp_path):
    call = ToolCall(0, "1", "look", {"at": 3}, '{"at": 3}')
    parts = [ReasoningPart("hm", "signed", "anthropic")]
    conversation = answered(Conversation(), "Look", "So:", tool_calls=[call], reasoning_parts=parts)
    conversation.save(tmp_path / "c.json")
    (_, answer) = Conversation.load(tmp_path / "c.json").messages
    assert answer.parts == (parts[0], TextPart("So:"), ToolCallPart("1", "look", {"at": 3}))


def test_a_refusal_is_remembered_as_what_was_said():
    response = response_to([said("user", "Hi")], "")
    response.add_refusal("I would rather not.")
    conversation = Conversation()
    conversation.add(response)
    assert conversation[0].answer == "I would rather not."


def test_a_question_in_other_words_keeps_the_old_branch():
    conversation = two_turns()
    conversation.edit(0, "Uno?")
    assert texts(conversation.messages) == ["Be brief.", "Uno?"]
    assert [turn.question for turn in conversation.branches(0)] == ["One?", "Uno?"]
    conversation.switch(0, 0)
    assert texts(conversation.messages) == ["Be brief.", "One?", "1", "Two?", "2"]
    with pytest.raises(UsageError, match="no branch 2"):
        conversation.switch(0, 2)


def test_an_edited_question_keeps_its_pictures():
    conversation = Conversation()
    conversation.append({"role": "user", "content": ["What?", PNG]})
    conversation.edit(0, "Who?")
    assert conversation[0].messages[0].parts == (TextPart("Who?"), ImagePart(PNG, "image/png"))


def test_its_own_messages_as_a_prompt_are_not_sent_twice():
    conversation = two_turns()
    conversation.edit(1, "Due?")
    place = conversation.place(conversation.messages)
    assert texts(place.messages) == ["One?", "1", "Due?"]
    assert place.turn.id == conversation[1].id
    with pytest.raises(UsageError, match="ask the next one"):
        two_turns().place(two_turns().messages)


def test_answers_stand_in_the_order_of_asking():
    conversation = Conversation()
    places = [conversation.place(f"{n}?") for n in range(3)]
    for place in places:
        conversation.expect(place)
    for n in (2, 0, 1):
        conversation.arrive(places[n], response_to(places[n].messages, str(n)))
    assert [(turn.question, turn.answer) for turn in conversation] == [("0?", "0"), ("1?", "1"), ("2?", "2")]


def test_a_turn_is_replaced_and_the_later_ones_stay():
    conversation = two_turns()
    place = conversation.place("Uno?", instead_of=conversation[0].id)
    assert texts(place.messages) == ["Uno?"]
    conversation.expect(place)
    conversation.arrive(place, response_to(place.messages, "I"))
    assert texts(conversation.messages) == ["Be brief.", "Uno?", "I", "Two?", "2"]


def test_an_answer_that_was_asked_for_anew_meanwhile_is_passed_by():
    conversation = two_turns()
    first, second = (conversation.place(text, instead_of=2) for text in ("first", "second"))
    conversation.expect(first)
    conversation.expect(second)
    conversation.arrive(second, response_to(second.messages, "new"))
    conversation.arrive(first, response_to(first.messages, "old"))
    assert conversation[1].answer == "new"


def test_a_call_that_was_cut_is_sent_as_not_run():
    conversation = Conversation()
    for message in ("Look", CALL, RESULT, "And?"):
        conversation.append(message)
    assert conversation.messages[2:4] == [
        RESULT,
        Message("tool", (ToolResultPart("2", "look", NOT_RUN, error=True),)),
    ]
    assert conversation[0].messages == (said("user", "Look"), CALL, RESULT)


def test_a_result_without_its_call_is_not_sent():
    conversation = Conversation()
    conversation.append("Hi")
    conversation.append(RESULT)
    assert conversation.messages == [said("user", "Hi")]


def test_the_oldest_turns_go_first_and_never_the_system_prompt_or_the_last_turn():
    conversation = two_turns()
    assert texts(conversation.truncate(1000)) == texts(conversation.messages)
    assert texts(conversation.truncate(15)) == ["Be brief.", "Two?", "2"]
    assert texts(conversation.truncate(0)) == ["Be brief.", "Two?", "2"]
    assert len(conversation) == 2


@pytest.mark.parametrize("budget", ["x", -1, 1.5, True, None])
def test_a_budget_that_is_no_number_of_tokens_is_refused(budget):
    with pytest.raises(UsageError, match="budget_tokens must be a whole number of 0 or more"):
        Conversation().truncate(budget)


@pytest.mark.parametrize("budget", ["x", -1])
def test_a_conversation_with_no_budget_it_could_keep_is_not_made(budget):
    with pytest.raises(UsageError, match="budget_tokens must be a whole number"):
        Conversation(budget_tokens=budget)


def test_a_budget_limits_what_a_question_carries():
    conversation = two_turns()
    conversation.budget_tokens = 15
    assert texts(conversation.place("Three?").messages) == ["Two?", "2", "Three?"]


def test_a_turn_with_tools_is_dropped_whole():
    conversation = Conversation()
    for message in ("Look", CALL, RESULT, said("assistant", "Seen."), "And?", said("assistant", "No.")):
        conversation.append(message)
    assert texts(conversation.truncate(12)) == ["And?", "No."]


def test_a_file_of_tomorrow_is_read_as_far_as_it_is_understood(tmp_path):
    path = tmp_path / "c.json"
    two_turns().save(path)
    saved = json.loads(path.read_text(encoding="utf-8"))
    saved["colour"] = "blue"
    saved["turns"][0]["mood"] = 7
    path.write_text(json.dumps(saved), encoding="utf-8")
    assert Conversation.load(path).messages == two_turns().messages
    path.write_text(json.dumps(saved | {"version": 99}), encoding="utf-8")
    with pytest.raises(UsageError, match="newer streamcell"):
        Conversation.load(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        "[" * 100_000,
        '{"turns": [], "followed": [4]}',
        '{"turns": [{"id": 2, "messages": [], "parent": 7}], "followed": []}',
        '{"turns": [{"id": 2, "messages": [], "parent": 2}], "followed": []}',
        '{"turns": [{"id": 0, "messages": []}], "followed": []}',
        '{"turns": [{"id": 1, "messages": []}, {"id": 1, "messages": []}], "followed": []}',
        '{"turns": [], "followed": [], "kind": "another"}',
    ],
)
def test_a_file_that_holds_no_conversation_is_refused_in_one_line(tmp_path, text):
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        Conversation.load(path)
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 400 + len(str(path))


def test_a_file_that_is_not_there_or_cannot_be_written_is_named(tmp_path):
    with pytest.raises(UsageError, match="cannot read"):
        Conversation.load(tmp_path / "none.json")
    with pytest.raises(UsageError, match="cannot write"):
        two_turns().save(tmp_path / "no" / "c.json")
    with pytest.raises(UsageError, match=r"\.json, \.md or \.ipynb"):
        two_turns().save(tmp_path / "c.pickle")


def test_the_markdown_has_every_word_and_says_what_was_stopped(tmp_path):
    conversation = answered(two_turns(), "Three?", "thr", stop="cancelled")
    conversation.save(tmp_path / "c.md")
    assert (tmp_path / "c.md").read_text(encoding="utf-8") == (
        "# System\n\nBe brief.\n\n# User\n\nOne?\n\n# Assistant (p:m)\n\n1\n\n# User\n\nTwo?\n\n"
        "# Assistant (p:m)\n\n2\n\n# User\n\nThree?\n\n# Assistant (p:m)\n\nthr\n\n*Stopped here.*\n"
    )


def test_what_a_notebook_shows_of_it_does_nothing():
    hostile = "<script>alert(1)</script> ![x](http://127.0.0.1/p.png)"
    shown = answered(Conversation(hostile), hostile, hostile)._repr_mimebundle_()["text/html"]
    assert "<script" not in shown
    assert "<img" not in shown


def test_an_exported_notebook_would_ask_the_same_again(tmp_path):
    two_turns().save(tmp_path / "my talk.ipynb")
    notebook = nbformat.read(tmp_path / "my talk.ipynb", as_version=4)
    assert [cell.source for cell in notebook.cells] == [
        "%load_ext streamcell",
        "%%stream p:m -c my-talk --raw -s 'Be brief.'\nOne?",
        "%%stream p:m -c my-talk --raw\nTwo?",
    ]
    assert "2" in notebook.cells[2].outputs[0].data["text/plain"]


def test_a_deleted_turn_takes_what_follows_with_it_and_an_earlier_version_is_followed():
    conversation = two_turns()
    conversation.edit(1, "Three?")
    conversation.delete(1)
    assert texts(conversation.messages) == ["Be brief.", "One?", "1", "Two?", "2"]
    assert len(conversation.branches(1)) == 1
    conversation.delete(0)
    assert texts(conversation.messages) == ["Be brief."]
    answered(conversation, "Four?", "4")
    assert texts(conversation.messages) == ["Be brief.", "Four?", "4"]


def test_deleting_a_version_that_is_not_the_last_leaves_the_others():
    conversation = two_turns()
    conversation.edit(0, "Uno?")
    conversation.switch(0, 0)
    conversation.delete(0)
    assert texts(conversation.messages) == ["Be brief.", "Uno?"]


def test_an_answer_to_a_deleted_turn_is_not_taken():
    conversation = two_turns()
    place = conversation.place("Three?")
    conversation.begin(place)
    conversation.expect(place)
    conversation.delete(2)
    conversation.arrive(place, response_to(place.messages, "3"))
    assert len(conversation) == 2


def test_a_question_that_nobody_answered_is_not_sent_with_the_next():
    conversation = two_turns()
    silent = conversation.place_on(conversation[-1].id, (said("user", "Three?"),))
    conversation.begin(silent)
    place = conversation.place_on(conversation[-1].id, (said("user", "Four?"),))
    conversation.begin(place)
    assert texts(place.messages) == ["One?", "1", "Two?", "2", "Four?"]
    assert [turn.question for turn in conversation] == ["One?", "Two?", "Three?", "Four?"]


def test_a_place_beside_a_turn_is_a_branch_of_it_once_it_has_begun():
    conversation = two_turns()
    place = conversation.place_on(conversation[0].id, (said("user", "Other?"),))
    assert len(conversation.branches(1)) == 1
    conversation.begin(place)
    conversation.expect(place)
    conversation.arrive(place, response_to(place.messages, "other"))
    assert texts(conversation.messages) == ["Be brief.", "One?", "1", "Other?", "other"]
    assert [len(versions) for versions in conversation.versions()] == [1, 2]


def test_a_turn_can_be_asked_again_in_its_own_place():
    conversation = two_turns()
    turn = conversation[1]
    place = conversation.place_on(turn.parent, turn.messages[:1], turn=turn.id)
    conversation.begin(place)
    conversation.expect(place)
    conversation.arrive(place, response_to(place.messages, "zwei"))
    assert texts(conversation.messages) == ["Be brief.", "One?", "1", "Two?", "zwei"]
