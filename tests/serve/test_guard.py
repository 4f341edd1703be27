"""Who may come in: tokens, origins and hosts, alike for server-sent events and WebSockets."""

from __future__ import annotations

import copy
import pickle

import pytest
from starlette.testclient import WebSocketDenialResponse

from serving import frames
from streamcell.errors import UsageError
from streamcell.serve import create_app
from streamcell.serve.guard import Guard, Tokens, is_loopback

TOKEN = "correct-horse-battery"  # noqa: S105 - opens nothing
OTHER = "staple-of-another-caller"
ROUTES = [
    ("POST", "/v1/streams"),
    ("GET", "/v1/streams/x"),
    ("DELETE", "/v1/streams/x"),
    ("POST", "/v1/chat/completions"),
    ("GET", "/v1/models"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
]
FOREIGN = [
    "http://evil.example",
    "http://127.0.0.1:8080.evil.example",
    "http://127.0.0.1:80801",
    "http://127.0.0.1",
    "https://127.0.0.1:8080",
    "http://localhost:8080",
    "HTTP://127.0.0.1:8080",
    "null",
    "",
]
BAD_TOKENS = ["", "Bearer", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN, "Bearer é"]


def bearer(token):
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("sent", BAD_TOKENS)
def test_without_its_token_nothing_is_answered(client, scripted, method, path, sent):
    here = client([scripted("x")], tokens=[TOKEN])
    answer = here.request(method, path, headers={"authorization": sent.encode()}, json={"prompt": "hi"})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("sent", BAD_TOKENS)
def test_without_its_token_no_socket_opens(client, scripted, sent):
    here = client([scripted("x")], tokens=[TOKEN])
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        here.websocket_connect("/v1/ws", headers={"authorization": sent.encode()}),
    ):
        pass
    assert refused.value.status_code == 401


def test_with_its_token_it_answers(client, scripted, text):
    here = client([scripted(text)], tokens=[OTHER, TOKEN])
    assert here.post("/v1/streams", headers=bearer(TOKEN), json={"prompt": "hi"}).status_code == 200
    assert here.get("/v1/models", headers={"authorization": f"bearer {TOKEN}"}).status_code == 200


def test_a_socket_takes_its_token_from_a_header_or_a_subprotocol(client, scripted):
    here = client([scripted("x")], tokens=[TOKEN])
    with here.websocket_connect("/v1/ws", headers=bearer(TOKEN)) as line:
        assert line.accepted_subprotocol is None
    with here.websocket_connect("/v1/ws", subprotocols=["streamcell", f"bearer.{TOKEN}"]) as line:
        assert line.accepted_subprotocol == "streamcell"


def test_health_needs_no_token(client, scripted):
    assert client([scripted("x")], tokens=[TOKEN]).get("/healthz").status_code == 200


def test_a_stream_of_another_token_is_not_found(client, scripted):
    here = client([scripted("x")], tokens=[TOKEN, OTHER])
    place = here.post("/v1/streams", headers=bearer(TOKEN), json={"prompt": "hi"}).headers["location"]
    assert frames(here.get(place, headers=bearer(TOKEN)).text)
    assert here.get(place, headers=bearer(OTHER)).status_code == 404
    assert here.delete(place, headers=bearer(OTHER)).status_code == 404


@pytest.mark.parametrize("tokens", [[], [TOKEN]])
@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_is_refused_everywhere(client, scripted, origin, tokens):
    here = client([scripted("x")], tokens=tokens)
    headers = {"origin": origin, **bearer(TOKEN)}
    answer = here.post("/v1/streams", headers=headers, json={"prompt": "hi"})
    assert answer.status_code == 403
    assert "is not allowed" in answer.json()["error"]["message"]
    with (
        pytest.raises(WebSocketDenialResponse) as refused,
        here.websocket_connect("/v1/ws", headers=headers),
    ):
        pass
    assert refused.value.status_code == 403


def test_a_page_of_the_server_itself_may_ask(client, scripted):
    here = client([scripted("x")])
    headers = {"origin": "http://127.0.0.1:8080"}
    answer = here.post("/v1/streams", headers=headers, json={"prompt": "hi"})
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    with here.websocket_connect("/v1/ws", headers=headers):
        pass


def test_a_page_of_a_named_origin_may_ask_and_read(client, scripted):
    here = client([scripted("x")], tokens=[TOKEN], origins=["https://chat.example"])
    origin = {"origin": "https://chat.example"}
    asking = {"access-control-request-method": "POST", "access-control-request-headers": "authorization"}
    assert here.options("/v1/streams", headers=origin | asking).status_code == 200
    answer = here.post("/v1/streams", headers=origin | bearer(TOKEN), json={"prompt": "hi"})
    assert answer.headers["access-control-allow-origin"] == "https://chat.example"
    foreign = {"origin": "https://chat.example.evil.example"}
    assert here.options("/v1/streams", headers=foreign | asking).status_code == 400
    assert "access-control-allow-origin" not in here.get("/healthz", headers=foreign).headers


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", "[::"])
def test_without_a_token_only_names_of_this_machine_are_served(client, scripted, host):
    answer = client([scripted("x")]).get("/v1/models", headers={"host": host})
    assert answer.status_code == 403
    assert "only localhost is served" in answer.json()["error"]["message"]


@pytest.mark.parametrize("host", ["localhost:1", "127.0.0.1", "[::1]:8080", "LOCALHOST"])
def test_the_names_of_this_machine_are_served(client, scripted, host):
    assert client([scripted("x")]).get("/v1/models", headers={"host": host}).status_code == 200


def test_with_a_token_any_name_is_served(client, scripted):
    here = client([scripted("x")], tokens=[TOKEN])
    assert here.get("/v1/models", headers={"host": "chat.example", **bearer(TOKEN)}).status_code == 200


def test_a_token_is_shown_by_nothing():
    held = Tokens([TOKEN])
    shown = [repr(held), repr(vars(held)), repr(vars(Guard(held, tokens=[TOKEN])))]
    shown.append(repr(pickle.dumps(held)) + repr(vars(copy.deepcopy(held))))
    assert not [text for text in shown if TOKEN in text]


def test_a_short_token_is_refused():
    with pytest.raises(UsageError, match="16 characters or more, one given has 6"):
        create_app(tokens=["secret"])


@pytest.mark.parametrize("origin", ["*", "https://*.example", "chat.example", "https://chat.example/", ""])
def test_an_origin_is_written_out(origin):
    with pytest.raises(UsageError, match="an origin is a scheme and a host"):
        create_app(origins=[origin])


def test_all_addresses_of_the_machine_are_no_loopback():
    assert [is_loopback(name) for name in ("0.0.0.0", "::", "", "192.168.0.1")] == [False] * 4  # noqa: S104
