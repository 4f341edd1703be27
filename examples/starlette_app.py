"""A Starlette app that streams answers. Run: uvicorn --app-dir examples starlette_app:app.

Ask: curl -N 'http://127.0.0.1:8000/answer?prompt=Explain%20DNA'
A reader who leaves stops the model. With APP_TOKEN set callers send it as `Authorization: Bearer TOKEN`;
without, only this machine is served.
"""

import os

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from streamcell import Agent
from streamcell.serve import Guard, sse, websocket

agent = Agent("demo:markdown")  # any model: "openai:gpt-5-mini", "ollama:llama3.2", …


async def answer(request: Request) -> StreamingResponse:
    events = sse(agent.stream(request.query_params["prompt"]), on_leave="stop")
    return StreamingResponse(events, headers=events.headers)


async def converse(socket: WebSocket) -> None:
    await socket.accept()
    async for prompt in socket.iter_text():
        await websocket(agent.stream(prompt), socket, on_leave="stop")


routes = [Route("/answer", answer), WebSocketRoute("/ws", converse)]
guard = Middleware(Guard, tokens=os.environ.get("APP_TOKEN", "").split())
app = Starlette(routes=routes, middleware=[guard])
