from __future__ import annotations

import pytest

from answers import ask, streamed
from streamcell.io.route import is_loopback, route_for
from streamcell.providers import lookalikes
from streamcell.providers.openai import ChatCompletions

ROWS = {name: value for name, value in vars(lookalikes).items() if isinstance(value, ChatCompletions)}
HOSTED = ["deepseek", "groq", "mistral", "openrouter", "together", "xai"]
LOCAL = ["llamacpp", "lmstudio", "vllm"]

every_row = pytest.mark.parametrize("row", ROWS.values(), ids=ROWS.keys())


def test_every_row_stands_under_its_own_name():
    assert sorted(ROWS) == sorted([*HOSTED, *LOCAL, "azure"])
    assert {name: row.facts.name for name, row in ROWS.items()} == {name: name for name in ROWS}


@every_row
def test_every_row_speaks_chat_completions(row):
    assert row.encode(ask(row, model="some-model")).path == "/chat/completions"
    body = b'data: {"choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
    response = streamed(row, body)
    assert (response.text, response.metadata["provider"]) == ("Hi", row.facts.name)


@every_row
def test_every_row_is_asked_for_a_limit_in_the_older_word(row):
    body = row.encode(ask(row, model="some-model", max_tokens=10)).body
    assert body["max_tokens"] == 10
    assert "max_completion_tokens" not in body


@every_row
def test_usage_is_asked_for_where_the_server_allows_it(row):
    asked = "stream_options" in row.encode(ask(row, model="some-model")).body
    assert asked is (row.facts.name != "mistral")


@pytest.mark.parametrize("name", HOSTED)
def test_a_hosted_row_has_an_address_a_key_of_its_own_name_and_a_model(name):
    facts = ROWS[name].facts
    assert facts.base_url is not None
    assert facts.base_url.startswith("https://")
    assert facts.key_names == (f"{name.upper()}_API_KEY",)
    assert facts.default_model


@pytest.mark.parametrize("name", LOCAL)
def test_a_local_row_needs_no_key_and_its_address_can_be_set(name):
    def route(environment: dict[str, str]):
        return route_for(
            ROWS[name].facts, base_url=None, api_key=None, environment=environment, allow_http=False
        )

    assert is_loopback(route({}).host)
    assert route({}).key is None
    assert route({f"{name.upper()}_BASE_URL": "http://127.0.0.1:9/v1"}).base_url == "http://127.0.0.1:9/v1"


def test_azure_is_reached_through_a_client_object_and_never_guessed_at():
    facts = ROWS["azure"].facts
    assert (facts.client, facts.base_url, facts.base_names, facts.key_names) == ("", None, (), ())
