"""What all tests share: where `CI` is `true` nothing is skipped, a skip is a failure there."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair, not the property's.
settings.register_profile("streamcell", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("streamcell")

# A shell's background jobs, and all that they start, ignore Ctrl-C: its tests would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)

STRICT = os.environ.get("CI") == "true"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    report = yield
    expected_to_fail = hasattr(report, "wasxfail")
    return _failed(report) if STRICT and report.skipped and not expected_to_fail else report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    report = yield
    return _failed(report) if STRICT and report.skipped else report


def _failed(report):
    """The same report as a failure, its reason kept."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"{reason}\nSkipped, and with CI=true that is a failure."
    return report
