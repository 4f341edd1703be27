"""What `models`, `doctor` and `scan` find, and what they never show."""

import json

import pytest

from streamcell.cli import doctor
from streamcell.providers import registry
from streamcell.providers.demo_scripts import MODELS
from streamcell.providers.registry import Registry

VALUE = "canary-" + "0123456789abcdef"


@pytest.fixture
def key(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", VALUE)


def row(text, name):
    """The line about `name`, its words."""
    return next(words for line in text.splitlines() if name in (words := line.split())[:2])


@pytest.mark.usefixtures("key")
def test_models_tells_the_usual_model_of_each_provider_and_whether_a_key_is_there(said):
    code, text, _ = said("models")
    assert code == 0
    assert row(text, "openai") == ["openai", "gpt-5-mini", "key", "in", "OPENAI_API_KEY"]
    assert row(text, "anthropic")[2:] == ["no", "key:", "set", "ANTHROPIC_API_KEY"]
    for name in MODELS:
        assert f"demo:{name}" in text
    assert text.endswith("without -m: demo:markdown\n")


def test_a_model_of_the_environment_is_the_usual_one(said, monkeypatch):
    monkeypatch.setenv("OPENAI_MODEL", "mine")
    assert row(said("models")[1], "openai")[1] == "mine"


def test_the_models_known_of_one_provider_are_listed(said):
    code, text, _ = said("models", "openai")
    assert code == 0
    assert text.splitlines()[0] == "openai:gpt-5-mini"


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("command", ["models", "doctor"])
def test_no_value_of_a_key_is_shown(said, command):
    text = said(command)[1]
    assert "OPENAI_API_KEY" in text
    assert VALUE not in text
    assert VALUE[:7] not in text


@pytest.mark.usefixtures("key")
def test_an_address_is_named_by_its_variable_alone(said, monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:word@example.org/v1")
    text = said("doctor")[1]
    assert "OPENAI_BASE_URL" in text or "cannot be asked" in text
    assert "word" not in text


def test_doctor_finds_nothing_to_mend_here(said):
    code, text, complaint = said("doctor")
    assert (code, complaint) == (0, "")
    for name in ("jupyterlab", "notebook", "ipykernel", "anywidget", "serve", "prices", "demo", "openai"):
        assert row(text, name)
    assert "without -m   demo:markdown\n" in text
    assert text.endswith("Nothing to mend.\n")


@pytest.mark.parametrize(
    ("version", "deaf"),
    [("6.31.0", False), ("7.0.1", True), ("7.3.0", True), ("7.4.0", False), ("7.4.0a1", False), ("8", False)],
)
def test_a_kernel_that_may_stop_hearing_its_page_is_known(version, deaf):
    assert doctor.is_deaf(version) is deaf


def test_what_must_be_mended_is_told_with_its_remedy(said, monkeypatch):
    versions = {"ipykernel": "7.3.0", "anywidget": None, "jupyterlab": None}
    real = doctor._version
    monkeypatch.setattr(doctor, "_version", lambda name: versions[name] if name in versions else real(name))
    code, text, _ = said("doctor")
    assert code == 1
    assert "pip install -U 'ipykernel>=7.4'" in text
    assert row(text, "anywidget")[0] == "✗"
    assert row(text, "jupyterlab")[:4] == ["-", "jupyterlab", "not", "installed:"]
    assert text.endswith("2 to mend, marked ✗.\n")


def test_a_wrong_model_of_the_environment_is_to_be_mended(said, monkeypatch):
    monkeypatch.setenv("LLM_PROVIDER", "nobody")
    code, text, _ = said("doctor")
    assert code == 1
    assert "✗ without -m   LLM_PROVIDER is 'nobody'" in text
    assert said("models")[0] == 0


def test_a_provider_that_cannot_be_loaded_is_told_and_the_others_are(said, monkeypatch):
    broken = Registry({**registry.BUILT_IN, "broken": "streamcell_nowhere:provider"})
    monkeypatch.setattr(registry, "installed", lambda: broken)
    code, text, _ = said("doctor")
    assert code == 1
    assert row(text, "broken")[0] == "✗"
    assert row(text, "demo")[0] == "✓"


def _notebook(path, printed):
    outputs = [{"output_type": "stream", "text": [printed]}]
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": "", "outputs": outputs}]}))


@pytest.mark.usefixtures("key")
def test_scan_fails_where_a_notebook_holds_a_key(said, tmp_path):
    _notebook(tmp_path / "clean.ipynb", "nothing")
    _notebook(tmp_path / "leaky.ipynb", f"key: {VALUE}")
    assert said("scan", "clean.ipynb") == (0, "no secret found in 1 file, as last saved\n", "")
    code, text, _ = said("scan")
    assert code == 1
    assert "leaky.ipynb: cell 1, output 1: value of OPENAI_API_KEY" in text
    assert VALUE not in text
    assert said("scan", "clean.ipynb", "leaky.ipynb")[0] == 1
