"""What Tab offers while a `%%stream` line is typed."""

from types import SimpleNamespace

import pytest
from IPython.core.completer import provisionalcompleter
from matplotlib.figure import Figure

from streamcell.notebook import chats, completion, running


@pytest.fixture
def tab(loaded, monkeypatch):
    """The words offered at the end of a text, each with what it leaves of the text before it."""
    monkeypatch.setattr(chats, "_chats", {"dna": None, "rna": None})
    cells = [SimpleNamespace(number=3, model="openai:my-own", stream=SimpleNamespace(finished=False))]
    monkeypatch.setattr(running, "_cells", cells)

    def tab(text, offset=None):
        offset = len(text) if offset is None else offset
        with provisionalcompleter():
            offered = list(loaded.Completer.completions(text, offset))
        assert all(one.end == offset for one in offered)
        return [text[: one.start] + one.text for one in offered]

    return tab


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [
        ("%%stream --ma", ["%%stream --max-tokens", "%%stream --max-cost"]),
        ("%%stream demo --dr", ["%%stream demo --dry-run"]),
        ("%%stream --display wi", ["%%stream --display widget"]),
        ("%%stream --display=wi", ["%%stream --display=widget"]),
        ("%%stream --on-error ", ["%%stream --on-error raise", "%%stream --on-error keep"]),
        ("%%stream demo:mar", ["%%stream demo:markdown"]),
        ("%%stream -m demo:mar", ["%%stream -m demo:markdown"]),
        ("%%stream -m anthr", ["%%stream -m anthropic:"]),
        ("%%stream -m openai:my", ["%%stream -m openai:my-own"]),
        ("%%stream -m a --model demo:to", ["%%stream -m a --model demo:tools"]),
        ("%%stream demo --fallback bl", ["%%stream demo --fallback blocking"]),
        ("%%stream -c d", ["%%stream -c dna"]),
        ("%stream st", ["%stream status", "%stream stop"]),
        ("%stream stop ", ["%stream stop 3"]),
        ("%stream reset r", ["%stream reset rna"]),
        ("%stream export dna.md d", ["%stream export dna.md dna"]),
        ("  %%stream demo --ra", ["  %%stream demo --raw"]),
    ],
)
def test_what_may_follow_is_offered_and_nothing_else(tab, typed, becomes):
    assert tab(typed) == becomes


def test_a_place_for_a_model_offers_providers_and_options(tab):
    offered = tab("%%stream ")
    assert offered[0] == "%%stream openai:"
    assert {"%%stream demo:", "%%stream ollama:", "%%stream --out"} <= set(offered)
    assert "%%stream claude-sonnet-5" in tab("%%stream clau")


def test_a_provider_offers_its_default_and_well_known_models(tab, monkeypatch):
    monkeypatch.setenv("OPENAI_MODEL", "mine")
    assert tab("%%stream openai:")[:2] == ["%%stream openai:my-own", "%%stream openai:mine"]
    assert "%%stream openai:gpt-5" in tab("%%stream openai:")
    assert tab("%%stream xai:") != []


def test_an_option_is_offered_once_unless_it_may_be_repeated(tab):
    offered = tab("%%stream demo -t 0 --stop a -")
    assert "%%stream demo -t 0 --stop a --stop" in offered
    assert not any(word.endswith((" -t", "--temperature")) for word in offered)


def test_a_second_model_is_not_offered_in_the_first_place(tab):
    assert all(" -" in word for word in tab("%%stream demo "))
    assert all(" -" in word for word in tab("%%stream -t 0 -m demo "))


def test_variables_are_offered_by_what_they_hold(tab, loaded):
    loaded.user_ns |= {"plot": Figure(), "plain": 1, "_pl": 2}
    assert tab("%%stream -o pl") == ["%%stream -o plain", "%%stream -o plot"]
    assert tab("%%stream --image pl") == ["%%stream --image plot"]
    assert tab("%%stream --image la") == ["%%stream --image last"]


def test_files_and_folders_are_offered(tab, tmp_path, monkeypatch):
    folder = tmp_path / "work"
    (folder / "runs").mkdir(parents=True)
    for name in ("runs.jsonl", "runs/a.jsonl", "with space.jsonl", ".hidden", "runs.ipynb"):
        (folder / name).touch()
    monkeypatch.chdir(folder)
    assert tab("%%stream --record runs") == [f"%%stream --record {end}" for end in FILES]
    assert tab("%%stream --replay=runs/") == ["%%stream --replay=runs/a.jsonl"]
    assert tab("%stream scan ") == ["%stream scan runs/", "%stream scan runs.ipynb"]
    assert tab(f"%%stream --record {folder}/runs/") == [f"%%stream --record {folder}/runs/a.jsonl"]


FILES = ["runs/", "runs.ipynb", "runs.jsonl"]


def test_names_of_environment_variables_are_offered_for_the_key(tab, monkeypatch):
    monkeypatch.setenv("MY_PROVIDER_KEY", "x")
    assert tab("%%stream --key-env MY_PROV") == ["%%stream --key-env MY_PROVIDER_KEY"]


def test_the_first_line_of_a_whole_cell_is_completed(tab):
    cell = "%%stream -m demo:mar\nSpeak of --ma"
    assert tab(cell, offset=20) == ["%%stream -m demo:markdown"]
    assert "%%stream -m demo:mar\nSpeak of --max-tokens" not in tab(cell)


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # IPython's own
def test_the_older_way_of_asking_is_answered_too(loaded):
    line = "%%stream -m demo:mar"
    assert loaded.complete(None, line, len(line)) == ("demo:mar", ["demo:markdown"])


@pytest.mark.parametrize("line", ["%%stream -s 'be --ma", "%%stream demo -t ", "%stream nothing "])
def test_where_there_is_nothing_to_say_nothing_is_said(loaded, line):
    assert completion.complete(line, loaded) == {"completions": [], "suppress": False}


@pytest.mark.parametrize(
    ("typed", "becomes"),
    [("import jso", "import json"), ("%%str", "%%stream"), ("prin", "print"), ("%%time", "%%time")],
)
def test_every_other_completion_is_as_it_was(tab, typed, becomes):
    assert becomes in tab(typed)
