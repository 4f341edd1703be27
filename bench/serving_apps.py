"""The two servers that are compared, each in a process: ``ours`` or ``control``, a port, the model's address.

The control is what people write: FastAPI's StreamingResponse around the openai client.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import uvicorn

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MANY = 1_000_000


def ours(address: str, names: list[str]) -> Any:
    from streamcell import Agent  # noqa: PLC0415 - each process loads what it measures
    from streamcell.serve import Limits, create_app  # noqa: PLC0415 - the same

    models = [Agent(f"openai:{name}", name=name, base_url=address, api_key="none") for name in names]
    return create_app(models, limits=Limits(streams=MANY, starts_per_minute=MANY, kept=8))


def control(address: str, _names: list[str]) -> Any:
    import openai  # noqa: PLC0415 - the same
    from fastapi import FastAPI  # noqa: PLC0415 - the same
    from fastapi.responses import StreamingResponse  # noqa: PLC0415 - the same

    app = FastAPI()
    client = openai.AsyncOpenAI(base_url=address, api_key="none")

    @app.post("/v1/streams")
    async def ask(asked: dict[str, str]) -> StreamingResponse:
        messages = [{"role": "user", "content": asked["prompt"]}]

        async def pieces() -> AsyncIterator[str]:
            chunks = await client.chat.completions.create(
                model=asked["model"], messages=messages, stream=True
            )
            async for chunk in chunks:
                if chunk.choices and (text := chunk.choices[0].delta.content):
                    yield f"data: {text}\n\n"

        return StreamingResponse(pieces(), media_type="text/event-stream")

    return app


if __name__ == "__main__":
    kind, port, model, *offered = sys.argv[1:]
    app = {"ours": ours, "control": control}[kind](model, offered)
    uvicorn.run(app, port=int(port), log_level="error")
