"""Loading, unloading, the configuration, and the rewriting of cells into awaited ones."""

import re
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from streamcell.notebook import arguments, view
from streamcell.notebook.commands import COMMANDS
from streamcell.notebook.magic import AWAITED, AwaitedCells, StreamMagics

LINES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20)
PROMPTS = st.lists(
    LINES | st.sampled_from(["", "\t", "'", '"""', "\\", "{x}", "%%time", "!ls", "f?"]), max_size=6
)
OPTIONS = st.lists(st.sampled_from(["-o r", "-s 'it''s'", '-s "a\\b"', "-t 0", "-s {é}", "demo"]), max_size=4)


def footprint(shell):
    """All that an extension can leave in a shell."""
    callbacks = {name: list(found) for name, found in shell.events.callbacks.items()}
    magics = {kind: set(found) for kind, found in shell.magics_manager.magics.items()}
    return (
        callbacks,
        magics,
        list(shell.input_transformers_cleanup),
        [type(one) for one in shell.configurables],
        list(shell.Completer.custom_matchers),
        vars(shell.display_formatter).get("format"),
    )


@pytest.mark.parametrize("kernel", [None, SimpleNamespace()], ids=["terminal", "kernel"])
def test_unloading_takes_back_all_that_loading_did(shell, kernel):
    shell.kernel = kernel
    before = footprint(shell)
    shell.extension_manager.load_extension("streamcell")
    assert footprint(shell) != before
    shell.extension_manager.unload_extension("streamcell")
    assert footprint(shell) == before


@pytest.mark.parametrize("again", ["%load_ext streamcell", "%reload_ext streamcell"])
def test_loading_twice_is_loading_once(shell, again):
    shell.kernel = SimpleNamespace()
    shell.run_cell("%load_ext streamcell")
    shell.run_cell(again)
    callbacks, magics, transforms, configurables, matchers, _ = footprint(shell)
    assert {"stream", AWAITED} <= magics["cell"]
    assert "stream" in magics["line"]
    assert sum(isinstance(one, AwaitedCells) for one in transforms) == 1
    assert configurables.count(StreamMagics) == 1
    assert len(matchers) == 1
    assert sum("AwaitedCells" in repr(one) for one in callbacks["pre_execute"]) == 1


def test_only_a_kernel_gets_its_cells_rewritten(loaded):
    assert not any(isinstance(one, AwaitedCells) for one in loaded.input_transformers_cleanup)


def test_the_configuration_is_the_default_of_every_cell(loaded, capsys):
    loaded.run_cell("%config StreamMagics.model = 'openai:configured'")
    loaded.run_cell("%config StreamMagics.system = 'Be brief.'")
    loaded.run_cell("%config StreamMagics.temperature = 0.25")
    assert loaded.run_cell("%%stream --dry-run\nHi").success
    shown = capsys.readouterr().out
    for words in ('"model": "configured"', '"Be brief."', '"temperature": 0.25'):
        assert words in shown
    assert loaded.run_cell("%%stream openai:typed -s Typed. -t 1 --dry-run\nHi").success
    shown = capsys.readouterr().out
    for words in ('"model": "typed"', '"Typed."', '"temperature": 1.0'):
        assert words in shown
    assert "Be brief" not in shown


def test_the_configuration_reaches_the_magics_that_were_loaded_last(loaded, capsys):
    for _ in range(3):
        loaded.run_cell("%reload_ext streamcell")
    loaded.run_cell("%config StreamMagics.model = 'openai:configured'")
    loaded.run_cell("%%stream --dry-run\nHi")
    assert '"model": "configured"' in capsys.readouterr().out


def test_the_configured_display_and_refresh_rate_are_used(loaded, monkeypatch):
    monkeypatch.setattr(view.pacer, "rate", 30.0)
    loaded.kernel = SimpleNamespace()
    published = []
    monkeypatch.setattr(loaded.display_pub, "publish", lambda **said: published.append(said["data"]))
    loaded.run_cell("%config StreamMagics.refresh_rate = 12")
    loaded.run_cell("%config StreamMagics.display = 'static'")
    assert loaded.run_cell("%%stream demo --param pace=0\nHi").success
    assert [sorted(data) for data in published] == [["text/html", "text/plain"]]
    assert view.pacer.rate == 30
    published.clear()
    loaded.run_cell("%config StreamMagics.display = 'widget'")
    assert loaded.run_cell("%%stream demo --param pace=0\nHi").success
    assert "application/vnd.jupyter.widget-view+json" in published[0]
    assert sorted(published[-1]) == ["text/html", "text/plain"]
    assert view.pacer.rate == 12


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("max_tokens = 9", '"max_tokens": 9'),
        ("max_cost = 0.5", "max_cost 0.5"),
        ("on_error = 'keep'", "on_error keep"),
        ("record = 'a.jsonl'", "record a.jsonl"),
        ("replay = 'b.jsonl'", "replay b.jsonl"),
        ("timeout = 7", "total timeout 7.0"),
        ("format = 'json'", "format json"),
    ],
)
def test_each_setting_is_a_default_that_a_dry_run_tells(loaded, capsys, setting, told):
    assert loaded.run_cell("%%stream openai:m --dry-run\nHi").success
    assert told not in capsys.readouterr().out
    loaded.run_cell(f"%config StreamMagics.{setting}")
    assert loaded.run_cell("%%stream openai:m --dry-run\nHi").success
    assert told in capsys.readouterr().out


def test_a_time_out_of_the_cell_goes_before_the_configured_one(loaded, capsys):
    loaded.run_cell("%config StreamMagics.timeout = 7")
    loaded.run_cell("%%stream openai:m --timeout 3 --first-timeout 2 --dry-run\nHi")
    shown = capsys.readouterr().out
    assert "first timeout 2.0" in shown
    assert "total timeout 3.0" in shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("display", "'hologram'"),
        ("refresh_rate", "1000"),
        ("temperature", "'warm'"),
        ("max_tokens", "0"),
        ("max_cost", "-1"),
        ("on_error", "'maybe'"),
        ("format", "'xml'"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_in_one_line(loaded, caplog, name, value):
    (magics,) = [one for one in loaded.configurables if isinstance(one, StreamMagics)]
    before = getattr(magics, name)
    loaded.run_cell(f"%config StreamMagics.{name} = {value}")
    assert getattr(magics, name) == before
    (record,) = caplog.records
    assert f"'{name}'" in record.getMessage()
    assert "\n" not in record.getMessage()


def test_the_configuration_is_listed_with_its_meaning(loaded, capsys):
    loaded.run_cell("%config StreamMagics")
    shown = capsys.readouterr().out
    traits = StreamMagics.class_own_traits(config=True)
    assert len(traits) >= 12
    for name, trait in traits.items():
        assert f"StreamMagics.{name}=" in shown
        assert trait.help in shown


def test_the_help_of_the_magic_names_every_option_and_command():
    for action in arguments.OPTIONS:
        for option in action.option_strings:
            assert re.search(rf"(?<![\w-]){option}(?![\w-])", StreamMagics.stream.__doc__), option
    for name in set(COMMANDS) - {"help"}:
        assert re.search(rf"\b{name}\b", StreamMagics.stream.__doc__), name


def test_help_is_shown_for_a_question_mark(loaded, capsys):
    for asked in ("%%stream?", "%stream?"):
        loaded.run_cell(asked)
        assert "Ask a language model; the answer streams into the cell." in capsys.readouterr().out


# -- the rewriting ---------------------------------------------------------------------------------


class Twin:
    """Stands for the shell in a rewritten cell, and keeps what its awaited magic was given."""

    def find_cell_magic(self, name):
        assert name == AWAITED
        return self._keep

    async def _keep(self, line, body):
        self.given = (line, body)


def rewritten(source):
    """What IPython makes of a cell in a kernel where the extension is loaded."""
    manager = TransformerManager()
    AwaitedCells().install(
        SimpleNamespace(
            input_transformers_cleanup=manager.cleanup_transforms,
            events=SimpleNamespace(register=lambda *_: None),
        )
    )
    return manager.transform_cell(source)


def given_to_twin(source):
    """Line and prompt as they reach the awaited twin."""
    twin = Twin()
    code = rewritten(source)
    assert code.startswith("await ")
    loop = eval(code.removeprefix("await "), {"get_ipython": lambda: twin})  # noqa: S307 - the cell itself
    with pytest.raises(StopIteration):
        loop.send(None)
    return twin.given


@given(prompt=PROMPTS, options=OPTIONS, blank=st.sampled_from(["", "\n", "\n  \n"]))
@example(prompt=[">>> f(1)", "... 2"], options=[], blank="")
@example(prompt=["In [1]: f(1)"], options=[], blank="")
@example(prompt=["", "", "after blank lines", ""], options=[], blank="\n")
@example(prompt=["    indented", "not"], options=[], blank="")
@example(prompt=["\t"], options=[], blank="")
@example(prompt=["%%stream demo", "quoted"], options=[], blank="")
def test_a_rewritten_cell_hands_over_line_and_prompt_unchanged(prompt, options, blank):
    line = " ".join(options)
    body = "".join(f"{text}\n" for text in prompt)
    assert given_to_twin(f"{blank}%%stream {line}\n{body}") == (line, body)


def test_a_cell_indented_as_a_whole_is_read_without_its_indent():
    assert given_to_twin("  %%stream demo\n  Hi\n    there\n") == ("demo", "Hi\n  there\n")


@pytest.mark.parametrize(
    "source",
    [
        "%%time\n%%stream demo\nHi",
        "%%streams demo\nHi",
        "'''\n%%stream demo\n'''",
        "%stream list",
        "",
        "\n",
    ],
)
def test_every_other_cell_stays_as_it_is(source):
    assert rewritten(source) == TransformerManager().transform_cell(source)


@pytest.mark.parametrize("source", ["%%stream?", "%%stream ?", "%%stream??", "%%stream ??"])
def test_a_question_about_the_magic_is_left_to_ipython(source):
    assert rewritten(source) == TransformerManager().transform_cell(source)


def test_a_cell_is_not_rewritten_while_another_runs(shell):
    shell.kernel = SimpleNamespace()
    shell.run_cell("%load_ext streamcell")
    shell.user_ns["seen"] = seen = []
    shell.run_cell("seen.append(get_ipython().transform_cell('%%stream demo\\nHi'))")
    shell.run_cell("1")
    seen.append(shell.transform_cell("%%stream demo\nHi"))
    inside, outside = seen
    assert "run_cell_magic" in inside
    assert outside.startswith("await ")


def test_a_rewritten_cell_runs_and_leaves_its_variables(shell, capsys):
    shell.kernel = SimpleNamespace()
    shell.run_cell("%load_ext streamcell")
    assert shell.run_cell("%%stream demo -o r --param pace=0 --display text\nHi").success
    assert shell.user_ns["r"].stop_reason == "stop"
    assert "## " in capsys.readouterr().out


def test_a_cell_inside_a_timed_cell_runs_too(shell, capsys):
    shell.kernel = SimpleNamespace()
    shell.run_cell("%load_ext streamcell")
    assert shell.run_cell("%%time\n%%stream demo -o r --param pace=0 --display text\nHi").success
    assert shell.user_ns["r"].stop_reason == "stop"
    assert "Wall time" in capsys.readouterr().out
