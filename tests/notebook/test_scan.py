"""`%stream scan` on files and folders."""

import json
from pathlib import Path

import pytest

from streamcell.errors import UsageError
from streamcell.notebook.scan import key_names, report, scan

ADVICE = "withdraw each at its provider, then clear the cell or output and save"
VALUE = "canary-" + "0123456789abcdef"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a clean notebook and one that printed the key."""
    folder = tmp_path / "work"
    folder.mkdir()
    for name, output in (("clean", "nothing"), ("leaky", f"key: {VALUE}")):
        outputs = [{"output_type": "stream", "text": [output]}]
        cells = [{"cell_type": "markdown", "source": "# Hi"}, {"cell_type": "code", "outputs": outputs}]
        (folder / f"{name}.ipynb").write_text(json.dumps({"cells": cells}))
    (folder / "other.txt").write_text(VALUE)
    monkeypatch.chdir(folder)
    return folder


ENVIRONMENT = {"OPENAI_API_KEY": VALUE, "OTHER": "never looked at"}


@pytest.mark.usefixtures("folder")
def test_all_notebooks_of_the_folder_are_read_for_the_values_of_key_variables():
    told = report(scan([], environment=ENVIRONMENT))
    assert told.splitlines() == [
        "leaky.ipynb: cell 2, output 1: value of OPENAI_API_KEY can… (23 characters)",
        f"1 secret in 2 files, as last saved; {ADVICE}",
    ]
    assert VALUE not in told


def test_the_notebook_that_is_known_is_read_alone(folder):
    found = scan([], environment=ENVIRONMENT, current=folder / "clean.ipynb")
    assert report(found) == "no secret found in 1 file, as last saved"


@pytest.mark.usefixtures("folder")
def test_named_files_of_any_kind_are_read():
    found = scan(["other.txt", "clean.ipynb"], environment=ENVIRONMENT)
    assert [str(finding) for finding in found[Path("other.txt")]] == [
        "line 1: value of OPENAI_API_KEY can… (23 characters)"
    ]


def test_a_folder_without_notebooks_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert report(scan([], environment={})).startswith("no .ipynb file in this folder")


def test_a_file_that_is_not_there_is_named():
    with pytest.raises(UsageError, match=r"cannot read nowhere\.ipynb: No such file"):
        scan(["nowhere.ipynb"], environment={})


def test_the_variables_are_those_of_the_providers():
    assert {"OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "GROQ_API_KEY"} <= set(key_names())


def test_the_command_scans_the_folder_or_the_notebook_that_the_server_told(
    folder, loaded, capsys, monkeypatch
):
    monkeypatch.setenv("OPENAI_API_KEY", VALUE)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    loaded.run_cell("%stream scan")
    assert "leaky.ipynb: cell 2, output 1" in capsys.readouterr().out
    monkeypatch.setenv("JPY_SESSION_NAME", str(folder / "clean.ipynb"))
    loaded.run_cell("%stream scan")
    assert capsys.readouterr().out == "no secret found in 1 file, as last saved\n"
    loaded.run_cell("%stream scan 'leaky.ipynb'")
    assert "1 secret in 1 file" in capsys.readouterr().out
