"""What a caller may say in a request, and nothing else: no base URL, no key, no file, no tool.

Unknown fields are refused by name, so that no option is lost in silence.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec
from msgspec.json import Decoder
from starlette.requests import Request

from streamcell.core.prompt import Prompt
from streamcell.errors import UsageError
from streamcell.options import Options
from streamcell.serve.refusals import refused

Body = TypeVar("Body")


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /v1/streams``: `prompt` or `messages`, and the options of `streamcell.stream`.

    Without `model` the first of the server's models answers.
    """

    prompt: str | None = None
    messages: list[dict[str, Any]] | None = None
    model: str | None = None
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    top_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: str | list[str] | None = None

    def said(self) -> Prompt:
        """What the model is asked; raises `UsageError` when that is not said in exactly one way."""
        if (self.prompt is None) == (self.messages is None):
            raise UsageError("give either 'prompt' or 'messages'")
        return self.prompt or self.messages or ""

    def options(self) -> Options:
        """The options that were given."""
        return given(
            system=self.system,
            temperature=self.temperature,
            max_tokens=self.max_tokens,
            top_p=self.top_p,
            frequency_penalty=self.frequency_penalty,
            presence_penalty=self.presence_penalty,
            stop=[self.stop] if isinstance(self.stop, str) else self.stop,
        )


def given(**options: Any) -> Options:
    """Those that are not None: the others keep the values of the model's configuration."""
    return cast("Options", {name: value for name, value in options.items() if value is not None})


async def read(request: Request, decoder: Decoder[Body]) -> Body:
    """The JSON body of a request; raises the refusal (400, 415) when it says nothing of this kind."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise refused(415, f"the body is JSON: send Content-Type: application/json, not {media_type[:80]!r}")
    return decoded(await request.body(), decoder)


def decoded(text: bytes | str, decoder: Decoder[Body]) -> Body:
    """What `text` says; raises the refusal (400)."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        raise refused(400, f"the request is not understood: {error}"[:400]) from None
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise refused(400, f"the body is not valid JSON: {error}"[:400]) from None
