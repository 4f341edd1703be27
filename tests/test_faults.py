"""Everything that servers do wrong, for every provider: what the user sees, keeps and pays."""

from __future__ import annotations

import asyncio
import re

import pytest

import streamcell
from certificates import server_context
from faults import FAULTS, KEY, faults_of
from mishaps import PATIENCE, outcomes
from streamcell import StreamcellError, StreamInterruptedError
from streamcell.errors import LimitExceeded, ProtocolError, ProviderError, TransportError
from streamcell.events import Retrying, Started
from streamcell.testing import VirtualClock
from wires import WIRES

BUSY_LIMIT = 0.5
"""Seconds of work that the loop may do in one go; the longest here takes a tenth of that."""
FOREIGN_LIMIT = 4096
OWN_LIMIT = 512
CLASSES = {
    **dict.fromkeys(("connect", "tls", "redirect"), TransportError),
    **dict.fromkeys(("timeout_connect", "timeout_first", "timeout_idle", "timeout_total"), TransportError),
    **dict.fromkeys(("protocol", "truncated"), ProtocolError),
    "limit": LimitExceeded,
}
CASES = [
    pytest.param(provider, fault, id=f"{provider}-{fault.name}")
    for provider in WIRES
    for fault in faults_of(provider)
]


@pytest.mark.parametrize(("provider", "fault"), CASES)
def test_a_fault_ends_as_the_table_says(provider, fault):
    seen, expect = outcomes(provider).by_name[fault.name], fault.expected(provider)
    assert getattr(seen.error, "kind", seen.error) == expect.kind, seen.trace
    assert seen.requests == expect.requests
    assert seen.text == (expect.text or "")
    if expect.kind is None:
        assert seen.last.reason == (expect.stop or "stop")
        return
    said = seen.error.__cause__ if isinstance(seen.error, StreamInterruptedError) else seen.error
    assert type(said) is CLASSES.get(expect.kind, ProviderError)
    assert expect.says in str(said)
    for name in ("status", "code", "retry_after", "request_id"):
        if (value := getattr(expect, name)) is not None:
            assert getattr(said, name) == value


@pytest.mark.parametrize(("provider", "fault"), CASES)
def test_only_our_own_errors_come_out_and_they_carry_nothing_foreign(provider, fault):
    seen = outcomes(provider).by_name[fault.name]
    if fault.expected(provider).kind is None:
        assert seen.error is None
        return
    assert isinstance(seen.error, StreamcellError), seen.trace
    assert seen.error.__cause__ is None or isinstance(seen.error.__cause__, StreamcellError)
    for text in (str(seen.error), seen.last.error.message, getattr(seen.error, "code", None) or ""):
        assert len(text.encode()) <= FOREIGN_LIMIT + OWN_LIMIT
        assert text.isprintable(), ascii(text)
        assert not re.search(r"<\s*(!doctype|html|script|body|div)", text, re.IGNORECASE)
    assert KEY not in seen.trace
    assert not re.search(r"httpx|httpcore|h11\b|JSONDecodeError|UnicodeDecodeError|KeyError", seen.trace)


@pytest.mark.parametrize(("provider", "fault"), CASES)
def test_what_was_shown_is_kept_and_is_committed(provider, fault):
    seen, expect = outcomes(provider).by_name[fault.name], fault.expected(provider)
    assert seen.is_whole
    before = seen.events[:-1]
    started = before.index(Started) if Started in before else len(before)
    assert set(before[:started]) <= {Retrying}
    assert not {Retrying, Started} & set(before[started + 1 :])
    if expect.kind is None:
        assert seen.last.error is None
        return
    assert seen.last.error.kind == expect.kind
    assert seen.last.reason == ("truncated" if expect.kind == "truncated" else "error")
    assert isinstance(seen.error, StreamInterruptedError) == (started < len(before))
    assert not seen.requests or seen.error.attempts == seen.requests
    assert seen.calls == 0


@pytest.mark.parametrize("provider", WIRES)
def test_no_call_goes_where_a_redirect_points(provider):
    assert outcomes(provider).elsewhere == 0


@pytest.mark.parametrize("provider", WIRES)
def test_the_loop_gets_its_turn_whatever_a_server_sends(provider):
    assert outcomes(provider).longest_turn < BUSY_LIMIT


@pytest.mark.parametrize("provider", WIRES)
def test_a_certificate_that_nobody_signed_is_refused_and_not_tried_again(provider, tmp_path):
    met = []

    async def main():
        server = await asyncio.start_server(
            lambda *_: None, "127.0.0.1", 0, ssl=server_context(tmp_path), ssl_handshake_timeout=PATIENCE
        )
        port = server.sockets[0].getsockname()[1]
        asyncio.get_running_loop().set_exception_handler(lambda _, problem: met.append(problem))
        async with server:
            address = f"https://127.0.0.1:{port}{WIRES[provider].base}"
            await streamcell.stream(
                "Hi", f"{provider}:m", base_url=address, api_key=KEY, clock=VirtualClock()
            )

    with pytest.raises(TransportError, match="its certificate was refused") as caught:
        asyncio.run(main())
    assert (caught.value.kind, caught.value.retryable, caught.value.attempts) == ("tls", False, 1)


def test_the_table_is_a_table_of_different_faults():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
