"""`streamcell models`: the providers, or the names of models that are known of one. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Sequence

from streamcell.cli import WELL
from streamcell.cli.providers import Standing, standings, usual
from streamcell.core.visible import visible
from streamcell.errors import UsageError
from streamcell.io.environment import environment
from streamcell.notebook.call_options import OptionParser
from streamcell.notebook.model_names import model_names
from streamcell.providers import registry


def run(words: Sequence[str]) -> int:
    """Print the providers; of one that is named, its models."""
    provider = _parser().parse_args(words).provider
    print(visible(_known(provider) if provider else _all()))  # noqa: T201 - the answer
    return WELL


def _parser() -> OptionParser:
    parser = OptionParser(
        "streamcell models",
        where="`streamcell models --help` shows what it takes",
        description="Any model can be asked as PROVIDER:MODEL, also one that is not listed.",
    )
    parser.add_argument("provider", nargs="?", metavar="PROVIDER", help="list the models known of this one")
    return parser


def _all() -> str:
    found = standings()
    rows = [(one.name, one.model or "-", _state(one)) for one in found]
    name, model = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"{row[0]:<{name}}  {row[1]:<{model}}  {row[2]}" for row in rows]
    demos = ", ".join(_names("demo"))
    return "\n".join([*lines, "", f"scripted: {demos}", f"without -m: {_usual()}"])


def _usual() -> str:
    try:
        return usual()
    except UsageError as error:
        return str(error)


def _state(one: Standing) -> str:
    return one.state if one.ready else f"{one.state}: {one.remedy}"


def _known(provider: str) -> str:
    name = provider.rstrip(":").lower()
    registry.installed().provider(name)
    known = _names(name)
    if not known:
        raise UsageError(f"no model of {name} is known here; ask its server, and type {name}:MODEL")
    return "\n".join(known)


def _names(provider: str) -> list[str]:
    return model_names(f"{provider}:", asked=(), environment=environment)
