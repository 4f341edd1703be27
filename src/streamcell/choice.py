"""Which provider and model the options mean, and what carries the calls there. Nothing is opened."""

from __future__ import annotations

from streamcell import playback
from streamcell.errors import UsageError
from streamcell.io.demo_server import DemoTransport
from streamcell.io.environment import environment
from streamcell.io.local import is_running
from streamcell.io.transport import transport_for
from streamcell.options import Options
from streamcell.providers import registry
from streamcell.providers.contract import Provider
from streamcell.run import Link


def resolve(model: str | None, options: Options) -> tuple[Provider, str]:
    """The provider and its model; where nobody named one a recording that is to be replayed knows it."""
    if not isinstance(model, str | None):
        raise UsageError(f"a model is named as text, provider:model, not {model!r}")
    chosen = model or playback.unnamed_model(options.get("replay"))
    usual = _usual(options)
    if not chosen and usual is None and options.get("api_key") is not None:
        raise UsageError("api_key= needs a model to go with: name it as provider:model")
    provider, name = named(chosen, usual=usual)
    if provider.facts.scripted and (options.get("client") or options.get("api_key")):
        raise UsageError(f"{provider.facts.name} is scripted and asks nobody; leave out client= and api_key=")
    return provider, name


def named(model: str | None, *, usual: str | None = None) -> tuple[Provider, str]:
    """The provider and its model by name; `usual` is the provider where the name does not tell."""
    return registry.resolve(model, environment=environment, is_running=is_running, usual=usual)


def link(provider: Provider, options: Options) -> Link:
    """What carries the calls to this provider; raises `UsageError` for a missing key."""
    if provider.facts.scripted and not options.get("base_url"):
        return DemoTransport(provider)
    return transport_for(
        provider,
        base_url=options.get("base_url"),
        api_key=options.get("api_key"),
        client=options.get("client"),
        allow_http=options.get("allow_http", False),
        environment=environment,
    )


def _usual(options: Options) -> str | None:
    """The provider that an option means where the name of the model does not: a client, or an address."""
    client = options.get("client")
    if client is not None:
        package = type(client).__module__.partition(".")[0]
        return registry.of_client(package)
    compatible = options.get("base_url") and not environment.get("LLM_PROVIDER")
    return registry.COMPATIBLE if compatible else None
