"""Where the server listens, what it needs there, and what importing it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from streamcell.errors import UsageError
from streamcell.serve import Limits, create_app, run
from streamcell.serve.process import server, tokens_in

WITHOUT = """
import importlib.abc, sys

class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "starlette":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Missing())
import streamcell.serve
print(streamcell.serve.sse.__name__)
try:
    streamcell.serve.create_app
except streamcell.UsageError as error:
    print(error)
"""


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.1", "example.org", ""])  # noqa: S104 - refused
def test_it_listens_where_others_reach_it_only_with_a_token(host):
    with pytest.raises(UsageError, match="a token is needed"):
        run(["demo"], host=host)


def test_with_a_token_it_listens_where_it_is_told(monkeypatch):
    monkeypatch.setenv("SERVER_TOKEN", "correct-horse-battery")
    process = server(["demo"], host="0.0.0.0", port=1, token_env="SERVER_TOKEN")  # noqa: S104, S106 - a name
    assert (process.config.host, process.config.port) == ("0.0.0.0", 1)  # noqa: S104


def test_a_variable_holds_one_token_or_several():
    assert tokens_in({"T": " a-first-token\n a-second-one "}, "T") == ["a-first-token", "a-second-one"]
    assert tokens_in({}, None) == []


@pytest.mark.parametrize("variables", [{}, {"T": ""}, {"T": " \n"}])
def test_a_variable_that_holds_no_token_is_refused(variables):
    with pytest.raises(UsageError, match="the environment variable T holds no token"):
        tokens_in(variables, "T")


def test_a_model_whose_key_is_missing_is_told_before_anybody_asks(monkeypatch):
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(UsageError, match="ANTHROPIC_API_KEY"):
        create_app(["anthropic:claude-x"])


@pytest.mark.parametrize(
    ("models", "reason"), [([], "at least one model"), (["demo", "demo"], "two models are called 'demo'")]
)
def test_models_are_told_apart_by_their_names(models, reason):
    with pytest.raises(UsageError, match=reason):
        create_app(models)


def test_a_limit_is_more_than_nothing():
    with pytest.raises(UsageError, match="the limit 'streams' must be more than 0, not 0"):
        Limits(streams=0)


def test_importing_the_package_loads_no_server():
    code = "import sys, streamcell, streamcell.serve; print({'starlette', 'uvicorn'} & set(sys.modules))"
    assert _printed(code) == "set()\n"


def test_without_the_extra_sse_works_and_the_rest_names_it():
    assert (
        _printed(WITHOUT) == "sse\nstreamcell.serve.create_app needs starlette; install streamcell[serve]\n"
    )


def _printed(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
