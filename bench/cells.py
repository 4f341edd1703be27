"""The contestants in a kernel, each as the cell a user would write. The model is ours and takes any key."""

from __future__ import annotations

FLOOR = """
import json, httpx2
async def _read():
    body = {{"model": {model!r}, "stream": True, "messages": [{{"role": "user", "content": "Hi"}}]}}
    size = 0
    async with httpx2.AsyncClient(timeout=60) as http:
        async with http.stream("POST", {url!r} + "/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {{"):
                    choices = json.loads(line[6:])["choices"]
                    size += len(choices[0]["delta"].get("content") or "") if choices else 0
    return size
await _read();
"""

PRINT = """
from openai import OpenAI
with OpenAI(base_url={url!r}, api_key="none", max_retries=0) as _client:
    _request = dict(model={model!r}, messages=[{{"role": "user", "content": "Hi"}}], stream=True)
    for _chunk in _client.chat.completions.create(**_request):
        if _chunk.choices:
            print(_chunk.choices[0].delta.content or "", end="", flush=True)
"""

WIDGET = """%%stream openai:{model} --base-url {url} --display widget {options}
Hi
"""

LOAD = "%load_ext streamcell"

# The control of the page: the same stream as plain text, sent and appended sixty times a second.
PLAIN = """
import asyncio, json, anywidget, httpx2
from IPython.display import display
class _Plain(anywidget.AnyWidget):
    _esm = '''export default {{ render({{ model, el }}) {{
        const node = document.createElement("div");
        node.style.whiteSpace = "pre-wrap";
        el.append(node);
        model.on("msg:custom", (text) => {{ node.textContent += text; }});
    }} }}'''
async def _show():
    widget, ready, over = _Plain(), [], False
    display(widget)
    await asyncio.sleep(0.5)  # the page makes its view; what is sent before is lost
    async def send():
        while ready or not over:
            if ready:
                widget.send("".join(ready))
                ready.clear()
            await asyncio.sleep(1 / 60)
    sending = asyncio.create_task(send())
    body = {{"model": {model!r}, "stream": True, "messages": [{{"role": "user", "content": "Hi"}}]}}
    async with httpx2.AsyncClient(timeout=60) as http:
        async with http.stream("POST", {url!r} + "/chat/completions", json=body) as answer:
            async for line in answer.aiter_lines():
                if line.startswith("data: {{"):
                    choices = json.loads(line[6:])["choices"]
                    ready.append(choices[0]["delta"].get("content") or "" if choices else "")
    over = True
    await sending
await _show();
"""
