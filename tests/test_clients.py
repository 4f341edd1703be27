"""`client=`: a ready client of the user's carries the calls, with its own address, key and headers."""

from __future__ import annotations

import asyncio
import inspect
import threading
from contextlib import asynccontextmanager

import anthropic
import openai
import pytest

import streamcell
from streamcell import UsageError
from streamcell.testing import Fault, Raw, Script, WireServer

TEXT = "Hello from the client's own server."
TURN = [{"role": "user", "content": "Hi"}]
SECRET = "an-unlikely-placeholder"  # noqa: S105 - opens nothing


def read(make, model, *, answer=None, **options):
    """The response through the client that `make` gives for a server's address, and what the server got."""

    async def main():
        async with WireServer(answer or Script.of(TEXT)) as server:
            client = make(server.base_url)
            try:
                response = await streamcell.stream("Hi", model, client=client, **options)
            finally:
                await close(client)
            return response, server.requests

    return asyncio.run(main())


def of_openai(kind, **settings):
    return lambda base: kind(base_url=f"{base}/v1", api_key=SECRET, **settings)


def of_anthropic(kind, **settings):
    return lambda base: kind(base_url=base, api_key=SECRET, **settings)


def azure(kind):
    return lambda base: kind(
        azure_endpoint=base, azure_deployment="mine", api_version="2024-10-21", api_key=SECRET
    )


CLIENTS = {
    "openai": (of_openai(openai.AsyncOpenAI), "openai:m"),
    "openai, sync": (of_openai(openai.OpenAI), "openai:m"),
    "openai responses": (of_openai(openai.AsyncOpenAI), "openai-responses:m"),
    "openai responses, sync": (of_openai(openai.OpenAI), "openai-responses:m"),
    "azure": (azure(openai.AsyncAzureOpenAI), "azure:m"),
    "azure, sync": (azure(openai.AzureOpenAI), "azure:m"),
    "openai on bedrock": (of_openai(openai.AsyncBedrockOpenAI, aws_region="eu-west-1"), "openai:m"),
    "anthropic": (of_anthropic(anthropic.AsyncAnthropic), "anthropic:m"),
    "anthropic, sync": (of_anthropic(anthropic.Anthropic), "anthropic:m"),
    "anthropic on foundry": (of_anthropic(anthropic.AsyncAnthropicFoundry), "anthropic:m"),
    "anthropic on foundry, sync": (of_anthropic(anthropic.AnthropicFoundry), "anthropic:m"),
    "anthropic on aws, sync": (
        of_anthropic(anthropic.AnthropicAWS, workspace_id="w", aws_region="eu-west-1"),
        "anthropic:m",
    ),
    "anthropic on bedrock, sync": (
        of_anthropic(anthropic.AnthropicBedrockMantle, aws_region="eu-west-1"),
        "anthropic:m",
    ),
    "anthropic on google cloud, sync": (
        lambda base: anthropic.AnthropicGoogleCloud(
            base_url=base, project="p", location="l", workspace_id="w", token_provider=lambda: SECRET
        ),
        "anthropic:m",
    ),
    "anthropic on aws": (
        of_anthropic(anthropic.AsyncAnthropicAWS, workspace_id="w", aws_region="eu-west-1"),
        "anthropic:m",
    ),
    "anthropic on bedrock mantle": (
        of_anthropic(anthropic.AsyncAnthropicBedrockMantle, aws_region="eu-west-1"),
        "anthropic:m",
    ),
    "anthropic on google cloud": (
        lambda base: anthropic.AsyncAnthropicGoogleCloud(
            base_url=base, project="p", location="l", workspace_id="w", token_provider=lambda: SECRET
        ),
        "anthropic:m",
    ),
}
SIGNED = ("authorization", "x-api-key", "api-key", "anthropic-version", "anthropic-workspace-id", "host")


def direct(client, model):
    """The same question by the client's own methods."""
    match model.partition(":")[0]:
        case "openai" | "azure":
            return client.chat.completions.create(model="m", messages=TURN, stream=True)
        case "openai-responses":
            return client.responses.create(model="m", input="Hi", stream=True)
        case _:
            return client.messages.create(model="m", messages=TURN, max_tokens=9, stream=True)


@pytest.mark.parametrize(("make", "model"), CLIENTS.values(), ids=CLIENTS)
def test_a_call_goes_where_the_clients_own_would_and_carries_the_same_authentication(make, model):
    async def main():
        async with WireServer(Script.of(TEXT)) as server:
            client = make(server.base_url)
            stream = await asyncio.to_thread(direct, client, model)
            async with await stream if inspect.isawaitable(stream) else in_thread(stream):
                pass
            response = await streamcell.stream("Hi", model, client=client)
            await close(client)
            return response, *server.requests

    response, own, ours = asyncio.run(main())
    assert response.text == TEXT
    assert response.stop_reason == "stop"
    assert (ours.path, ours.body["model"]) == (own.path, "m")
    assert signature(ours) == signature(own)
    assert SECRET in str(signature(ours))


def signature(request):
    return {name: value for name, value in request.headers.items() if name in SIGNED}


@asynccontextmanager
async def in_thread(stream):
    yield stream
    await asyncio.to_thread(stream.close)


async def close(client):
    done = client.close()
    if inspect.isawaitable(done):
        await done


def test_the_address_path_and_version_of_azure_come_from_its_client():
    response, (request,) = read(azure(openai.AsyncAzureOpenAI), "azure:gpt-5-mini")
    assert response.text == TEXT
    assert request.path == "/openai/deployments/mine/chat/completions?api-version=2024-10-21"
    assert request.headers["api-key"] == SECRET
    assert response.metadata["provider"] == "azure"


def test_an_azure_client_finds_the_deployment_in_the_models_name():
    def make(base):
        return openai.AsyncAzureOpenAI(azure_endpoint=base, api_version="2024-10-21", api_key=SECRET)

    _, (request,) = read(make, "azure:gpt-5-mini")
    assert request.path == "/openai/deployments/gpt-5-mini/chat/completions?api-version=2024-10-21"


def test_a_synchronous_azure_client_keeps_responses_out_of_its_deployment():
    with pytest.raises(streamcell.ProviderError, match=r"at /openai/responses\?api-version=2024-10-21"):
        read(azure(openai.AzureOpenAI), "openai-responses:m")


def test_a_function_that_gives_azures_token_is_asked_in_a_thread():
    threads = []

    def token():
        threads.append(threading.current_thread())
        return SECRET

    def make(base):
        return openai.AzureOpenAI(azure_endpoint=base, api_version="v", azure_ad_token_provider=token)

    _, (request,) = read(make, "azure:m")
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert threading.main_thread() not in threads


def test_a_function_that_gives_the_key_of_a_synchronous_client_is_asked():
    def make(base):
        return openai.OpenAI(base_url=f"{base}/v1", api_key=lambda: SECRET)

    _, (request,) = read(make, "openai:m")
    assert request.headers["authorization"] == f"Bearer {SECRET}"


def test_a_synchronous_client_that_cannot_be_carried_over_names_the_one_to_pass():
    with pytest.raises(UsageError, match=r"AsyncBedrockOpenAI\(\.\.\.\)"):
        read(of_openai(openai.BedrockOpenAI, aws_region="eu-west-1"), "openai:m")


@pytest.mark.parametrize(
    ("kind", "model", "advice"),
    [
        (anthropic.AsyncAnthropic, "openai:m", "AsyncOpenAI"),
        (anthropic.Anthropic, "openai-responses:m", "AsyncOpenAI"),
        (openai.OpenAI, "anthropic:m", "AsyncAnthropic"),
        (openai.AsyncOpenAI, "gemini:m", "leave out client="),
    ],
)
def test_a_client_of_another_vendor_is_refused_before_anything_is_sent(kind, model, advice):
    with pytest.raises(UsageError, match=f"client= is a {kind.__name__}, which does not carry .*{advice}"):
        streamcell.stream("Hi", model, client=kind(api_key=SECRET))


def test_a_subclass_of_an_official_client_is_one():
    class Ours(openai.AsyncOpenAI):
        pass

    response, _ = read(of_openai(Ours), "openai:m")
    assert response.text == TEXT


@pytest.mark.parametrize(
    "kind", [openai.AsyncOpenAI, openai.OpenAI, anthropic.AsyncAnthropic, anthropic.Anthropic]
)
def test_headers_and_query_that_the_client_was_given_are_sent(kind):
    make = of_openai if "OpenAI" in kind.__name__ else of_anthropic
    model = "openai:m" if make is of_openai else "anthropic:m"
    settings = {"default_headers": {"x-team": "blue"}, "default_query": {"tenant": "7"}}
    _, (request,) = read(make(kind, **settings), model)
    assert request.headers["x-team"] == "blue"
    assert request.path.endswith("?tenant=7")


def test_the_clients_own_retries_are_off_and_ours_are_seen():
    answers = [Script.of("", fault=Fault("status", status=503)), Script.of(TEXT)]
    make = of_openai(openai.AsyncOpenAI, max_retries=5)
    response, requests = read(make, "openai:m", answer=answers)
    assert (response.text, response.metrics.retries, len(requests)) == (TEXT, 1, 2)
    with pytest.raises(streamcell.ProviderError):
        read(make, "openai:m", answer=answers, retries=0)


def test_a_client_is_used_in_a_plain_cell_as_well():
    with WireServer(Script.of(TEXT)) as server:
        client = openai.OpenAI(base_url=f"{server.base_url}/v1", api_key=SECRET)
        assert streamcell.stream("Hi", "openai:m", client=client).result().text == TEXT
        assert streamcell.Agent("openai:m", client=client).run("Hi").text == TEXT
        client.close()


def test_a_client_belongs_to_the_answer_it_continues():
    cut = Script.of(TEXT, fault=Fault("cut", after=2))
    with WireServer([cut, Script.of(TEXT)]) as server:
        client = openai.OpenAI(base_url=f"{server.base_url}/v1", api_key=SECRET)
        response = streamcell.stream("Hi", "openai:m", client=client, on_error="keep").result()
        assert response.continue_().result().text == response.text + TEXT
        client.close()
    assert {request.headers["authorization"] for request in server.requests} == {f"Bearer {SECRET}"}


def test_no_key_of_a_client_is_in_the_error_of_its_server():
    fault = Fault("status", status=401, message=f"wrong key {SECRET}")
    with pytest.raises(streamcell.ProviderError) as failure:
        read(of_openai(openai.AsyncOpenAI), "openai:m", answer=Script.of("", fault=fault))
    assert failure.value.kind == "auth"
    assert SECRET not in str(failure.value)


@pytest.mark.parametrize("option", ["base_url", "api_key"])
def test_a_client_and_an_address_or_key_are_refused_together(option):
    client = openai.AsyncOpenAI(api_key=SECRET)
    with pytest.raises(UsageError, match="client= brings its own address and key"):
        streamcell.stream("Hi", "openai:m", client=client, **{option: "https://models.example"})


def test_vertex_carries_messages_under_the_path_of_its_project():
    def make(base):
        return anthropic.AsyncAnthropicVertex(
            base_url=f"{base}/v1", region="r", project_id="p", access_token=SECRET
        )

    body = b"".join(
        b'event: %s\ndata: {"type": "%s", %s}\n\n' % (kind, kind, rest)
        for kind, rest in (
            (b"message_start", b'"message": {"id": "m", "model": "claude"}'),
            (b"content_block_start", b'"index": 0, "content_block": {"type": "text", "text": "Hi"}'),
            (b"content_block_stop", b'"index": 0'),
            (b"message_delta", b'"delta": {"stop_reason": "end_turn"}'),
            (b"message_stop", b'"end": true'),
        )
    )
    response, (request,) = read(make, "anthropic:claude", answer=Raw(body))
    assert response.text == "Hi"
    assert request.path == "/v1/projects/p/locations/r/publishers/anthropic/models/claude:streamRawPredict"
    assert request.headers["authorization"] == f"Bearer {SECRET}"
    assert "model" not in request.body


def test_what_is_no_client_is_refused_by_name():
    with pytest.raises(UsageError, match="client= is a dict"):
        streamcell.stream("Hi", "openai:m", client={})
