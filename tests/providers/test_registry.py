"""Model names and what they mean, on a table of the test's own."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import streamcell
from streamcell.errors import UsageError
from streamcell.messages import Request
from streamcell.providers.contract import Facts
from streamcell.providers.registry import BUILT_IN, Registry, check_parameters, installed


def _sample(name: str, *keys: str, model: str = "default") -> SimpleNamespace:
    facts = Facts(
        name=name, default_model=model, key_names=keys, parameters=frozenset({"temperature", "stop"})
    )
    return SimpleNamespace(facts=facts)


openai = _sample("openai", "OPENAI_API_KEY")
anthropic = _sample("anthropic", "ANTHROPIC_API_KEY")
gemini = _sample("gemini", "GEMINI_API_KEY", "GOOGLE_API_KEY")
openrouter = _sample("openrouter", "OPENROUTER_API_KEY")
ollama = _sample("ollama")
my_server = _sample("my-server", model="")
demo = _sample("demo", model="markdown")

TABLE = {
    name: f"{__name__}:{name.replace('-', '_')}"
    for name in ("openai", "anthropic", "gemini", "openrouter", "ollama", "my-server", "demo")
}


def means(model: str | None, *, has_ollama: bool = False, **environment: str) -> tuple[str, str]:
    registry = Registry(TABLE)
    provider, name = registry.resolve(model, environment=environment, is_running=lambda _: has_ollama)
    return provider.facts.name, name


@pytest.mark.parametrize(
    ("model", "meaning"),
    [
        ("openai:gpt-5-mini", ("openai", "gpt-5-mini")),
        ("anthropic/claude-x", ("anthropic", "claude-x")),
        ("ollama:gpt-oss:120b", ("ollama", "gpt-oss:120b")),
        ("openrouter:openai/gpt-4o", ("openrouter", "openai/gpt-4o")),
        ("openrouter/openai/gpt-4o:free", ("openrouter", "openai/gpt-4o:free")),
        ("OpenAI:never-heard-of", ("openai", "never-heard-of")),
        ("openai", ("openai", "default")),
        ("openai:", ("openai", "default")),
        ("gpt-5", ("openai", "gpt-5")),
        ("chatgpt-4o-latest", ("openai", "chatgpt-4o-latest")),
        ("o1", ("openai", "o1")),
        ("o3-mini", ("openai", "o3-mini")),
        ("claude-opus", ("anthropic", "claude-opus")),
        ("gemini-flash", ("gemini", "gemini-flash")),
    ],
)
def test_a_name_means_a_provider_and_a_model(model, meaning):
    assert means(model) == meaning


@given(name=st.sampled_from(sorted(TABLE)), mark=st.sampled_from(":/"), model=st.text(min_size=1))
def test_a_model_id_after_a_known_provider_is_never_changed(name, mark, model):
    assert means(f"{name}{mark}{model}") == (name, model)


def test_a_bare_provider_takes_its_model_from_the_environment():
    assert means("my-server", MY_SERVER_MODEL="mine") == ("my-server", "mine")


def test_a_provider_without_a_default_asks_for_a_model():
    with pytest.raises(UsageError, match="type my-server:MODEL, or set MY_SERVER_MODEL"):
        means("my-server")


def test_the_environment_names_provider_and_model():
    assert means(None, LLM_PROVIDER="Anthropic", ANTHROPIC_MODEL="m", OPENAI_API_KEY="k") == (
        "anthropic",
        "m",
    )


def test_an_unknown_provider_in_the_environment_is_named():
    with pytest.raises(UsageError, match="LLM_PROVIDER is 'nobody'"):
        means(None, LLM_PROVIDER="nobody")


@pytest.mark.parametrize(
    ("environment", "name"),
    [
        ({"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}, "openai"),
        ({"OPENAI_API_KEY": " ", "ANTHROPIC_API_KEY": "k"}, "anthropic"),
        ({"GOOGLE_API_KEY": "k"}, "gemini"),
    ],
)
def test_the_first_provider_with_a_key_is_taken(environment, name):
    assert means(None, **environment) == (name, "default")


def test_a_running_ollama_comes_before_the_demo_and_after_a_key():
    assert means(None, has_ollama=True) == ("ollama", "default")
    assert means(None) == ("demo", "markdown")
    assert means(None, has_ollama=True, OPENAI_API_KEY="k")[0] == "openai"


@pytest.mark.parametrize("model", ["mystery", "meta-llama/Llama-3", "o5", "gpt"])
def test_a_name_that_means_nothing_lists_the_providers_and_what_to_type(model):
    with pytest.raises(UsageError, match="openai, anthropic, gemini") as caught:
        means(model)
    assert f"PROVIDER:{model}" in str(caught.value)


def test_a_misspelt_provider_is_recognised():
    with pytest.raises(UsageError, match="did you mean 'anthropic'"):
        means("antropic:claude-x")


def test_resolving_one_provider_loads_no_other():
    table = {**TABLE, "broken": "no_such_module:provider"}
    assert Registry(table).resolve("openai", environment={})[0] is openai
    with pytest.raises(UsageError, match="'broken' cannot be loaded"):
        Registry(table).resolve("broken:m", environment={})


def test_our_own_providers_are_known_without_an_installed_package():
    assert set(BUILT_IN) <= set(installed().names)
    assert {name: installed()._table[name] for name in BUILT_IN} == BUILT_IN


def test_the_registry_imports_no_provider_and_no_client():
    code = (
        "import sys, streamcell.providers.registry as registry; registry.installed();"
        "print({name for name in sys.modules if name in {'openai', 'anthropic', 'asyncio'}"
        " or name.startswith('streamcell.providers.')} - {'streamcell.providers.registry'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _request(**options: object) -> Request:
    return Request(provider="openai", model="m", messages=(), **options)


def test_parameters_a_provider_takes_pass():
    check_parameters(openai, _request(temperature=0.0, stop=("x",), system="s", extra={"seed": 1}))


@pytest.mark.parametrize("options", [{"top_p": 0.0}, {"max_tokens": 1}, {"schema": {}}, {"tools": ("t",)}])
def test_a_parameter_it_does_not_take_is_named(options):
    (name,) = options
    with pytest.raises(UsageError, match=f"openai does not take {name}="):
        check_parameters(openai, _request(**options))


def test_a_fine_tuned_model_of_openai_is_openai_s():
    assert means("ft:gpt-4o:org::1") == ("openai", "ft:gpt-4o:org::1")


def test_a_name_that_means_nothing_goes_to_the_usual_provider_or_to_the_environment_s():
    registry = Registry(TABLE)
    provider, name = registry.resolve("my-local", environment={}, usual="openai")
    assert (provider.facts.name, name) == ("openai", "my-local")
    assert means("llama-3.3-70b", LLM_PROVIDER="openrouter") == ("openrouter", "llama-3.3-70b")


def test_a_parameter_that_a_model_does_not_take_is_named_with_the_model():
    for model in ("openai:o3", "openai:o4-mini", "openai-responses:o1"):
        with pytest.raises(UsageError, match=f"{model} does not take temperature="):
            streamcell.stream("x", model, temperature=0.5, api_key="unused")
    assert streamcell.stream("x", "openai:gpt-5-mini", temperature=0.5, api_key="unused")
    assert streamcell.stream("x", "groq:o3", temperature=0.5, api_key="unused")
