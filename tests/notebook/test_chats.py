"""Conversations in a notebook: cells that go on, cells that are run again, and the commands about them."""

import json
from types import SimpleNamespace

import pytest

import streamcell
from streamcell.notebook import chats, kernel
from streamcell.notebook.arguments import parse


@pytest.fixture(autouse=True)
def _no_chats(monkeypatch):
    monkeypatch.setattr(chats, "_chats", {})


class Page:
    """A kernel whose page runs cells: `run` is one run of the cell with this id."""

    def __init__(self, shell, monkeypatch):
        self.shell = shell
        self.runs = 0
        self.failed = None
        shell.kernel = SimpleNamespace()
        monkeypatch.setattr(shell, "get_parent", lambda: self.parent, raising=False)
        self.parent = {}

    def run(self, cell, line, prompt, times=1):
        self.runs += 1
        metadata = {"cellId": cell} if cell else {}
        self.parent = {"header": {"msg_id": f"u{self.runs}", "session": "s"}, "metadata": metadata}
        for number in range(times):
            text = prompt if times == 1 else f"{prompt} {number}"
            self.shell.run_cell_magic("stream", f"demo --display static --param pace=0 {line}", text)


@pytest.fixture
def page(loaded, monkeypatch):
    monkeypatch.setattr(loaded.display_pub, "publish", lambda **_: None)
    return Page(loaded, monkeypatch)


def questions(name="dna"):
    return [turn.question for turn in streamcell.conversation(name)]


def sent(capsys, page, line, prompt, cell="dry"):
    capsys.readouterr()
    page.run(cell, f"{line} --dry-run", prompt)
    shown = capsys.readouterr().out
    return [m["content"].split("\n")[0] for m in json.loads(shown[shown.index("{") :])["messages"]]


def test_a_later_cell_goes_on_with_the_conversation(page, capsys):
    page.run("a", "-c dna -s 'Be brief.'", "One?")
    assert sent(capsys, page, "-c dna", "Two?") == ["Be brief.", "One?", "## The idea", "Two?"]
    assert questions() == ["One?"]
    page.run("b", "-c dna", "Two?")
    assert questions() == ["One?", "Two?"]
    assert sent(capsys, page, "-c other", "Else?") == ["Else?"]


def test_a_cell_that_is_run_again_replaces_its_own_turn_and_drops_no_other(page, capsys):
    for cell, prompt in (("a", "One?"), ("b", "Two?"), ("c", "Three?")):
        page.run(cell, "-c dna", prompt)
    assert sent(capsys, page, "-c dna", "Due?", cell="b")[0::2] == ["One?", "Due?"]
    page.run("b", "-c dna", "Due?")
    assert questions() == ["One?", "Due?", "Three?"]
    assert (
        "note: 1 later turn of 'dna' came after the answer that this one replaces" in capsys.readouterr().out
    )
    page.run("c", "-c dna", "Tre?")
    assert questions() == ["One?", "Due?", "Tre?"]
    assert "note:" not in capsys.readouterr().out


def test_a_loop_in_a_cell_asks_several_and_replaces_them_all(page):
    page.run("a", "-c dna", "Loop", times=3)
    assert questions() == ["Loop 0", "Loop 1", "Loop 2"]
    page.run("b", "-c dna", "After?")
    page.run("a", "-c dna", "Again", times=3)
    assert questions() == ["Again 0", "Again 1", "Again 2", "After?"]


def test_without_cell_ids_the_source_tells_which_cell_it_is(page):
    for prompt in ("One?", "Two?", "One?"):
        page.run(None, "-c dna", prompt)
    assert questions() == ["One?", "Two?"]


def test_in_a_terminal_the_same_words_are_asked_again(loaded):
    for _ in range(2):
        assert loaded.run_cell("%%stream demo --param pace=0 -c dna\nGo on").success
    assert questions() == ["Go on", "Go on"]


def test_new_begins_afresh(page, capsys):
    page.run("a", "-c dna -s 'Be brief.'", "One?")
    assert sent(capsys, page, "-c dna --new", "Two?") == ["Two?"]
    assert questions() == ["One?"]
    page.run("b", "-c dna --new", "Two?")
    assert questions() == ["Two?"]


def test_a_cell_that_cannot_be_asked_leaves_the_conversation_as_it_is(page):
    page.run("a", "-c dna", "One?")
    with pytest.raises(streamcell.UsageError):
        page.run("b", "-c dna --new --chunk-size 0", "Two?")
    assert questions() == ["One?"]


def test_an_answer_that_was_stopped_is_remembered(page):
    page.run("a", "-c dna --stop-after 3", "One?")
    (turn,) = streamcell.conversation("dna")
    assert turn.cut


def test_the_system_prompt_is_the_conversation_s(page, capsys):
    page.shell.run_line_magic("config", "StreamMagics.system = 'Configured.'")
    page.run("a", "-c dna -s First.", "One?")
    assert sent(capsys, page, "-c dna", "Two?")[0] == "First."
    page.run("b", "-c dna -s Second.", "Two?")
    assert streamcell.conversation("dna").system == "Second."
    page.run("c", "-c other", "One?")
    assert streamcell.conversation("other").system == "Configured."


def test_the_chats_are_listed_forgotten_and_written(page, capsys, tmp_path):
    page.run("a", "-c dna", "One?")
    page.run("b", "-c rna", "Two?")
    capsys.readouterr()
    stream = page.shell.find_line_magic("stream")
    stream("chats")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("dna ")
    assert "1 turn · " in first
    assert "tokens used · demo:markdown" in first
    assert second.startswith("rna ")
    stream(f"export {tmp_path / 'last.md'}")
    stream(f"export '{tmp_path / 'my dna.json'}' dna")
    stream(f"export {tmp_path / 'dna.ipynb'} dna")
    assert "Two?" in (tmp_path / "last.md").read_text(encoding="utf-8")
    loaded = streamcell.Conversation.load(tmp_path / "my dna.json")
    assert loaded.messages == streamcell.conversation("dna").messages
    assert "One?" in (tmp_path / "dna.ipynb").read_text(encoding="utf-8")
    stream("reset dna")
    with pytest.raises(streamcell.UsageError, match="there are: 'rna'"):
        streamcell.conversation("dna")
    stream("reset")
    capsys.readouterr()
    stream("chats")
    assert "no conversation yet" in capsys.readouterr().out


def test_a_loaded_conversation_goes_on_in_cells(page, capsys):
    loaded = streamcell.Conversation("Be brief.")
    loaded.append("One?")
    loaded.append({"role": "assistant", "content": "1"})
    assert streamcell.conversation("old", loaded) is loaded
    assert sent(capsys, page, "-c old", "Two?") == ["Be brief.", "One?", "1", "Two?"]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("export", "FILE"),
        ("export a.md", "no conversation yet"),
        ("export 'a.md", "FILE"),
        ("export a.md b c", "FILE"),
        ("reset nobody", "no conversation 'nobody'"),
    ],
)
def test_a_wrong_command_is_one_clear_sentence(loaded, command, says):
    with pytest.raises(streamcell.UsageError, match=says):
        loaded.find_line_magic("stream")(command)


def test_new_needs_a_name(loaded):
    with pytest.raises(streamcell.UsageError, match="-c NAME"):
        parse("demo --new")
    with pytest.raises(streamcell.UsageError, match="empty"):
        loaded.run_cell_magic("stream", "demo -c ''", "Hi")


def test_who_asks_is_known_where_a_cell_can_be_run_again():
    def asked(**parent):
        return kernel.asker(SimpleNamespace(kernel=object(), get_parent=lambda: parent), "source")

    numbered = {"msg_id": "abc_12_3", "session": "abc"}
    assert asked(header={"msg_id": "u1"}, metadata={"cellId": "c1"}) == ("c1", "u1")
    assert asked(header=numbered, metadata={"cellId": "c1"}) == ("c1", "abc_12_3")
    assert asked(header=numbered) is None
    assert asked(header={"msg_id": "u1"}) == asked(header={"msg_id": "u1"}, metadata=None)
    assert asked(header={"msg_id": "u1"}) is not None
    assert kernel.asker(SimpleNamespace(kernel=None), "source") is None
