"""The providers as they stand in this environment: their usual models, and whether they can be asked.

Names of keys only; their values are looked at, never shown. Nothing is sent.
"""

from __future__ import annotations

from typing import NamedTuple

from streamcell.errors import UsageError
from streamcell.io import keys
from streamcell.io.environment import environment
from streamcell.io.local import is_running
from streamcell.io.route import address_for, host_of, is_loopback
from streamcell.providers import registry
from streamcell.providers.contract import Facts


class Standing(NamedTuple):
    """One provider. `remedy` is what makes it ready; None for one that is ready."""

    name: str
    model: str
    state: str
    remedy: str | None = None
    broken: bool = False

    @property
    def ready(self) -> bool:
        return self.remedy is None


def standings() -> list[Standing]:
    """All providers, in the order in which keys are looked for."""
    return [_standing(name) for name in registry.installed().names]


def usual() -> str:
    """The model that is asked when none is named; raises `UsageError` for a wrong one in the environment."""
    provider, model = registry.resolve(None, environment=environment, is_running=is_running)
    return f"{provider.facts.name}:{model}"


def _standing(name: str) -> Standing:
    try:
        facts = registry.installed().provider(name).facts
    except UsageError as error:
        return Standing(name, "", str(error), "repair or remove the package it comes from", broken=True)
    state, remedy = _reach(facts)
    return Standing(name, _model(name), state, remedy)


def _model(name: str) -> str:
    try:
        return registry.resolve(f"{name}:", environment=environment)[1]
    except UsageError:  # it has none: which model is there only its server knows
        return ""


def _reach(facts: Facts) -> tuple[str, str | None]:
    """How it stands, and the remedy."""
    if facts.scripted:
        return "scripted, needs no key", None
    if not facts.base_url:
        return "needs a client object", "pass client= in Python"
    return _reach_by_http(facts)


def _reach_by_http(facts: Facts) -> tuple[str, str | None]:
    moved = next((name for name in facts.base_names if environment.get(name)), None)
    at = f", address in {moved}" if moved else ""
    try:
        key = keys.find(facts.key_names, environment)
        address = address_for(facts, base_url=None, environment=environment, allow_http=False)
    except UsageError as error:
        return "cannot be asked", str(error)
    if key is not None:
        return f"key in {key.source}{at}", None
    if not is_loopback(host_of(address)):
        return f"no key{at}", f"set {' or '.join(facts.key_names)}"
    if is_running(facts):
        return f"running on this computer{at}", None
    return f"not running{at}", "start its server"
