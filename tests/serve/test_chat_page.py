"""The files of the page, and with which headers they come."""

from __future__ import annotations

import re

import pytest

from streamcell.serve.chat_page import _FILES, PATHS


@pytest.mark.parametrize("path", PATHS)
def test_the_page_and_its_files_are_open_and_run_no_script_of_others(client, scripted, path):
    answer = client([scripted("x")], tokens=["correct-horse-battery"]).get(path)
    policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
    assert answer.status_code == 200
    assert (policy["default-src"], policy["script-src"], policy["connect-src"]) == (
        "'none'",
        "'self' blob:",
        "'self'",
    )
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_page_has_no_script_and_no_style_in_its_lines(client, scripted):
    page = client([scripted("x")]).get("/").text
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
    assert not re.findall(r"<style|\sstyle=|\son\w+=|https?://", page)


@pytest.mark.parametrize("name", ["nothing.js", "..%2fguard.py", "%2e%2e/guard.py", "chat.js/", "loader.js"])
def test_the_page_has_no_other_files(client, scripted, name):
    assert client([scripted("x")]).get(f"/page/{name}", follow_redirects=False).status_code in (307, 404)


def test_a_chat_that_was_not_built_is_told(client, scripted, monkeypatch):
    monkeypatch.setitem(_FILES, "chat.js", ("notebook/nowhere", "text/javascript"))
    answer = client([scripted("x")]).get("/page/chat.js")
    assert answer.status_code == 404
    assert "make js" in answer.json()["error"]["message"]
