"""The price list: what it knows of our providers, and that nothing is made up.

The amounts are worked out by hand from the list's own prices for a million tokens.
"""

import subprocess
import sys
import threading

import pytest

from corpus import cases
from streamcell.events import Usage
from streamcell.io.prices import missing_reason, price_for, pricing_for
from streamcell.providers import registry

genai_prices = pytest.importorskip("genai_prices")

LISTED = {
    "anthropic": "claude-sonnet-4-5",
    "azure": "gpt-4o-2024-08-06",
    "deepseek": "deepseek-chat",
    "gemini": "gemini-2.5-flash",
    "groq": "openai/gpt-oss-120b",
    "mistral": "mistral-small-latest",
    "openai": "gpt-4o-mini",
    "openai-responses": "gpt-4o-mini",
    "openrouter": "openai/gpt-4o-mini",
    "together": "meta-llama/Llama-3.3-70B-Instruct-Turbo",
    "xai": "grok-4",
}
ENDPOINTS = {
    "anthropic.messages": (
        "anthropic",
        ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"),
    ),
    "gemini.generate": (
        "gemini",
        ("promptTokenCount", "toolUsePromptTokenCount", "candidatesTokenCount"),
    ),
    "openai.chat": ("openai", ("prompt_tokens", "completion_tokens")),
    "openai.responses": ("openai-responses", ("input_tokens", "output_tokens")),
}
"""Whose recordings those of an endpoint are, and the counts that are billed, those of the answer last."""
DOLLARS_A_SEARCH = 0.01
UNLISTED = ["demo", "llamacpp", "lmstudio", "ollama", "vllm"]


def prices(provider, model):
    """What the list has for a million tokens in, read from the cache, out, and (Anthropic) written to it."""
    ids = {"gemini": "google", "xai": "x-ai", "openai-responses": "openai"}
    found = genai_prices.calc_price(genai_prices.Usage(), model, provider_id=ids.get(provider, provider))
    listed = found.model_price
    kinds = (listed.input_mtok, listed.cache_read_mtok, listed.output_mtok, listed.cache_write_mtok)
    return [float(getattr(kind, "base", kind) or 0) for kind in kinds]


def cost(provider, usage):
    return price_for(provider, LISTED[provider])(usage)


def test_every_provider_has_prices_or_is_known_to_have_none():
    assert sorted([*LISTED, *UNLISTED]) == sorted(registry.installed().names)


@pytest.mark.parametrize("provider", LISTED)
def test_the_counts_alone_are_enough(provider):
    base, _, out, _ = prices(provider, LISTED[provider])
    assert base
    assert out
    assert cost(provider, Usage(1000, 500)) == pytest.approx((1000 * base + 500 * out) / 1e6)


@pytest.mark.parametrize("provider", LISTED)
@pytest.mark.parametrize("usage", [Usage(), Usage(1000), Usage(output_tokens=5), Usage(raw={"odd": "x"})])
def test_a_usage_that_is_not_whole_has_no_cost(provider, usage):
    assert cost(provider, usage) is None


@pytest.mark.parametrize("provider", UNLISTED)
def test_what_runs_here_or_is_a_script_has_no_price(provider):
    assert price_for(provider, "gpt-4o-mini") is None
    assert f"there are no list prices for {provider}" in missing_reason(provider, "gpt-4o-mini")


@pytest.mark.parametrize("model", ["unheard-of", "", "text-embedding-3-small", "whisper-1"])
def test_a_model_without_a_price_for_its_tokens_is_unknown(model):
    assert price_for("openai", model) is None
    reason = missing_reason("openai", model)
    assert reason.startswith(f"no price is known for openai:{model} (")
    assert "\n" not in reason


@pytest.mark.parametrize(
    ("provider", "model"), [("gemini", "models/gemini-2.5-flash"), ("openai", "GPT-4o-mini")]
)
def test_names_as_the_provider_also_takes_them_are_found(provider, model):
    assert price_for(provider, model) is not None


def test_without_the_package_nothing_is_known_and_the_reason_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "genai_prices", None)
    assert price_for("openai", "gpt-4o-mini") is None
    assert "pip install streamcell[prices]" in missing_reason("openai", "gpt-4o-mini")


def test_openai_counts_cached_and_thinking_tokens_among_the_others():
    base, cached, out, _ = prices("openai", "gpt-4o-mini")
    raw = {
        "prompt_tokens": 1000,
        "completion_tokens": 500,
        "prompt_tokens_details": {"cached_tokens": 600},
        "completion_tokens_details": {"reasoning_tokens": 400},
    }
    expected = (400 * base + 600 * cached + 500 * out) / 1e6
    assert cost("openai", Usage(1000, 500, 400, 600, raw)) == pytest.approx(expected)
    assert cost("openai", Usage(1000, 500, 400, 600)) == pytest.approx(expected)


def test_the_responses_api_is_read_by_its_own_names():
    base, cached, out, _ = prices("openai", "gpt-4o-mini")
    raw = {"input_tokens": 1000, "output_tokens": 500, "input_tokens_details": {"cached_tokens": 600}}
    expected = (400 * base + 600 * cached + 500 * out) / 1e6
    assert cost("openai-responses", Usage(1000, 500, None, 600, raw)) == pytest.approx(expected)


def test_anthropic_counts_what_it_reads_and_writes_in_the_cache_apart():
    base, cached, out, written = prices("anthropic", "claude-sonnet-4-5")
    raw = {
        "input_tokens": 100,
        "cache_read_input_tokens": 600,
        "cache_creation_input_tokens": 300,
        "output_tokens": 500,
    }
    expected = (100 * base + 600 * cached + 300 * written + 500 * out) / 1e6
    assert cost("anthropic", Usage(100, 500, None, 600, raw)) == pytest.approx(expected)
    without = (100 * base + 600 * cached + 500 * out) / 1e6
    assert cost("anthropic", Usage(100, 500, None, 600)) == pytest.approx(without)


def test_gemini_bills_thoughts_as_output_and_the_prompts_of_tools_as_input():
    base, cached, out, _ = prices("gemini", "gemini-2.5-flash")
    raw = {
        "promptTokenCount": 900,
        "toolUsePromptTokenCount": 100,
        "cachedContentTokenCount": 600,
        "candidatesTokenCount": 200,
        "thoughtsTokenCount": 300,
    }
    expected = (400 * base + 600 * cached + 500 * out) / 1e6
    assert cost("gemini", Usage(1000, 500, 300, 600, raw)) == pytest.approx(expected)


def test_deepseeks_own_name_for_the_cached_tokens_is_known():
    base, cached, out, _ = prices("deepseek", "deepseek-chat")
    raw = {"prompt_tokens": 1000, "completion_tokens": 500, "prompt_cache_hit_tokens": 600}
    expected = (400 * base + 600 * cached + 500 * out) / 1e6
    assert cost("deepseek", Usage(1000, 500, None, 600, raw)) == pytest.approx(expected)


def test_xai_counts_thinking_apart_from_the_answer():
    base, _, out, _ = prices("xai", "grok-4")
    raw = {
        "prompt_tokens": 1000,
        "completion_tokens": 100,
        "completion_tokens_details": {"reasoning_tokens": 400},
    }
    assert cost("xai", Usage(1000, 100, 400, None, raw)) == pytest.approx((1000 * base + 500 * out) / 1e6)


def test_what_openrouter_says_it_charged_is_the_cost():
    counts = {"prompt_tokens": 1000, "completion_tokens": 500}
    assert cost("openrouter", Usage(1000, 500, raw={**counts, "cost": 0.25})) == 0.25
    own_key = {"cost": 0.05, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}}
    assert cost("openrouter", Usage(1000, 500, raw={**counts, **own_key})) == pytest.approx(0.55)


@pytest.mark.parametrize("said", [None, "0.25", float("nan"), True])
def test_without_a_charge_of_openrouter_its_list_price_is_the_cost(said):
    counts = {"prompt_tokens": 1000, "completion_tokens": 500}
    expected = cost("openrouter", Usage(1000, 500, raw=counts))
    assert expected > 0
    assert cost("openrouter", Usage(1000, 500, raw={**counts, "cost": said})) == expected


def test_counts_that_contradict_each_other_have_no_cost():
    raw = {"prompt_tokens": 10, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 600}}
    assert cost("openai", Usage(10, 5, None, 600, raw)) is None


@pytest.mark.parametrize("raw", [{"promptTokensDetails": [{"modality": 1}]}, {"promptTokenCount": 10**400}])
def test_an_object_that_the_list_cannot_read_has_no_cost(raw):
    assert price_for("gemini", "gemini-2.5-flash")(Usage(10, 5, raw=raw)) is None


def test_a_charge_of_400_digits_is_none():
    counts = {"prompt_tokens": 1000, "completion_tokens": 500}
    assert cost("openrouter", Usage(1000, 500, raw={**counts, "cost": 10**400})) == cost(
        "openrouter", Usage(1000, 500, raw=counts)
    )


def test_a_free_model_costs_nothing():
    assert price_for("openrouter", "deepseek/deepseek-r1:free")(Usage(1000, 500)) == 0.0


def test_the_model_that_answers_has_the_price():
    answer = pricing_for("openai", "gpt-4o-mini")
    dear = price_for("openai", "gpt-4o")(Usage(1000, 500))
    assert answer("openai", "gpt-4o-2024-08-06")(Usage(1000, 500)) == dear


def test_an_answer_under_an_unknown_name_has_the_price_of_the_model_asked():
    answer = pricing_for("openai", "gpt-4o-mini")
    assert answer("openai", "proxy-17")(Usage(1000, 500)) == cost("openai", Usage(1000, 500))
    assert answer("groq", "proxy-17") is None
    assert answer("ollama", "gpt-4o-mini") is None


def test_a_router_prices_models_that_no_list_knows():
    price = pricing_for("openrouter", "openrouter/auto")("openrouter", "new/model")
    assert price(Usage(1000, 500, raw={"cost": 0.25})) == 0.25
    assert price(Usage(1000, 500)) is None


def test_nothing_is_loaded_before_a_price_is_asked_for_and_no_thread_is_started():
    script = (
        "import sys, threading\n"
        "from streamcell.io.prices import pricing_for\n"
        "answer = pricing_for('openai', 'gpt-4o-mini')\n"
        "assert answer('demo', 'markdown') is None\n"
        "assert 'genai_prices' not in sys.modules\n"
        "assert answer('openai', 'gpt-4o-mini') is not None\n"
        "assert 'genai_prices' in sys.modules\n"
        "assert threading.active_count() == 1\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)


def test_prices_may_be_asked_for_by_many_threads():
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(cost("openai", Usage(1000, 500)))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert None not in found


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_recorded_usage_has_a_cost_and_one_that_its_counts_allow(endpoint):
    provider, counts = ENDPOINTS[endpoint]
    base, _, out, written = prices(provider, LISTED[provider])
    priced = 0
    for parameter in cases(endpoint):
        (case,) = parameter.values
        if case is None:
            pytest.skip("no recordings")
        usage = case.expected["usage"] or {}
        read_before = (usage.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
        if usage.get(counts[-1]) is None or read_before > usage.get("prompt_tokens", read_before):
            continue
        sent = sum(usage.get(name) or 0 for name in counts[:-1])
        said = usage[counts[-1]] + (usage.get("thoughtsTokenCount") or 0)
        searches = (usage.get("server_tool_use") or {}).get("web_search_requests") or 0
        most = (sent * max(base, written) + said * out) / 1e6 + searches * DOLLARS_A_SEARCH
        assert 0 <= cost(provider, Usage(raw=usage)) <= most + 1e-12
        priced += 1
    assert priced > 10
