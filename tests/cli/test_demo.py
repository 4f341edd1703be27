"""`streamcell demo`: the notebook is there, and JupyterLab is told to open it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import streamcell
from streamcell.cli import demo as demo_command

NAME = "streamcell-quickstart.ipynb"


@pytest.fixture
def demo(tmp_path):
    """Runs the command in a folder, with a JupyterLab that says what it was told, and ends with 3."""
    stand_in = tmp_path / "packages/jupyterlab"
    stand_in.mkdir(parents=True)
    (stand_in / "__init__.py").touch()
    (stand_in / "__main__.py").write_text("import sys\nprint(sys.argv[1:])\nsys.exit(3)\n")
    folder = tmp_path / "work"
    folder.mkdir()

    def run(*words):
        return subprocess.run(
            [sys.executable, "-m", "streamcell", "demo", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(stand_in.parent)},
            capture_output=True,
            text=True,
            check=False,
        )

    run.folder = folder
    return run


def test_the_quick_start_is_copied_and_opened(demo):
    done = demo()
    assert done.stdout.splitlines()[-1] == f"['{NAME}']"
    assert done.returncode == 3
    notebook = json.loads((demo.folder / NAME).read_text())
    assert "%load_ext streamcell" in "".join(notebook["cells"][1]["source"])


@pytest.mark.parametrize("option", ["--no-browser", "--allow-root", "--port=9999"])
def test_what_jupyterlab_has_to_know_is_passed_on(demo, option):
    assert demo(option).stdout.splitlines()[-1] == f"['{NAME}', '{option}']"


def test_a_notebook_that_is_there_is_not_overwritten(demo):
    (demo.folder / NAME).write_text("mine")
    demo()
    assert (demo.folder / NAME).read_text() == "mine"


def test_without_jupyterlab_it_says_what_to_install(said, monkeypatch, tmp_path):
    monkeypatch.setattr("streamcell.cli.demo.find_spec", lambda _name: None)
    code, _, complaint = said("demo")
    assert code == 2
    assert "pip install jupyterlab" in complaint
    assert not (tmp_path / NAME).exists()


def test_a_wheel_holds_the_notebook_where_the_command_looks():
    root = Path(streamcell.__file__).parents[2]
    wheel = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    ((source, target),) = wheel["force-include"].items()
    assert (root / source).is_file()
    assert root / "src" / target in demo_command._PLACES
