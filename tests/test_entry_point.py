"""A provider of an outside package: a real one, built and installed, found by its one entry point."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import streamcell
from streamcell.testing import Raw, WireServer

PACKAGE = Path(__file__).parent / "mini_package"
SPOKEN = b'{"word": "Hello "}\n{"word": "mini"}\n{"end": true}\n'
ASK = """
import streamcell
for chunk in streamcell.stream("hi", {model!r}):
    print(chunk.content, end="|")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder that holds the installed package and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    offline = ["--no-index", "--no-build-isolation", "--no-deps", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [sys.executable, "-m", "pip", "install", *offline, "--target", folder, PACKAGE],
        check=True,
        capture_output=True,
    )
    return folder


def ask(folder, model, **variables):
    """What another Python, with that folder on its path, prints."""
    paths = [str(folder), str(Path(streamcell.__file__).parents[1])]
    return subprocess.run(
        [sys.executable, "-c", ASK.format(model=model)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_installed_package_is_asked_by_the_name_of_its_entry_point(installed):
    with WireServer(Raw(SPOKEN, content_type="application/x-ndjson")) as server:
        done = ask(installed, "mini:model", MINI_BASE_URL=server.base_url)
        assert done.stdout == "Hello |mini||", done.stderr
        assert server.requests[0].path == "/speak"
        assert server.requests[0].body == {"model": "model", "say": "hi"}


def test_its_default_model_and_its_own_errors_are_used(installed):
    with WireServer(Raw(SPOKEN.removesuffix(b'{"end": true}\n'))) as server:
        done = ask(installed, "mini", MINI_BASE_URL=server.base_url)
        assert "mini stopped in the middle" in done.stderr
        assert server.requests[0].body["model"] == "small"


def test_without_the_package_there_is_no_such_provider(tmp_path):
    assert "'mini' names no provider" in ask(tmp_path, "mini:model").stderr
