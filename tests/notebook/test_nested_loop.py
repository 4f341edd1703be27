"""`%stream asyncio`, as far as no loop has to be patched for it; the rest is tested in a kernel."""

import asyncio
import sys
from types import SimpleNamespace

import pytest

from streamcell.errors import UsageError
from streamcell.notebook.nested_loop import allow


async def asked():
    return allow()


def test_without_a_loop_nothing_is_changed(monkeypatch):
    monkeypatch.setitem(sys.modules, "nest_asyncio", None)
    assert "nothing was changed" in allow()


def test_without_the_extra_the_line_to_install_it_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "nest_asyncio", None)
    with pytest.raises(UsageError, match=r"pip install streamcell\[asyncio\]"):
        asyncio.run(asked())


def test_a_loop_that_cannot_be_patched_is_named(monkeypatch):
    def apply(loop):
        raise ValueError(f"Can't patch loop of type {type(loop)}")

    monkeypatch.setitem(sys.modules, "nest_asyncio", SimpleNamespace(apply=apply))
    with pytest.raises(UsageError, match=r"cannot nest on asyncio\..*; write `await"):
        asyncio.run(asked())
