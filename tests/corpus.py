"""Recorded provider streams, and the ways in which a network may deliver the same stream.

The recordings are no part of the repository: `STREAMCELL_CORPUS` names their folder.
"""

from __future__ import annotations

import json
import os
import random
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = Path(os.environ.get("STREAMCELL_CORPUS") or ROOT / "../shared/corpus")


class Case(NamedTuple):
    """One recorded answer and what it says."""

    id: str
    kind: str
    status: int
    request: dict[str, Any]
    headers: dict[str, str]
    expected: dict[str, Any]

    @property
    def body(self) -> bytes:
        return (FOLDER / "bodies" / f"{self.id}.bin").read_bytes()


def cases(endpoint: str) -> list[Any]:
    """The cases of one endpoint as pytest parameters; a single skipped one where there is no corpus."""
    path = FOLDER / "cases.jsonl"
    if not path.is_file():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no recordings at {FOLDER}: set STREAMCELL_CORPUS", pytrace=False)
        missing = pytest.mark.skip(reason=f"no recordings at {FOLDER}: set STREAMCELL_CORPUS")
        return [pytest.param(None, marks=missing, id="no-corpus")]
    lines = (json.loads(line) for line in path.read_text(encoding="utf-8").splitlines())
    return [pytest.param(_case(line), id=line["id"]) for line in lines if line["endpoint"] == endpoint]


def _case(line: dict[str, Any]) -> Case:
    return Case(
        line["id"], line["kind"], line["status"], line["request"] or {}, line["headers"], line["expected"]
    )


def whole(body: bytes) -> list[bytes]:
    return [body]


def by_byte(body: bytes) -> list[bytes]:
    return [body[i : i + 1] for i in range(len(body))]


def by_event(body: bytes) -> list[bytes]:
    return [block for block in re.split(rb"(?<=\n\n)|(?<=\r\n\r\n)", body) if block]


def at_random(body: bytes) -> list[bytes]:
    chance = random.Random(len(body))  # noqa: S311 - reproducible cuts, no secret
    edges = sorted({0, len(body), *(chance.randrange(len(body) + 1) for _ in range(len(body) // 50 + 3))})
    return [body[start:end] for start, end in pairwise(edges)]


def inside_characters(body: bytes) -> list[bytes]:
    """Cut before each byte that goes on with a UTF-8 character."""
    return re.split(rb"(?=[\x80-\xbf])", body)


def with_returns(body: bytes) -> list[bytes]:
    return at_random(_newlines(body).replace(b"\n", b"\r\n"))


def with_lone_returns(body: bytes) -> list[bytes]:
    return at_random(_newlines(body).replace(b"\n", b"\r"))


def with_comments(body: bytes) -> list[bytes]:
    return at_random(b": hello\n\n" + re.sub(rb"\n\n(?!\n)", b"\n\n: keep-alive\n\n\n", _newlines(body)))


def with_pings(body: bytes) -> list[bytes]:
    ping = b'event: ping\ndata: {"type": "ping"}\n\n'
    return at_random(ping + re.sub(rb"\n\n(?!\n)", b"\n\n" + ping, _newlines(body)))


def with_mark(body: bytes) -> list[bytes]:
    return [*by_byte(b"\xef\xbb\xbf" + body[:100]), body[100:]]


def _newlines(body: bytes) -> bytes:
    return body.replace(b"\r\n", b"\n")


DELIVERIES = (
    whole,
    by_byte,
    by_event,
    at_random,
    inside_characters,
    with_returns,
    with_lone_returns,
    with_comments,
    with_pings,
    with_mark,
)
"""Ways to deliver a stream of server-sent events; the answer must not depend on them."""
