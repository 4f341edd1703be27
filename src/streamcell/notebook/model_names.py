"""Names of models that Tab offers: a help while typing, never a limit on what can be asked.

Nothing is fetched. Such a list ages; a name that is missing is sent all the same when it is typed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from streamcell.errors import UsageError
from streamcell.providers import registry
from streamcell.providers.demo_scripts import MODELS

# 2026-11
_WELL_KNOWN = {
    "openai": ("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-4.1", "gpt-4.1-mini", "gpt-4o", "gpt-4o-mini"),
    "openai-responses": ("gpt-5", "gpt-5-mini", "gpt-5-nano", "gpt-5-pro"),
    "anthropic": ("claude-sonnet-5", "claude-opus-5", "claude-haiku-4-5", "claude-sonnet-4-5"),
    "gemini": ("gemini-flash-latest", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite"),
    "groq": ("openai/gpt-oss-120b", "openai/gpt-oss-20b", "llama-3.3-70b-versatile"),
    "deepseek": ("deepseek-chat", "deepseek-reasoner"),
    "mistral": ("mistral-small-latest", "mistral-medium-latest", "mistral-large-latest"),
    "xai": ("grok-4", "grok-3-mini"),
    "demo": tuple(MODELS),
}


def model_names(begun: str, *, asked: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """The names that `begun` may become: providers, and once one is named its models.

    `asked` are models that were used before; they come first.
    """
    named, mark, _ = begun.partition(":")
    before = [model for model in asked if begun and model.startswith(begun)]
    if mark:
        models = _models(named.lower(), environment)
        return list(dict.fromkeys([*before, *(f"{named}:{model}" for model in models)]))
    providers = [f"{name}:" for name in registry.installed().names]
    own = _own_names() if begun else []
    return list(dict.fromkeys([*before, *providers, *own]))


def _own_names() -> list[str]:
    """The names that tell their provider by themselves."""
    pairs = [(provider, model) for provider, models in _WELL_KNOWN.items() for model in models]
    return [model for provider, model in pairs if _provider_of(model) == provider]


def _provider_of(model: str) -> str | None:
    try:
        return registry.installed().resolve(model, environment={})[0].facts.name
    except UsageError:
        return None


def _models(provider: str, environment: Mapping[str, str]) -> list[str]:
    known = list(_WELL_KNOWN.get(provider, ()))
    with contextlib.suppress(UsageError):  # a provider without a default, or a plugin that is broken
        known.insert(0, registry.installed().resolve(f"{provider}:", environment=environment)[1])
    return known
