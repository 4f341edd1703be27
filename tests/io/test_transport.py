"""The transport against a raw loopback server: no HTTP library is replaced, the sockets are real."""

import asyncio
import contextlib
import copy
import gc
import gzip
import json
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import anthropic
import openai
import pytest

from streamcell.errors import LimitExceeded, ProtocolError, TransportError, UsageError
from streamcell.io import pool
from streamcell.io.keys import Key
from streamcell.io.route import Route
from streamcell.io.transport import BODY_LIMIT, Transport, transport_for
from streamcell.providers.contract import Call, Facts

KEY = "canary-" + "0123456789abcdef"
CALL = Call(path="/chat/completions", body={"model": "m", "stream": True}, headers={"x-extra": "yes"})
CLIENTS = ["", "openai:AsyncOpenAI", "anthropic:AsyncAnthropic"]
PATIENCE = 10.0

Script = Callable[["Exchange"], Awaitable[None]]


@dataclass
class Exchange:
    """One connection as a script sees it."""

    head: str
    body: bytes
    writer: asyncio.StreamWriter

    async def send(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()


@dataclass
class Server:
    """What a scripted loopback server saw."""

    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    open: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    talks: dict[asyncio.Task, asyncio.StreamWriter] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"


@asynccontextmanager
async def serving(script: Script) -> AsyncIterator[Server]:
    server = Server()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        server.open += 1
        server.talks[asyncio.current_task()] = writer
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    int(line.split(":")[1])
                    for line in head.lower().splitlines()
                    if line.startswith("content-length:")
                )
                body = await reader.readexactly(length)
                server.heads.append(head)
                server.bodies.append(body)
                await script(Exchange(head, body, writer))
                if writer.is_closing():
                    break
        server.open -= 1
        server.closed.set()
        writer.close()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for writer in server.talks.values():
            writer.transport.abort()
        if server.talks:
            await asyncio.wait(server.talks)


def answering(status: str, body: bytes, *headers: str) -> Script:
    async def script(exchange: Exchange) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
        await exchange.send("\r\n".join(lines).encode(), body)

    return script


async def silent_after_first(exchange: Exchange) -> None:
    """One chunk of an endless answer, then nothing until the other side goes."""
    await exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\nfirst\r\n")


def transport(server_url: str, client: str = "", **options: object) -> Transport:
    facts = Facts(name="sample", default_model="m", client=client, key_names=("SAMPLE_API_KEY",))
    options.setdefault("api_key", KEY)
    return transport_for(SimpleNamespace(facts=facts), base_url=server_url, environment={}, **options)


async def read_into(got: bytearray, sender: Transport) -> None:
    async with sender.open(CALL, connect=PATIENCE) as answer:
        async for block in answer.blocks():
            got += block


async def whole(sender: Transport) -> bytes:
    got = bytearray()
    await read_into(got, sender)
    return bytes(got)


def run(main: Awaitable[None]) -> None:
    """Run a test to its end; `asyncio.run` would hide a task that was left behind."""

    async def checked() -> None:
        await main
        left = [task for task in asyncio.all_tasks() if task.get_name() == "streamcell line"]
        for line in left:
            await asyncio.wait_for(asyncio.wait({line}), PATIENCE)

    asyncio.run(checked())


@pytest.mark.parametrize("client", CLIENTS)
def test_the_body_arrives_as_it_was_sent(client):
    async def main():
        async with serving(answering("200 OK", b"data: \xff\n\n", "X-Request-Id: r1")) as server:
            async with transport(server.url, client).open(CALL, connect=PATIENCE) as answer:
                assert answer.status == 200
                assert answer.headers["x-request-id"] == "r1"
                assert b"".join([block async for block in answer.blocks()]) == b"data: \xff\n\n"
            assert server.heads[0].startswith("POST /v1/chat/completions ")
            assert "x-extra: yes" in server.heads[0].lower()
            assert f"Bearer {KEY}" in server.heads[0]
            assert json.loads(server.bodies[0]) == CALL.body

    run(main())


def test_a_provider_may_have_a_key_header_and_a_query_of_its_own():
    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            key = Key(KEY, host="127.0.0.1")
            sender = Transport(Route(provider="p", base_url=server.url, key=key, key_header="x-own-key"))
            async with sender.open(Call(path="/m:go?alt=sse", body={}), connect=PATIENCE):
                pass
            assert server.heads[0].startswith("POST /v1/m:go?alt=sse ")
            assert f"x-own-key: {KEY}\r\n" in server.heads[0].lower()
            assert "authorization" not in server.heads[0].lower()

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_an_error_status_is_an_answer_and_is_sent_once(client):
    async def main():
        body = b'{"error": {"message": "slow down"}}'
        async with serving(answering("429 Too Many Requests", body, "Retry-After: 7")) as server:
            async with transport(server.url, client).open(CALL, connect=PATIENCE) as answer:
                assert (answer.status, answer.headers["retry-after"]) == (429, "7")
                assert await answer.read(4096) == body
            assert len(server.heads) == 1

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_key_echoed_by_the_server_is_in_nothing_that_comes_out(client):
    async def main():
        body = b'{"error": {"message": "bad key ' + KEY.encode() + b'"}}'
        script = answering("401 Unauthorized", body, f"X-Echo: {KEY}")
        async with (
            serving(script) as server,
            transport(server.url, client).open(CALL, connect=PATIENCE) as answer,
        ):
            assert KEY.encode() not in await answer.read(4096)
            assert KEY not in repr(answer.headers)
            assert KEY not in repr(vars(answer))

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_an_error_body_without_end_is_cut(client):
    async def flood(exchange: Exchange) -> None:
        await exchange.send(b"HTTP/1.1 500 Oops\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                await exchange.send(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    async def main():
        async with serving(flood) as server:
            async with transport(server.url, client).open(CALL, connect=PATIENCE) as answer:
                assert await answer.read(1000) == b"x" * 1000
            await asyncio.wait_for(server.closed.wait(), PATIENCE)

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_redirect_is_refused_and_not_followed(client):
    async def main():
        async with serving(answering("200 OK", b"trap")) as trap:
            target = f"Location: http://elsewhere.localhost:{trap.port}/v1/"
            async with serving(answering("307 Temporary Redirect", b"", target)) as server:
                with pytest.raises(TransportError, match=r"elsewhere\.localhost") as caught:
                    await whole(transport(server.url, client))
                assert caught.value.kind == "redirect"
                assert not caught.value.retryable
                assert trap.connections == 0

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_refused_connection_names_host_and_port_and_no_key(client):
    async def main():
        async with serving(answering("200 OK", b"")) as gone:
            pass
        with pytest.raises(TransportError, match=f":{gone.port}: ") as caught:
            await whole(transport(gone.url, client))
        assert (caught.value.kind, caught.value.retryable) == ("connect", True)
        assert caught.value.__cause__ is None
        assert caught.value.__context__ is None
        text = "".join(
            traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
        )
        assert KEY not in text

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_connection_closed_before_the_answer_is_a_connection_error(client):
    async def hang_up(exchange: Exchange) -> None:
        exchange.writer.close()

    async def main():
        async with serving(hang_up) as server:
            with pytest.raises(TransportError) as caught:
                await whole(transport(server.url, client))
            assert (caught.value.kind, caught.value.retryable) == ("connect", True)
            assert len(server.heads) == 1

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_server_that_does_not_speak_tls_is_a_tls_error(client):
    async def shout(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-not-tls\r\n")
        writer.close()

    async def main():
        listener = await asyncio.start_server(shout, "127.0.0.1", 0)
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(TransportError) as caught:
            await whole(transport(f"https://127.0.0.1:{port}/v1", client))
        assert (caught.value.kind, caught.value.retryable) == ("tls", False)
        listener.close()

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_handshake_that_never_ends_is_a_connect_timeout(client):
    async def main():
        listener = await asyncio.start_server(lambda _, writer: held.append(writer), "127.0.0.1", 0)
        held: list[asyncio.StreamWriter] = []
        port = listener.sockets[0].getsockname()[1]
        with pytest.raises(TransportError) as caught:
            async with transport(f"https://127.0.0.1:{port}/v1", client).open(CALL, connect=0.05):
                pass
        assert (caught.value.kind, caught.value.retryable) == ("timeout_connect", True)
        for writer in held:
            writer.close()
        listener.close()

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_connection_that_breaks_in_the_body_is_truncated_after_what_came(client):
    async def cut(exchange: Exchange) -> None:
        await silent_after_first(exchange)
        exchange.writer.transport.abort()

    async def main():
        async with serving(cut) as server:
            got = bytearray()
            with pytest.raises(ProtocolError) as caught:
                await read_into(got, transport(server.url, client))
            assert caught.value.kind == "truncated"
            assert caught.value.__context__ is None
            assert bytes(got) in {b"first", b""}  # a reset may overtake bytes that were on their way

    run(main())


def test_a_packed_body_is_unpacked_in_small_blocks():
    text = b"data: hello\n\n" * 100_000

    async def main():
        async with (
            serving(answering("200 OK", gzip.compress(text), "Content-Encoding: gzip")) as server,
            transport(server.url).open(CALL, connect=PATIENCE) as answer,
        ):
            blocks = [block async for block in answer.blocks()]
        assert b"".join(blocks) == text
        assert max(map(len, blocks)) <= 64 * 1024

    run(main())


def test_a_body_that_grows_past_the_limit_is_stopped():
    # Noise packs to half its size at best.
    assert BODY_LIMIT == 16 * 1024 * 1024
    bomb = gzip.compress(os.urandom(BODY_LIMIT // 16).hex().encode() * 9)

    async def main():
        async with serving(answering("200 OK", bomb, "Content-Encoding: gzip")) as server:
            got = bytearray()
            with pytest.raises(LimitExceeded, match="longer than"):
                await read_into(got, transport(server.url))
            assert BODY_LIMIT // 2 < len(got) <= BODY_LIMIT

    run(main())


def test_a_packed_body_that_unpacks_to_much_from_little_is_stopped():
    bomb = gzip.compress(bytes(BODY_LIMIT))

    async def main():
        async with serving(answering("200 OK", bomb, "Content-Encoding: gzip")) as server:
            got = bytearray()
            with pytest.raises(LimitExceeded, match="unpacks to"):
                await read_into(got, transport(server.url))
            assert len(got) < BODY_LIMIT // 2

    run(main())


def test_a_body_that_is_not_what_it_says_is_a_protocol_error():
    async def main():
        async with serving(answering("200 OK", b"not gzip", "Content-Encoding: gzip")) as server:
            with pytest.raises(ProtocolError) as caught:
                await whole(transport(server.url))
            assert caught.value.kind == "protocol"

    run(main())


def test_reading_a_whole_body_past_its_limit_is_an_error():
    async def main():
        async with (
            serving(answering("200 OK", b"0123456789")) as server,
            transport(server.url).open(CALL, connect=PATIENCE) as answer,
        ):
            with pytest.raises(LimitExceeded):
                await answer.read(9)

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_a_cancel_closes_the_connection_while_nothing_is_sent(client):
    async def read(sender: Transport, started: asyncio.Event) -> None:
        async with sender.open(CALL, connect=PATIENCE) as answer:
            async for _ in answer.blocks():
                started.set()

    async def main():
        async with serving(silent_after_first) as server:
            sender, started = transport(server.url, client), asyncio.Event()
            # A second run on the same line keeps the pool open: only the cancel can close a connection.
            async with sender.open(CALL, connect=PATIENCE):
                task = asyncio.create_task(read(sender, started))
                await asyncio.wait_for(started.wait(), PATIENCE)
                assert (server.open, server.closed.is_set()) == (2, False)
                task.cancel()
                await asyncio.wait({task}, timeout=PATIENCE)
                assert task.cancelled()
                await asyncio.wait_for(server.closed.wait(), PATIENCE)
                assert server.open == 1

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_many_runs_cancelled_at_any_moment_leave_no_connection(client):
    async def main():
        async with serving(silent_after_first) as server:
            sender = transport(server.url, client)
            tasks = [asyncio.create_task(whole(sender)) for _ in range(60)]
            for turn, task in enumerate(tasks):
                for _ in range(turn):
                    await asyncio.sleep(0)
                task.cancel()
            assert {type(end) for end in await asyncio.gather(*tasks, return_exceptions=True)} == {
                asyncio.CancelledError
            }
            await sender.aclose()
            if server.talks:
                await asyncio.wait_for(asyncio.wait(server.talks), PATIENCE)
            assert server.open == 0

    run(main())


def test_leaving_the_context_early_closes_the_connection():
    async def main():
        async with serving(silent_after_first) as server:
            sender = transport(server.url)
            # A second run on the same line keeps the pool open, as above.
            async with sender.open(CALL, connect=PATIENCE):
                async with sender.open(CALL, connect=PATIENCE) as answer:
                    assert await anext(answer.blocks()) == b"first"
                await asyncio.wait_for(server.closed.wait(), PATIENCE)
                assert server.open == 1
                assert [block async for block in answer.blocks()] == []

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_two_transports_of_one_route_share_a_connection(client):
    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            await whole(transport(server.url, client))
            await whole(transport(server.url, client))
            assert server.connections == 1
            await whole(transport(server.url, client, api_key=KEY + "-other"))
            assert server.connections == 2

    run(main())


@pytest.mark.parametrize("client", CLIENTS)
def test_nothing_is_left_soon_after_the_last_run(client):
    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            before = asyncio.all_tasks()
            await whole(transport(server.url, client))
            await asyncio.wait_for(server.closed.wait(), PATIENCE)
            lines = [task for task in asyncio.all_tasks() if task.get_name() == "streamcell line"]
            if lines:
                await asyncio.wait(lines, timeout=PATIENCE)
            assert asyncio.all_tasks() <= before
            assert not pool._lines[asyncio.get_running_loop()]
            assert server.open == 0

    run(main())


def test_closing_a_transport_closes_its_idle_connections_at_once():
    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            sender = transport(server.url)
            await whole(sender)
            await sender.aclose()
            assert not pool._lines[asyncio.get_running_loop()]
            await asyncio.wait_for(server.closed.wait(), PATIENCE)

    run(main())


@pytest.mark.filterwarnings("error")
def test_the_end_of_the_loop_closes_what_still_lingers():
    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            await whole(transport(server.url))

    asyncio.run(main())
    gc.collect()
    assert not [lines for loop, lines in pool._lines.items() if lines and loop.is_closed()]


def test_one_transport_works_on_one_loop_after_another():
    senders = []

    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            if not senders:
                ready = openai.AsyncOpenAI(api_key=KEY, base_url=server.url)
                senders.append((ready, transport_for(_sample(), client=ready)))
            ready, sender = senders[0]
            ready.base_url = server.url
            assert await whole(sender) == b"ok"

    run(main())
    run(main())


def _sample():
    return SimpleNamespace(facts=Facts(name="sample", default_model="m"))


@pytest.mark.parametrize(
    "kind", [openai.AsyncOpenAI, openai.OpenAI, anthropic.AsyncAnthropic, anthropic.Anthropic]
)
def test_a_ready_client_carries_the_call_with_its_own_headers(kind):
    async def main():
        async with serving(answering("429 Too Many Requests", KEY.encode() + b"-mine")) as server:
            ready = kind(api_key=KEY + "-mine", base_url=server.url, default_headers={"x-team": "blue"})
            async with transport_for(_sample(), client=ready).open(CALL, connect=PATIENCE) as answer:
                assert answer.status == 429
                assert KEY.encode() not in await answer.read(100)
            assert "x-team: blue" in server.heads[0].lower()
            assert f"Bearer {KEY}-mine" in server.heads[0]
            assert len(server.heads) == 1

    run(main())


def test_a_ready_cloud_client_writes_its_own_address():
    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            ready = openai.AsyncAzureOpenAI(
                api_key=KEY, api_version="v", azure_endpoint=f"http://127.0.0.1:{server.port}"
            )
            assert await whole(transport_for(_sample(), client=ready)) == b"ok"
            assert server.heads[0].startswith("POST /openai/deployments/m/chat/completions?api-version=v ")

    run(main())


def test_a_synchronous_cloud_client_keeps_its_address():
    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            ready = openai.AzureOpenAI(
                api_key=KEY, api_version="v", azure_endpoint=f"http://127.0.0.1:{server.port}"
            )
            assert await whole(transport_for(_sample(), client=ready)) == b"ok"
            assert server.heads[0].startswith("POST /openai/deployments/m/chat/completions?api-version=v ")
            assert f"api-key: {KEY}" in server.heads[0].lower()

    run(main())


AMBIENT = {
    "OPENAI_CUSTOM_HEADERS": "x-ambient: vendor-only",
    "ANTHROPIC_CUSTOM_HEADERS": "x-ambient: vendor-only",
    "OPENAI_ORG_ID": "vendor-only",
    "OPENAI_PROJECT_ID": "vendor-only",
}


@pytest.mark.parametrize("client", CLIENTS[1:])
@pytest.mark.parametrize("own", [True, False], ids=["the vendor", "a look-alike"])
def test_what_a_client_reads_of_its_vendors_environment_goes_to_that_vendor_alone(monkeypatch, client, own):
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)

    async def main():
        async with serving(answering("200 OK", b"ok")) as server:
            name = client.partition(":")[0] if own else "lookalike"
            key = Key(KEY, host="127.0.0.1")
            await whole(Transport(Route(provider=name, client=client, base_url=server.url, key=key)))
            assert ("vendor-only" in server.heads[0]) is own
            assert ("openai-organization" in server.heads[0].lower()) is (own and "OpenAI" in client)

    run(main())


def test_something_that_is_no_client_is_refused_at_once():
    with pytest.raises(UsageError, match="client= is a dict"):
        transport_for(_sample(), client={})


def test_a_client_and_a_key_do_not_go_together():
    with pytest.raises(UsageError, match="leave out"):
        transport_for(_sample(), client=openai.AsyncOpenAI(api_key=KEY), api_key=KEY)


def test_a_body_that_is_no_json_is_a_usage_error():
    async def main():
        async with serving(answering("200 OK", b"")) as server:
            with pytest.raises(UsageError):
                async with transport(server.url).open(Call(path="/x", body={"extra": {1}}), connect=1):
                    pass
            assert not server.heads

    run(main())


def test_a_client_that_is_not_installed_is_a_usage_error():
    async def main():
        with pytest.raises(UsageError, match="no_such_module"):
            await whole(transport("http://127.0.0.1:1", "no_such_module:Client"))

    run(main())


def test_a_transport_cannot_carry_its_key_away():
    sender = transport("http://127.0.0.1:1")
    assert KEY not in repr(sender)
    assert KEY not in repr(vars(sender))
    with pytest.raises(UsageError, match="pickled"):
        pickle.dumps(sender)
    assert KEY not in repr(copy.deepcopy(sender._route))


def test_importing_the_transport_imports_no_client():
    code = "import sys, streamcell.io.transport; print({'openai', 'anthropic', 'httpx2'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "set()"
