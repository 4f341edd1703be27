"""A FastAPI app whose answers can be read again. Run: uvicorn --app-dir examples fastapi_app:app.

Ask: curl -iN --json '{"prompt": "Explain DNA"}' http://127.0.0.1:8000/answers
With APP_TOKEN set callers send it as `Authorization: Bearer TOKEN`; without, only this machine is served.
"""

import os
import secrets
from typing import Annotated

from fastapi import Body, FastAPI, Header, HTTPException, WebSocket
from fastapi.responses import StreamingResponse

from streamcell import Agent
from streamcell.serve import Guard, sse, websocket

app = FastAPI()
app.add_middleware(Guard, tokens=os.environ.get("APP_TOKEN", "").split())
agent = Agent("demo:markdown")  # any model: "openai:gpt-5-mini", "ollama:llama3.2", …
answers = {}  # an app that runs for long forgets old ones


@app.post("/answers")
async def ask(prompt: Annotated[str, Body(embed=True)]) -> StreamingResponse:
    name = secrets.token_urlsafe()
    answers[name] = agent.stream(prompt)
    return await read(name)


@app.get("/answers/{name}")
async def read(name: str, last_event_id: Annotated[str | None, Header()] = None) -> StreamingResponse:
    if name not in answers:
        raise HTTPException(404)
    events = sse(answers[name], last_event_id=last_event_id)
    return StreamingResponse(events, headers=events.headers | {"location": f"/answers/{name}"})


@app.websocket("/ws")
async def converse(socket: WebSocket) -> None:
    await websocket(agent.stream(socket.query_params["prompt"]), socket, on_leave="stop")
