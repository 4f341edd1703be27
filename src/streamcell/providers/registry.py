"""Which provider a model name means, and what that provider takes.

Names come from the entry-point group ``streamcell.providers``, ours included; a table of our own stands in
where the package is not installed. A provider's module is imported when it is first named, and no other with
it. This module opens no socket: that an Ollama is running is told to it.
"""

from __future__ import annotations

import difflib
import functools
import importlib
import re
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from streamcell.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streamcell.messages import Request
    from streamcell.providers.contract import Facts, Provider

GROUP = "streamcell.providers"

BUILT_IN: Mapping[str, str] = {
    "openai": "streamcell.providers.openai:openai",
    "anthropic": "streamcell.providers.anthropic:anthropic",
    "gemini": "streamcell.providers.gemini:gemini",
    "groq": "streamcell.providers.lookalikes:groq",
    "openrouter": "streamcell.providers.lookalikes:openrouter",
    "deepseek": "streamcell.providers.lookalikes:deepseek",
    "mistral": "streamcell.providers.lookalikes:mistral",
    "together": "streamcell.providers.lookalikes:together",
    "xai": "streamcell.providers.lookalikes:xai",
    "openai-responses": "streamcell.providers.responses:responses",
    "ollama": "streamcell.providers.ollama:ollama",
    "vllm": "streamcell.providers.lookalikes:vllm",
    "llamacpp": "streamcell.providers.lookalikes:llamacpp",
    "lmstudio": "streamcell.providers.lookalikes:lmstudio",
    "azure": "streamcell.providers.lookalikes:azure",
    "demo": "streamcell.providers.demo:demo",
}
"""Our own providers, name to `module:attribute`, in the order in which keys are looked for."""

LOCAL = "ollama"
FALLBACK = "demo"
COMPATIBLE = "openai"
"""Whose dialect a server of the user's own speaks, unless more is said."""

_WELL_KNOWN = (
    (re.compile(r"gpt-|chatgpt-|o[134](-|$)|ft:(gpt-|o[134]-)"), "openai"),
    (re.compile(r"claude-"), "anthropic"),
    (re.compile(r"gemini-"), "gemini"),
)
_CHECKED = (
    "temperature",
    "max_tokens",
    "top_p",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "tools",
    "schema",
)


def _never(_facts: Facts) -> bool:
    return False


class Registry:
    """The providers of one table (name to `module:attribute`); each is loaded once, when first named."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = dict(table)
        self._loaded: dict[str, Provider] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The providers' names, in the order in which keys are looked for."""
        return tuple(self._table)

    def provider(self, name: str) -> Provider:
        """The provider of that name; raises `UsageError` when there is none or it cannot be loaded."""
        if name not in self._table:
            raise UsageError(f"there is no provider {name!r}; known: {', '.join(self._table)}")
        if name not in self._loaded:
            self._loaded[name] = _load(name, self._table[name])
        return self._loaded[name]

    def resolve(
        self,
        model: str | None,
        *,
        environment: Mapping[str, str],
        is_running: Callable[[Facts], bool] = _never,
        usual: str | None = None,
    ) -> tuple[Provider, str]:
        """The provider and the model id that `model` means; see the module's `resolve`."""
        if not model:
            name = usual or self._unnamed(environment, is_running=is_running)
            return self.provider(name), self._default_model(name, environment)
        left, mark, right = _split(model)
        if left.lower() in self._table:
            provider = self.provider(left.lower())
            return provider, right or self._default_model(left.lower(), environment)
        known = _vendor_of(model) or usual
        if known is None and not mark and environment.get("LLM_PROVIDER"):
            known = self._unnamed(environment, is_running=is_running)
        if known in self._table:
            return self.provider(known), model
        raise UsageError(self._unknown(left, model))

    def of_client(self, package: str) -> str | None:
        """The first provider whose calls clients of this package carry; None when there is none."""
        for name in self._table:
            if self.provider(name).facts.client.partition(":")[0] == package:
                return name
        return None

    def _unnamed(self, environment: Mapping[str, str], *, is_running: Callable[[Facts], bool]) -> str:
        chosen = environment.get("LLM_PROVIDER", "").strip().lower()
        if chosen:
            if chosen not in self._table:
                raise UsageError(f"LLM_PROVIDER is {chosen!r}, no provider; known: {', '.join(self._table)}")
            return chosen
        for name in self._table:
            if any(environment.get(key, "").strip() for key in self.provider(name).facts.key_names):
                return name
        running = LOCAL in self._table and is_running(self.provider(LOCAL).facts)
        return LOCAL if running else FALLBACK

    def _default_model(self, name: str, environment: Mapping[str, str]) -> str:
        variable = f"{name.upper().replace('-', '_')}_MODEL"
        model = environment.get(variable, "").strip() or self.provider(name).facts.default_model
        if not model:
            raise UsageError(f"{name} has no default model; type {name}:MODEL, or set {variable}")
        return model

    def _unknown(self, left: str, model: str) -> str:
        near = difflib.get_close_matches(left.lower(), self._table, n=1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        return (
            f"{left!r} names no provider{hint}; type PROVIDER:{model} with one of {', '.join(self._table)},"
            " or a provider alone for its default model"
        )


def resolve(
    model: str | None,
    *,
    environment: Mapping[str, str],
    is_running: Callable[[Facts], bool] = _never,
    usual: str | None = None,
) -> tuple[Provider, str]:
    """The provider and the model id that `model` means.

    `provider:model` or `provider/model` (split at the first mark, and only after a known provider), a
    provider alone, or a well-known model name. Without one: LLM_PROVIDER, else the first provider whose key
    is in `environment`, else a running Ollama (`is_running` is asked), else the scripted demo. A model left
    open is `<PROVIDER>_MODEL`, else the provider's default. `usual` is the provider of a model that is not
    named, or whose name does not say it. Raises `UsageError` for a name without meaning.
    """
    return installed().resolve(model, environment=environment, is_running=is_running, usual=usual)


def of_client(package: str) -> str | None:
    """The provider that a client object of this package is for, unless its model says another."""
    return installed().of_client(package)


@functools.cache
def installed() -> Registry:
    """The registry of this Python environment; read once. A plugin never replaces a provider of ours."""
    found = {entry.name: entry.value for entry in entry_points(group=GROUP)}
    return Registry({**BUILT_IN, **{name: value for name, value in found.items() if name not in BUILT_IN}})


def check_parameters(provider: Provider, request: Request) -> None:
    """Raise `UsageError` naming the first parameter of `request` that `provider` does not take."""
    facts = provider.facts
    for name in _CHECKED:
        value = getattr(request, name)
        if value is None or value == ():
            continue
        refusing = _refusing(facts, request.model, name)
        if refusing:
            raise UsageError(
                f"{refusing} does not take {name}=; leave it out, or send it all the same"
                f" with extra={{{name!r}: ...}}"
            )


def _refusing(facts: Facts, model: str, name: str) -> str | None:
    """Who does not take the parameter: the provider, or this one of its models; None when both do."""
    if name not in facts.parameters:
        return facts.name
    patterns = (pattern for pattern, names in facts.refused.items() if name in names)
    return f"{facts.name}:{model}" if any(re.match(pattern, model) for pattern in patterns) else None


def _split(model: str) -> tuple[str, str, str]:
    mark = re.search(r"[:/]", model)
    return model.partition(mark.group()) if mark else (model, "", "")


def _vendor_of(model: str) -> str | None:
    return next((name for pattern, name in _WELL_KNOWN if pattern.match(model)), None)


def _load(name: str, target: str) -> Provider:
    module, _, attribute = target.partition(":")
    try:
        provider: Provider = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
    else:
        return provider
    raise UsageError(f"provider {name!r} cannot be loaded from {target}: {reason}")
