"""What travels from the kernel to the page: messages, bytes, and whether the text arrives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from answer import pieces
from table import Row, ratio_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kernel import Message, Trace

RATE = 60
SPARE = 20
BYTES_BUDGET = 1.5
FLAT_BUDGET = 1.2

# jupyter_server's defaults (ZMQChannelsWebsocketConnection, version 2): what it forgets above this rate.
LIMIT = 1000
LIMIT_WINDOW = 3.0
_UNLIMITED = ("status", "comm_open", "execute_input")
_NO_DATA = ("status", "execute_input", "execute_reply", "iopub_welcome")


def data_messages(trace: Trace) -> list[Message]:
    """What was published beside the kernel's status and the echo of the cell."""
    return [message for message in trace.messages if message.kind not in _NO_DATA]


def messages_row(trace: Trace, *, control: Trace | None = None, name: str) -> Row:
    """Data messages of the whole trace, against what the budget allows for its time."""
    count, allowed = len(data_messages(trace)), RATE * trace.wall + SPARE
    return Row(
        f"iopub data messages, {name}",
        f"{count} in {trace.wall:.1f} s",
        f"{len(data_messages(control))} printed" if control else "",
        f"{count / allowed:.2f} of budget",
        f"<= {RATE}/s + {SPARE}",
        count <= allowed,
    )


def answer(count: int) -> str:
    """The whole text of an answer of so many pieces."""
    return "".join(pieces(count))


class Bytes(NamedTuple):
    """Bytes of one cell: what the view was told, the same with envelopes and all else, the static output."""

    payload: int
    travelled: int
    static: int


def bytes_of(trace: Trace) -> Bytes:
    """The bytes of a trace; the final static output, which stays in the notebook, is counted apart."""
    data = data_messages(trace)
    said = (message.custom for message in data)
    payload = sum(
        len(json.dumps(one, ensure_ascii=False, separators=(",", ":")).encode()) for one in said if one
    )
    static = sum(message.size for message in data if message.kind == "update_display_data")
    return Bytes(payload, sum(message.size for message in data) - static, static)


def bytes_rows(trace: Trace, *, control: Trace | None = None, count: int) -> list[Row]:
    """Bytes that travelled for each byte of text: what the view was told, and all with envelopes."""
    size, tokens = len(answer(count).encode()), f"{count} tokens"
    sent = bytes_of(trace)
    printed = f"{bytes_of(control).travelled / size:.0f} printed" if control else ""
    return [
        Row(
            f"bytes a byte of text, {kind}, {tokens}",
            f"{amount / size:.2f}",
            printed,
            "",
            f"<= {BYTES_BUDGET:g}",
            amount / size <= BYTES_BUDGET,
        )
        for kind, amount in (("payload", sent.payload), ("with envelopes", sent.travelled))
    ] + [Row(f"the same, lasting static output, {tokens}", f"{sent.static / size:.2f}")]


def flat_row(traces: Mapping[int, Trace]) -> Row:
    """Whether a byte of text costs more in a long answer than in a short one."""
    shares = {
        count: bytes_of(trace).travelled / len(answer(count).encode()) for count, trace in traces.items()
    }
    short, long = min(shares), max(shares)
    return ratio_row(
        f"bytes a byte of text with envelopes, {long} tokens against {short}",
        f"{shares[long]:.2f}",
        control=f"{shares[short]:.2f}",
        ratio=shares[long] / shares[short],
        budget=FLAT_BUDGET,
    )


def text_of(messages: Iterable[Message]) -> str:
    """The text of all batches, or what was printed."""
    pieces = []
    for message in messages:
        if message.kind == "stream":
            pieces.append(json.loads(message.content)["text"])
        elif (said := message.custom) is not None and said.get("type") == "batch":
            pieces += [event["text"] for event in said["events"] if event["type"] == "text"]
    return "".join(pieces)


def limited(messages: Iterable[Message]) -> list[Message]:
    """What jupyter_server passes on: above the limit nothing, until the rate is below 80 % of it."""
    passed: list[Message] = []
    window: list[float] = []
    limiting = False
    for message in messages:
        if message.kind in _UNLIMITED:
            passed.append(message)
            continue
        window = [at for at in window if message.at - at < LIMIT_WINDOW]
        rate = (len(window) + 1) / LIMIT_WINDOW
        limiting = rate > LIMIT or (limiting and rate > 0.8 * LIMIT)
        if not limiting:
            window.append(message.at)
            passed.append(message)
    return passed


def lost_row(trace: Trace, *, control: Trace | None = None, count: int) -> Row:
    """Text that was sent by the model and does not reach a page behind jupyter_server, before any repair."""
    text, arrived = answer(count), text_of(limited(trace.messages))
    lost = len(text) - len(arrived)
    measured = f"{lost} characters" if lost or arrived == text else "nothing, but not the same text"
    printed = f"{1 - len(text_of(limited(control.messages))) / len(text):.0%} printed" if control else ""
    return Row(
        f"text lost behind jupyter_server's limit, {count} tokens",
        measured,
        printed,
        "",
        "0",
        arrived == text,
    )
