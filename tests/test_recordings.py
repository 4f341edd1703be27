"""Recorded answers of real providers, over a loopback socket and the official clients, through `stream`."""

import asyncio

import pytest

import streamcell
from answers import told
from corpus import (
    at_random,
    by_event,
    cases,
    inside_characters,
    with_comments,
    with_mark,
    with_pings,
    with_returns,
)
from streamcell.testing import Raw, WireServer

FACTS = ("text", "thinking", "refusal", "tool_calls", "usage", "stop", "citations", "tool_results")
DELIVERIES = (at_random, by_event, inside_characters, with_comments, with_mark, with_pings, with_returns)
SMALL = 4_000
MODELS = {"openai.chat": ("openai:recorded", "/v1"), "anthropic.messages": ("anthropic:recorded", "")}


def deliveries(body):
    """The body in one write, and as every network may deliver it; byte by byte where that is affordable."""
    yield "whole", Raw(body, cuts="whole")
    for way in DELIVERIES:
        blocks = way(body)
        yield way.__name__, Raw(b"".join(blocks), cuts=tuple(len(block) for block in blocks if block))
    if len(body) < SMALL:
        yield "by_byte", Raw(body, cuts="bytes")


async def read(answers, endpoint):
    """The responses and errors of one call for each answer, on one connection pool."""
    model, path = MODELS[endpoint]
    results = []
    async with WireServer([answer for _, answer in answers]) as server:
        for _ in answers:
            asked = streamcell.stream(
                "recorded", model, base_url=f"{server.base_url}{path}", api_key="unused", retries=0
            )
            try:
                results.append((await asked, None))
            except streamcell.StreamcellError as error:
                results.append((asked.response, error))
    return results


@pytest.mark.parametrize("case", cases("openai.chat"))
def test_a_chat_recording_is_read_whole_from_a_socket(case):
    check(case, "openai.chat")


@pytest.mark.parametrize("case", cases("anthropic.messages"))
def test_a_messages_recording_is_read_whole_from_a_socket(case):
    check(case, "anthropic.messages")


def check(case, endpoint):
    if case.kind == "http-error":
        check_refused(case, endpoint)
        return
    answers = list(deliveries(case.body))
    expected = {name: case.expected[name] for name in FACTS}
    for (delivery, _), (response, error) in zip(answers, asyncio.run(read(answers, endpoint)), strict=True):
        assert told(response) == expected, delivery
        if expected["stop"] is None:
            assert isinstance(error, streamcell.StreamcellError), delivery
            assert error.kind == "truncated", delivery
        else:
            assert error is None, delivery


def check_refused(case, endpoint):
    answer = Raw(case.body, content_type="application/json", status=case.status, headers=case.headers)
    ((_, error),) = asyncio.run(read([("whole", answer)], endpoint))
    assert isinstance(error, streamcell.ProviderError)
    assert error.status == case.status
    assert case.expected["error"]["message"] in str(error)
