"""How a shared log is asked for: on the command line, and by the files that start several workers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from streamcell import serve
from streamcell.cli import serve as command
from streamcell.errors import UsageError

DEPLOY = Path(__file__).parents[2] / "deploy"
SECRET = "redis://:a-password@redis:6379"  # noqa: S105 - opens nothing


@pytest.fixture
def asked(monkeypatch):
    """Runs the command; the log that the server was to keep."""
    given = {}
    monkeypatch.setattr(serve, "run", lambda _models, **options: given.update(options))

    def run(*words):
        command.run(words)
        return given["log"]

    return run


def test_a_server_keeps_no_log_unless_told(asked):
    assert asked("--model", "demo") is None


def test_the_log_is_named_by_its_address_or_by_a_variable(asked, monkeypatch):
    monkeypatch.setenv("SHARED_LOG", SECRET)
    assert asked("--model", "demo", "--log", "redis://redis:6379") == "redis://redis:6379"
    assert asked("--model", "demo", "--log-env", "SHARED_LOG") == SECRET


def test_an_address_with_a_password_never_stands_on_a_command_line(asked):
    with pytest.raises(UsageError, match="--log-env") as refusal:
        asked("--model", "demo", "--log", SECRET)
    assert "a-password" not in str(refusal.value)


def test_a_variable_that_holds_no_address_is_told(asked, monkeypatch):
    monkeypatch.delenv("SHARED_LOG", raising=False)
    with pytest.raises(UsageError, match="the environment variable SHARED_LOG holds no address"):
        asked("--model", "demo", "--log-env", "SHARED_LOG")


def test_the_compose_file_starts_workers_that_share_a_redis_which_only_they_reach():
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    worker, redis = services["worker"], services["redis"]
    words = [re.sub(r"\$\{\w+:-(\w+)\}", r"\1", word) for word in worker["command"]]
    said = command._parser().parse_args(words)
    assert (said.host, said.models, said.port) == ("0.0.0.0", ["demo"], 8080)  # noqa: S104 - in a container
    assert said.log == "redis://redis:6379"
    assert said.token_env in worker["environment"]
    assert worker["deploy"]["replicas"] == 3
    assert all(port.startswith("127.0.0.1:") for port in worker["ports"])
    assert "ports" not in redis


def test_the_container_file_copies_what_there_is():
    root = DEPLOY.parent
    lines = (DEPLOY / "Containerfile").read_text().splitlines()
    copies = [line.split()[1:-1] for line in lines if line.startswith("COPY ") and "--from" not in line]
    assert copies
    assert [name for names in copies for name in names if not (root / name).exists()] == []
