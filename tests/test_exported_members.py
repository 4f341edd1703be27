import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import streamcell

PYPROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = {
    "anthropic",
    "anywidget",
    "httpx2",
    "ipywidgets",
    "jupyterlab",
    "markdown_it",
    "nh3",
    "openai",
    "pydantic",
    "rich",
}


def test_the_public_names_are_sorted_and_at_most_forty():
    assert streamcell.__all__ == sorted(streamcell.__all__)
    assert len(streamcell.__all__) <= 40


@pytest.mark.parametrize("name", streamcell.__all__)
def test_a_public_name_can_be_had(name):
    assert getattr(streamcell, name) is not None
    assert name in dir(streamcell)


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        streamcell.nonsense  # noqa: B018


def test_no_public_name_is_hidden_by_a_module_of_that_name():
    modules = {path.stem for path in Path(streamcell.__file__).parent.iterdir() if path.stem != "__pycache__"}
    assert modules.isdisjoint(streamcell.__all__)


def test_importing_the_package_loads_no_client_no_widget_and_no_shell():
    script = "import streamcell, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert (HEAVY | {"IPython"}).isdisjoint(done.stdout.split())


def test_loading_the_extension_loads_no_client_and_no_widget():
    script = (
        "import sys; from IPython.core.interactiveshell import InteractiveShell;"
        "shell = InteractiveShell.instance(); before = set(sys.modules);"
        "shell.run_line_magic('load_ext', 'streamcell');"
        "assert shell.find_cell_magic('stream') is not None;"
        "print(*set(sys.modules) - before);"
        "shell.run_line_magic('unload_ext', 'streamcell');"
        "assert shell.find_cell_magic('stream') is None"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    loaded = done.stdout.split()
    assert "streamcell.notebook.magic" in loaded
    assert HEAVY.isdisjoint(loaded)


def test_every_public_name_has_one_home():
    assert sorted(streamcell._HOMES) == streamcell.__all__


def test_the_version_is_the_one_of_the_package():
    assert PYPROJECT["project"]["version"] == streamcell.__version__


@pytest.mark.parametrize(
    "target", PYPROJECT["project"]["entry-points"]["streamcell.providers"].items(), ids=lambda it: it[0]
)
def test_a_provider_that_the_package_announces_is_there_under_its_name(target):
    name, value = target
    (point,) = entry_points(group="streamcell.providers", name=name)
    assert point.value == value
    assert point.load().facts.name == name
