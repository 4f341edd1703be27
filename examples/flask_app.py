"""A Flask app that streams answers, without an event loop. Run: flask --app examples/flask_app run.

Ask: curl -N --json '{"prompt": "Explain DNA"}' http://127.0.0.1:5000/answer
A reader who leaves stops the model. With APP_TOKEN set callers send it as `Authorization: Bearer TOKEN`.
"""

import hmac
import os

from flask import Flask, Response, abort, request

from streamcell import Agent
from streamcell.serve import sse

app = Flask(__name__)
app.config.update(MAX_CONTENT_LENGTH=1024 * 1024, TRUSTED_HOSTS=["127.0.0.1", "localhost"])
agent = Agent("demo:markdown")  # any model: "openai:gpt-5-mini", "ollama:llama3.2", …
token = os.environ.get("APP_TOKEN")


@app.before_request
def admit() -> None:
    if request.headers.get("Origin", request.host_url.rstrip("/")) != request.host_url.rstrip("/"):
        abort(403)
    if token and not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {token}"):
        abort(401)


@app.post("/answer")
def answer() -> Response:
    events = sse(agent.stream(request.get_json()["prompt"]), on_leave="stop")
    return Response(events, headers=events.headers)
