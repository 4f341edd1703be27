"""The routes of the server: streams that start, resume and stop, and requests that are refused."""

from __future__ import annotations

import httpx2
import pytest
from hypothesis import given

from runs import RUNS
from serving import frames, said
from streamcell.events import Finished
from streamcell.serve import Limits
from streamcell.serve.event_stream import frames as written
from streamcell.serve.event_stream import position
from streamcell.serve.feed import Numbered

ASKED = {"prompt": "hi"}


def test_a_stream_is_sent_as_numbered_tagged_events(client, scripted, text):
    answer = client([scripted(text)]).post("/v1/streams", json=ASKED)
    found = frames(answer.text)
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert said(found) == text
    assert [frame.id for frame in found] == list(range(len(found)))
    assert [found[0].event, found[1].event, found[-1].event] == ["started", "text", "finished"]


def test_the_reader_finds_the_stream_where_the_headers_say(client, scripted, text):
    here = client([scripted(text)])
    answer = here.post("/v1/streams", json={"messages": [{"role": "user", "content": "hi"}]})
    assert answer.headers["location"] == f"/v1/streams/{answer.headers['x-stream-id']}"
    assert frames(here.get(answer.headers["location"]).text) == frames(answer.text)


def test_a_reader_that_comes_back_gets_the_rest_from_wherever_it_was_cut(client, scripted, text):
    here = client([scripted(text)])
    answer = here.post("/v1/streams", json=ASKED)
    for cut in range(0, len(answer.text), 101):
        had = frames(answer.text[:cut])
        headers = {"last-event-id": str(had[-1].id)} if had else {}
        rest = frames(here.get(answer.headers["location"], headers=headers).text)
        assert [frame.id for frame in had + rest] == list(range(len(had + rest)))
        assert said(had + rest) == text


def test_nothing_more_is_sent_to_a_reader_that_has_everything(client, scripted, text):
    here = client([scripted(text)])
    answer = here.post("/v1/streams", json=ASKED)
    headers = {"last-event-id": str(frames(answer.text)[-1].id)}
    assert here.get(answer.headers["location"], headers=headers).status_code == 204


@given(RUNS)
def test_any_run_survives_the_wire(run):
    items = [Numbered(number, event) for number, event in enumerate(run)]
    assert [(frame.id, frame.data) for frame in frames(written(items).decode())] == items


def test_a_connection_that_is_cut_in_the_middle_loses_nothing(served, endless, text):
    with httpx2.Client(base_url=served([endless])) as web:
        with web.stream("POST", "/v1/streams", json=ASKED) as answer:
            place = answer.headers["location"]
            seen = _read_until(answer, lambda found: len(found) > 5)
        again = {"last-event-id": str(seen[-1].id)}
        with web.stream("GET", place, headers=again) as answer:
            stopped = web.delete(place).json()
            rest = frames(answer.read().decode())
        assert stopped["stop_reason"] == "cancelled"
        assert rest[-1].data == Finished("cancelled")
        assert [frame.id for frame in seen + rest] == list(range(len(seen + rest)))
        assert text.startswith(said(seen + rest))


def test_two_readers_of_a_running_stream_read_the_same(served, endless):
    with (
        httpx2.Client(base_url=served([endless])) as web,
        web.stream("POST", "/v1/streams", json=ASKED) as first,
        web.stream("GET", first.headers["location"]) as second,
    ):
        web.delete(first.headers["location"])
        assert frames(first.read().decode()) == frames(second.read().decode())


def test_silence_is_filled_with_comments(served, endless, monkeypatch):
    monkeypatch.setattr("streamcell.serve.process.create_app", _with_heartbeat(0.01))
    with (
        httpx2.Client(base_url=served([endless])) as web,
        web.stream("POST", "/v1/streams", json=ASKED) as answer,
    ):
        assert ": heartbeat" in answer.iter_lines()


def test_a_stream_that_its_reader_left_goes_on(served, endless):
    with httpx2.Client(base_url=served([endless])) as web:
        with web.stream("POST", "/v1/streams", json=ASKED) as answer:
            _read_until(answer, bool)
        assert "streamcell_running 1" in web.get("/metrics").text


STREAMS, CHAT = "/v1/streams", "/v1/chat/completions"
BAD_BODIES = {
    "broken JSON": (b'{"messages": ', 400, "not valid JSON"),
    "no text": (b"\xff\xfe", 400, "not valid JSON"),
    "deep JSON": (b'{"messages": [{"content": ' + b"[" * 90_000, 400, "not valid JSON"),
    "no object": (b"[]", 400, "Expected `object`"),
    "nothing": (b"", 400, "not valid JSON"),
    "too long": (b'"' + b"x" * 1024 * 1024 + b'"', 413, "longer than 1048576 bytes"),
    "too long, in pieces": ([b"x" * 65536] * 17, 413, "longer than 1048576 bytes"),
}
BAD_FIELDS = {
    "a base URL": ({"base_url": "http://x"}, 400, "unknown field `base_url`"),
    "a key": ({"api_key": "x"}, 400, "unknown field `api_key`"),
    "a recording": ({"record": "run.jsonl"}, 400, "unknown field `record`"),
    "tools": ({"tools": []}, 400, "unknown field `tools`"),
    "a wrong kind": ({"temperature": "hot"}, 400, "Expected `float | null`"),
    "no messages": ({"messages": []}, 400, "empty"),
    "an empty message": ({"messages": [{"role": "user", "content": " "}]}, 400, "the prompt is empty"),
    "a role of its own": ({"messages": [{"role": "x", "content": "y"}]}, 400, "unknown role 'x'"),
    "a file": (
        {"messages": [{"role": "user", "content": [{"type": "image", "path": "/etc/passwd"}]}]},
        400,
        "a part of a message is text",
    ),
    "an unknown model": ({"model": "openai:gpt-5"}, 404, "choose from: scripted"),
}


@pytest.mark.parametrize("path", [STREAMS, CHAT])
@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_is_no_request_gets_its_status_and_one_line(client, scripted, name, path):
    body, status, reason = BAD_BODIES[name]
    content = body if isinstance(body, bytes) else iter(body)
    headers = {"content-type": "application/json"}
    _check_refusal(client([scripted("x")]).post(path, content=content, headers=headers), status, reason)


@pytest.mark.parametrize("path", [STREAMS, CHAT])
@pytest.mark.parametrize("name", BAD_FIELDS)
def test_a_field_that_is_wrong_gets_its_status_and_one_line(client, scripted, name, path):
    fields, status, reason = BAD_FIELDS[name]
    asked = {"messages": [{"role": "user", "content": "hi"}], **fields}
    _check_refusal(client([scripted("x")]).post(path, json=asked), status, reason)


@pytest.mark.parametrize("asked", [{}, {"prompt": "a", "messages": []}])
def test_a_stream_is_asked_for_in_exactly_one_way(client, scripted, asked):
    answer = client([scripted("x")]).post(STREAMS, json=asked)
    _check_refusal(answer, 400, "either 'prompt' or 'messages'")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_only_json_is_taken_as_json(client, scripted, kind):
    answer = client([scripted("x")]).post(STREAMS, content=b"{}", headers={"content-type": kind})
    _check_refusal(answer, 415, "application/json")


def _check_refusal(answer, status, reason):
    assert answer.status_code == status
    assert answer.text.count("\n") == 1
    assert reason in answer.json()["error"]["message"]


@pytest.mark.parametrize("identity", ["x", "../../etc/passwd", "%00", "A" * 32, "é"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_guessed_id_finds_nothing(client, scripted, method, identity):
    answer = client([scripted("x")]).request(method, f"/v1/streams/{identity}")
    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"


@pytest.mark.parametrize("last", ["-1", "x", "1.5", "9" * 17, "٣"])
def test_a_last_event_id_that_is_no_number_is_refused(client, scripted, last):
    here = client([scripted("x")])
    place = here.post("/v1/streams", json=ASKED).headers["location"]
    answer = here.get(place, headers={"last-event-id": last.encode()})
    assert answer.status_code == 400
    assert "Last-Event-ID is the number of an event" in answer.json()["error"]["message"]


def test_a_caller_has_only_so_many_streams_at_a_time(served, endless):
    with (
        httpx2.Client(base_url=served([endless], limits=Limits(streams=1))) as web,
        web.stream("POST", "/v1/streams", json=ASKED) as first,
    ):
        answer = web.post("/v1/streams", json=ASKED)
        assert answer.status_code == 429
        assert "1 streams are running" in answer.json()["error"]["message"]
        web.delete(first.headers["location"])
        with web.stream("POST", "/v1/streams", json=ASKED) as second:
            assert second.status_code == 200


def test_a_caller_begins_only_so_many_streams_a_minute(client, scripted, still):
    here = client([scripted("x")], limits=Limits(starts_per_minute=2), clock=still)
    statuses = [here.post("/v1/streams", json=ASKED).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert here.post("/v1/streams", json=ASKED).headers["retry-after"] == "30"
    still.now += 30
    assert here.post("/v1/streams", json=ASKED).status_code == 200


def test_finished_streams_are_forgotten_after_their_time(client, scripted, still):
    here = client([scripted("x")], limits=Limits(kept_seconds=60), clock=still)
    place = here.post("/v1/streams", json=ASKED).headers["location"]
    still.now += 60
    assert here.get(place).status_code == 200
    still.now += 1
    assert here.get(place).status_code == 404


def test_only_so_many_finished_streams_are_kept(client, scripted, still):
    here = client([scripted("x")], limits=Limits(kept=2), clock=still)
    places = [here.post("/v1/streams", json=ASKED).headers["location"] for _ in range(4)]
    here.post("/v1/streams", json={"prompt": "", "messages": None})
    assert [here.get(place).status_code for place in places] == [404, 404, 200, 200]


def test_health_tells_nothing_but_that_it_is_there(client, scripted):
    assert client([scripted("x")]).get("/healthz").json() == {"status": "ok"}


def test_the_figures_count_the_runs(client, scripted):
    here = client([scripted("x")])
    before = _figure(here, "streamcell_tasks_stream_completed_total")
    here.post("/v1/streams", json=ASKED)
    assert _figure(here, "streamcell_tasks_stream_completed_total") == before + 1
    assert _figure(here, "streamcell_running") == 0


def test_a_place_that_is_none_and_a_wrong_method_are_told_in_json(client, scripted):
    here = client([scripted("x")])
    assert here.get("/v1/nothing").json()["error"]["code"] == "not_found"
    assert here.put("/v1/streams").json()["error"]["code"] == "method_not_allowed"


def test_position_reads_what_browsers_send():
    assert [position(None), position(""), position("0"), position(7)] == [-1, -1, 0, 7]


def _read_until(answer, enough):
    """The events of the answer so far, as soon as there are enough of them."""
    text = ""
    for piece in answer.iter_text():
        text += piece
        if enough(frames(text)):
            return frames(text)
    raise AssertionError(f"the answer ended after {frames(text)}")


def _figure(here, name):
    lines = here.get("/metrics").text.splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


def _with_heartbeat(seconds):
    from streamcell.serve import create_app  # noqa: PLC0415 - the one that is replaced

    return lambda models, **options: create_app(models, heartbeat=seconds, **options)
