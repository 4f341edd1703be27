"""Fixtures of the browser tests: one server and one Chromium a session, one fresh browser profile a test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from faucet import Faucet
from lab import ARTEFACTS, CHROMIUM_FLAGS, Lab
from server import KERNELS, kernel_python, serving

CHROMIUM = os.environ.get("STREAMCELL_CHROMIUM") or "/usr/bin/chromium"


@pytest.fixture(scope="session")
def jupyter(tmp_path_factory):
    missing = [name for name in KERNELS if not kernel_python(name).exists()]
    if missing:
        pytest.skip(f"no environment for {', '.join(missing)}: run `make kernels`")
    with serving(tmp_path_factory.mktemp("jupyter") / "server") as server:
        yield server


@pytest.fixture(scope="session")
def browser():
    if not Path(CHROMIUM).exists():
        pytest.skip(f"no Chromium at {CHROMIUM}: run `make chromium`, or set STREAMCELL_CHROMIUM")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=list(CHROMIUM_FLAGS))
        yield chromium
        chromium.close()


@pytest.fixture
def lab(jupyter, browser, request):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    lab = Lab(jupyter, context)
    failures = request.session.testsfailed
    yield lab
    if request.session.testsfailed > failures:
        for number, page in enumerate(context.pages):
            page.screenshot(path=ARTEFACTS / "failed" / f"{request.node.name}-{number}.png")
    context.close()
    jupyter.end_kernels()
    assert lab.strangers == [], "the page asked other hosts than its server"


@pytest.fixture(params=KERNELS)
def kernel(request):
    return request.param


@pytest.fixture
def faucet():
    with Faucet() as faucet:
        yield faucet
