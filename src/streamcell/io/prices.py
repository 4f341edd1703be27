"""What a model costs, from the price list of the optional package `genai-prices`.

The list that the package brings is read, on first use; nothing is downloaded and no thread is started. Prices
are those of the standard tier, in US dollars. What the list does not know stays unknown: None, never a guess.
This module knows no run and no budget.
"""

from __future__ import annotations

import functools
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamcell.core.turn_usage import Price, Pricing
from streamcell.events import Usage

if TYPE_CHECKING:
    from genai_prices import Usage as Billed


class _Vendor(NamedTuple):
    """How the list names a provider of ours, and which of its readers knows the provider's usage object."""

    id: str
    reader: str | None = "chat"
    root: str = "usage"
    cached_apart: bool = False
    """Cached tokens are not among the input tokens."""
    says_cost: bool = False
    """The usage object holds what was charged, as OpenRouter's does (its "usage accounting", 2026-01)."""


_VENDORS: Final[dict[str, _Vendor]] = {
    "anthropic": _Vendor("anthropic", "default", cached_apart=True),
    "azure": _Vendor("azure"),
    "deepseek": _Vendor("deepseek"),
    "gemini": _Vendor("google", "default", root="usageMetadata"),
    "groq": _Vendor("groq", "default"),
    "mistral": _Vendor("mistral", "default"),
    "openai": _Vendor("openai"),
    "openai-responses": _Vendor("openai", "responses"),
    "openrouter": _Vendor("openrouter", says_cost=True),
    "together": _Vendor("together", None),
    "xai": _Vendor("x-ai"),
}


class _ListPrice:
    """The price of one model of the list; `model` is None for one that only the provider can price."""

    def __init__(self, vendor: _Vendor, model: str | None) -> None:
        self._vendor = vendor
        self._model = model

    def __call__(self, usage: Usage) -> float | None:
        charged = _charged(usage.raw or {}) if self._vendor.says_cost else None
        if charged is not None or self._model is None:
            return charged
        from genai_prices import calc_price  # noqa: PLC0415 - optional, and 0.1 s to load

        try:
            billed = self._billed(usage)
            if billed is None:
                return None
            return _amount(float(calc_price(billed, self._model, provider_id=self._vendor.id).total_price))
        except Exception:  # noqa: BLE001 - it reads the provider's own object, which may hold anything
            return None

    def _billed(self, usage: Usage) -> Billed | None:
        """The provider's own object as the list reads it, else our counts, if both are known."""
        from genai_prices import Usage as Billed  # noqa: PLC0415 - optional
        from genai_prices import extract_usage  # noqa: PLC0415 - optional

        cached = usage.cached_tokens or 0
        vendor, reader = self._vendor, self._vendor.reader
        if usage.raw and reader is not None:
            answer = {vendor.root: usage.raw}
            try:
                read = extract_usage(answer, provider_id=vendor.id, api_flavor=reader).usage
            except ValueError:
                pass  # a server that fills the object in its own way
            else:
                if cached and not read.reported_value("cache_read_tokens"):
                    read += Billed(cache_read_tokens=cached)
                return read
        if usage.input_tokens is None or usage.output_tokens is None:
            return None
        apart = cached if vendor.cached_apart else 0
        return Billed(
            input_tokens=usage.input_tokens + apart,
            cache_read_tokens=cached,
            output_tokens=usage.output_tokens,
        )


def price_for(provider: str, model: str) -> Price | None:
    """The price of a model by our names for both; None when it is unknown or the package is not installed."""
    vendor = _VENDORS.get(provider)
    name = model.removeprefix("models/")
    if vendor is None or not _installed() or not _is_listed(vendor.id, name):
        return None
    return _ListPrice(vendor, name)


def pricing_for(provider: str, model: str) -> Pricing:
    """Prices for the answers to a request: of the model that says it answers, else of the one asked.

    An answer may come from another model: behind a router, from a deployment with a name of its own, or from
    the fallback. Looks nothing up before it is called.
    """

    def price(answering_provider: str, answering_model: str) -> Price | None:
        found = price_for(answering_provider, answering_model)
        if found is None and answering_provider == provider:
            found = price_for(provider, model)
        return found or _own_price(answering_provider)

    return price


def missing_reason(provider: str, model: str) -> str:
    """Why `price_for` knows nothing, in half a line that says what to do, where that is known."""
    unknown = f"no price is known for {provider}:{model}"
    if provider not in _VENDORS:
        return f"{unknown} (there are no list prices for {provider})"
    if not _installed():
        return f"{unknown} (the price list is not installed: pip install streamcell[prices])"
    return f"{unknown} (the installed price list does not name it; try pip install -U genai-prices)"


def _own_price(provider: str) -> Price | None:
    vendor = _VENDORS.get(provider)
    return _ListPrice(vendor, None) if vendor is not None and vendor.says_cost else None


def _charged(raw: dict[str, Any]) -> float | None:
    """What OpenRouter says it charged; with a key of the user's own the vendor behind it charges, too."""
    cost = _amount(raw.get("cost"))
    if cost is None or raw.get("is_byok") is not True:
        return cost
    details = raw.get("cost_details")
    upstream = _amount(details.get("upstream_inference_cost")) if isinstance(details, dict) else None
    return None if upstream is None else cost + upstream


def _amount(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= sys.float_info.max else None


def _installed() -> bool:
    return find_spec("genai_prices") is not None


@functools.lru_cache(maxsize=256)
def _is_listed(vendor: str, model: str) -> bool:
    """Whether the list has a price for the model's tokens; one without any price is free."""
    from genai_prices import Usage as Billed  # noqa: PLC0415 - optional
    from genai_prices import calc_price  # noqa: PLC0415 - optional

    try:
        price = calc_price(Billed(), model, provider_id=vendor).model_price
    except (ValueError, LookupError):
        return False
    free = not any(value is not None for value in vars(price).values())
    return free or (price.input_mtok is not None and price.output_mtok is not None)
