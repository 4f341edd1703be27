"""`streamcell chat` where standard input is a pipe: each line is a question."""

import json

import pytest

from streamcell.testing import Fault, Script, WireServer, in_turn


@pytest.fixture
def talk(said, typed):
    """Says lines in a chat; the same as `said`."""

    def run(*lines, at=None):
        typed("\n".join(lines))
        model = ("-m", "demo") if at is None else ("-m", "openai:x", "--base-url", f"{at.base_url}/v1")
        return said("chat", *model)

    return run


def asked(server):
    """What the model was sent: the roles and texts of each request."""
    return [[(one["role"], one["content"]) for one in each.body["messages"]] for each in server.requests]


def test_each_question_goes_with_what_was_said_before(talk):
    with WireServer(in_turn(Script.of("Fine."), Script.of("DNA is long."))) as server:
        assert talk("How are you?", "", "Explain DNA", at=server) == (0, "Fine.\nDNA is long.\n", "")
    first = [("user", "How are you?")]
    assert asked(server) == [first, [*first, ("assistant", "Fine."), ("user", "Explain DNA")]]


def test_reset_forgets_what_was_said_but_not_the_system_prompt(said, typed):
    typed("One\n/reset\nTwo\n")
    with WireServer(Script.of("Yes.")) as server:
        said("chat", "-m", "openai:x", "--base-url", f"{server.base_url}/v1", "-s", "brief")
    assert asked(server) == [
        [("system", "brief"), ("user", "One")],
        [("system", "brief"), ("user", "Two")],
    ]


def test_the_conversation_is_saved(talk, tmp_path):
    with WireServer(Script.of("Yes.")) as server:
        code, _, told = talk("One", '/save "my chat.json"', "/save chat.md", at=server)
    assert (code, told) == (0, "wrote my chat.json\nwrote chat.md\n")
    assert len(json.loads((tmp_path / "my chat.json").read_text())["turns"]) == 1
    assert "One" in (tmp_path / "chat.md").read_text()


def test_the_model_is_changed_and_told(talk):
    code, text, told = talk("/model demo:json", "Go", "/model")
    assert (code, told) == (0, "demo:json\ndemo:json\n")
    assert json.loads(text)


def test_an_address_and_a_key_stay_behind_with_their_provider(talk):
    with WireServer(Script.of("Yes.")) as server:
        code, text, _ = talk("One", "/model demo:json", "Two", at=server)
    assert (code, len(server.requests)) == (0, 1)
    assert "scripted" in text


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("/nope", "/nope is no command; there are /reset, /save, /model, /help, /quit"),
        ("/save", "/save takes the name of one file"),
        ("/save chat.exe", "not as '.exe'"),
        ("/reset all", "/reset takes nothing"),
        ("/model nobody:x", "names no provider"),
        ("/model anthropic", "ANTHROPIC_API_KEY"),
    ],
)
def test_what_cannot_be_done_is_said_and_the_talk_goes_on(talk, line, says):
    with WireServer(Script.of("Yes.")) as server:
        code, text, told = talk(line, "One", at=server)
    assert (code, text) == (1, "Yes.\n")
    assert says in told
    assert told.count("\n") == 1


def test_an_answer_that_fails_is_kept_and_the_talk_goes_on(talk):
    cut = Script.of("Some words come.", fault=Fault("close", after=3))
    with WireServer(in_turn(cut, Script.of("Yes."))) as server:
        code, text, told = talk("One", "Two", at=server)
    assert (code, text) == (1, "Some words come\nYes.\n")
    assert "the connection to 127.0.0.1" in told


def test_quit_ends(talk):
    with WireServer(Script.of("Yes.")) as server:
        assert talk("/quit", "One", at=server) == (0, "", "")
    assert not server.requests


def test_help_names_every_command(talk):
    told = talk("/help")[2]
    for command in ("/reset", "/save FILE", "/model [NAME]", "/quit", "Ctrl-C", "Ctrl-D"):
        assert command in told
