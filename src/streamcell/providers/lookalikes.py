"""Servers that speak Chat Completions without being OpenAI: one row each, no code.

A row says where the server is, which variables name its key and address, which model it answers with when
none is named, and what it refuses. How the dialect is written and read is `openai`'s business. A server that
is not listed needs no row: `openai` with a `base_url=` reaches it.

A default model is a convenience that vendors retire: `<ROW>_MODEL` replaces it.
"""

from __future__ import annotations

from typing import Final

from streamcell.providers.contract import Facts
from streamcell.providers.openai import PARAMETERS, ChatCompletions


def _row(
    name: str,
    base_url: str | None,
    model: str = "",
    *,
    keyed: bool = True,
    asks_usage: bool = True,
    parameters: frozenset[str] = PARAMETERS,
) -> ChatCompletions:
    """A look-alike: its own name gives the names of its variables."""
    upper = name.upper()
    return ChatCompletions(
        Facts(
            name=name,
            default_model=model,
            client="openai:AsyncOpenAI" if base_url else "",
            key_names=(f"{upper}_API_KEY",) if keyed else (),
            base_names=(f"{upper}_BASE_URL",) if base_url else (),
            base_url=base_url,
            delta_event="chat.completion.chunk",
            parameters=parameters,
        ),
        asks_usage=asks_usage,
    )


# DeepSeek knows JSON, but no schema (api-docs.deepseek.com, "JSON Output").
deepseek: Final = _row(
    "deepseek", "https://api.deepseek.com/v1", "deepseek-chat", parameters=PARAMETERS - {"schema"}
)
groq: Final = _row("groq", "https://api.groq.com/openai/v1", "openai/gpt-oss-120b")
# Mistral reports usage unasked and refuses `stream_options` (openai/openai-agents-python#442).
mistral: Final = _row("mistral", "https://api.mistral.ai/v1", "mistral-small-latest", asks_usage=False)
openrouter: Final = _row("openrouter", "https://openrouter.ai/api/v1", "openrouter/auto")
together: Final = _row("together", "https://api.together.xyz/v1", "meta-llama/Llama-3.3-70B-Instruct-Turbo")
xai: Final = _row("xai", "https://api.x.ai/v1", "grok-4")

# On this computer: loopback needs no key. Which model is loaded only the server knows; llama.cpp serves
# one and ignores the name.
llamacpp: Final = _row("llamacpp", "http://127.0.0.1:8080/v1", "default")
lmstudio: Final = _row("lmstudio", "http://127.0.0.1:1234/v1")
vllm: Final = _row("vllm", "http://127.0.0.1:8000/v1")

# Address, key and API version are a deployment's own: they come with the user's client object.
azure: Final = _row("azure", None, keyed=False)
