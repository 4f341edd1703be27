"""Other sides that go quiet: in the middle of a request, or in the middle of an answer."""

from __future__ import annotations

import gc
import json
import socket
import threading
import time
from contextlib import ExitStack, contextmanager
from urllib.parse import urlsplit

import httpx2
import pytest

from serving import frames, listening
from streamcell.core.script import Script
from streamcell.serve import Limits, process
from streamcell.serve.connections import PatientProtocol

ASKED = b'{"prompt": "hi"}'
HEAD = b"POST /v1/streams HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"


@contextmanager
def connected(address, *, buffer=None):
    """A socket of one's own; `buffer` is how many bytes it takes before somebody reads."""
    place = urlsplit(address)
    with socket.socket() as line:
        if buffer is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        line.settimeout(60)
        line.connect((place.hostname, place.port))
        yield line


def asked(line):
    """The headers of the answer; its events are not read."""
    line.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(ASKED) + ASKED)
    head = line.recv(1024).decode().partition("\r\n\r\n")[0]
    return dict(field.split(": ", 1) for field in head.split("\r\n")[1:])


def to_the_end(line):
    text = b""
    while piece := line.recv(65536):
        text += piece
    return text


@pytest.mark.parametrize("said", [b"", b"GET /v1/models HTT", HEAD])
def test_a_head_that_does_not_come_ends_the_connection(served, scripted, monkeypatch, said):
    monkeypatch.setattr(PatientProtocol, "_head_seconds", 0.05)
    with connected(served([scripted("x")])) as line:
        line.sendall(said)
        assert to_the_end(line) == b""


def test_a_second_head_that_does_not_come_ends_the_connection(served, scripted, monkeypatch):
    monkeypatch.setattr(PatientProtocol, "_head_seconds", 0.05)
    with connected(served([scripted("x")])) as line:
        line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        answer = b""
        while b"ok" not in answer:
            answer += line.recv(1024)
        line.sendall(b"GET /hea")
        assert b"HTTP" not in to_the_end(line)


def test_a_request_that_came_in_time_is_answered_however_long_it_takes(served, endless, monkeypatch):
    monkeypatch.setattr(PatientProtocol, "_head_seconds", 0.05)
    with (
        httpx2.Client(base_url=served([endless])) as web,
        web.stream("POST", "/v1/streams", json={"prompt": "hi"}) as answer,
    ):
        end = time.monotonic() + 0.2
        while time.monotonic() < end:
            assert web.get("/healthz").status_code == 200
        web.delete(answer.headers["location"])
        assert frames(answer.read().decode())[-1].event == "finished"


def test_a_body_that_does_not_come_has_its_status_and_one_line(served, scripted):
    address = served([scripted("x")], limits=Limits(body_seconds=0.05))
    with connected(address) as line:
        line.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(ASKED) + ASKED[:5])
        head, _, body = to_the_end(line).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408")
    assert json.loads(body)["error"]["message"] == "the body was not here after 0.05 s"
    assert body.count(b"\n") == 1


LONG = "ein langer Bach " * 16_384
"""Hundreds of kilobytes, and as events a multiple of it: more than the sockets between two programs hold."""


def test_a_reader_that_never_reads_holds_nobody_up(served, scripted):
    address = served([scripted(Script.of(LONG))])
    with connected(address, buffer=4096) as line:
        found = frames(httpx2.get(address + asked(line)["location"], timeout=60).text)
    assert "".join(getattr(frame.data, "text", "") for frame in found) == LONG


def test_a_server_that_ends_closes_the_connections_that_outlast_its_patience(scripted, monkeypatch):
    monkeypatch.setattr(process, "_GRACE", 0.05)
    with ExitStack() as longer:
        with listening([scripted(Script.of(LONG))]) as address:
            line = longer.enter_context(connected(address, buffer=4096))
            httpx2.get(address + asked(line)["location"], timeout=60)
        gc.collect()  # a connection that is open still would say so now: warnings are errors here
        assert b"event: finished" not in to_the_end(line)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="the system cannot drop such a reader")
def test_a_reader_that_takes_nothing_is_dropped(served, scripted, monkeypatch):
    lost, ended = threading.Event(), PatientProtocol.connection_lost
    monkeypatch.setattr(PatientProtocol, "_taking_seconds", 0.2)
    monkeypatch.setattr(PatientProtocol, "connection_lost", lambda *told: (ended(*told), lost.set()))
    with connected(served([scripted(Script.of(LONG))]), buffer=4096) as line:
        asked(line)
        assert lost.wait(60)
