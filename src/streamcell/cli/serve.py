"""`streamcell serve`: answers over HTTP until Ctrl-C. The server is `streamcell.serve`, an extra."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from streamcell import choice, serve
from streamcell.cli import WELL
from streamcell.errors import UsageError
from streamcell.io.environment import environment
from streamcell.notebook.call_options import OptionParser, refuse_keys

_LAST_PORT: Final = 65_535
_LEAVING: Final = ("go_on", "stop")


def run(words: Sequence[str]) -> int:
    """Serve; raises `UsageError` for what cannot be served, and without the extra."""
    refuse_keys(words, kept="a command line, where others of this computer see it", option="--token-env")
    said = _parser().parse_args(words)
    serve.run(
        said.models or (_usual(),),
        host=said.host,
        port=said.port,
        token_env=said.token_env,
        origins=said.origins,
        on_leave=said.on_leave,
        log=_log(said.log, said.log_env),
    )
    return WELL


def _log(address: str | None, variable: str | None) -> str | None:
    """The address of the log that workers share, as it was given or from the variable of this name."""
    if variable is not None:
        address = environment.get(variable)
        if not address:
            raise UsageError(f"--log-env: the environment variable {variable} holds no address")
    elif address is not None and "@" in address:
        raise UsageError(
            "a password never goes into a command line, where others of this computer see it: put the address"
            " of the log into an environment variable, named with --log-env"
        )
    return address


def _usual() -> str:
    provider, model = choice.resolve(None, {})
    return f"{provider.facts.name}:{model}"


def _port(word: str) -> int:
    port = int(word)
    if not 0 <= port <= _LAST_PORT:
        raise ValueError(word)
    return port


def _parser() -> OptionParser:
    parser = OptionParser(
        "streamcell serve",
        where="`streamcell serve --help` shows the options",
        description="Streams over HTTP: POST /v1/streams (events as they come), GET /v1/ws (the same over a"
        " WebSocket), POST /v1/chat/completions (as OpenAI's), GET /healthz and /metrics.",
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", metavar="HOST", help="address to listen at; 127.0.0.1 unless said")
    add("--port", type=_port, default=8080, metavar="PORT", help="port to listen at; 8080 unless said")
    add(
        "-m",
        "--model",
        dest="models",
        action="append",
        default=[],
        metavar="MODEL",
        help="a model to offer; may be repeated, the first one answers where none is named",
    )
    add("--token-env", metavar="NAME", help="environment variable that holds the token callers must send")
    add(
        "--origin",
        dest="origins",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a page's origin, such as https://example.org, that may read answers; may be repeated",
    )
    add(
        "--on-leave",
        choices=_LEAVING,
        default=_LEAVING[0],
        help="what becomes of an answer that its last reader left; go_on unless said",
    )
    add(
        "--log",
        metavar="ADDRESS",
        help="a Redis, such as redis://host:6379; servers that name the same one resume each other's streams",
    )
    add("--log-env", metavar="NAME", help="environment variable that holds that address, with its password")
    return parser
