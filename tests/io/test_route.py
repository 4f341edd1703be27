"""Where calls go, and which key goes with them."""

import pytest

from streamcell.errors import UsageError
from streamcell.io.keys import Key
from streamcell.io.route import Route, checked, is_loopback, route_for
from streamcell.providers.contract import Facts

KEY = "canary-" + "fedcba9876543210"
FACTS = Facts(
    name="sample",
    default_model="m",
    base_url="https://api.sample.test/v1",
    key_names=("SAMPLE_API_KEY", "SAMPLE_TOKEN"),
    base_names=("SAMPLE_BASE_URL",),
)


def route(environment: dict[str, str], **options: object) -> Route:
    settings = {"base_url": None, "api_key": None, "allow_http": False, **options}
    return route_for(FACTS, environment=environment, **settings)


def test_a_key_from_the_environment_goes_to_the_providers_own_host():
    found = route({"SAMPLE_TOKEN": KEY})
    assert found.base_url == "https://api.sample.test/v1"
    assert found.key.reveal("api.sample.test") == KEY


def test_a_missing_key_is_named():
    with pytest.raises(UsageError, match="set SAMPLE_API_KEY or SAMPLE_TOKEN, or pass api_key="):
        route({})


def test_a_key_from_the_environment_is_not_sent_to_a_host_given_as_argument():
    with pytest.raises(UsageError, match=r"not sent to elsewhere\.test"):
        route({"SAMPLE_API_KEY": KEY}, base_url="https://elsewhere.test/v1")


def test_a_key_from_the_environment_goes_to_the_host_beside_it_in_the_environment():
    found = route({"SAMPLE_API_KEY": KEY, "SAMPLE_BASE_URL": "https://proxy.test/v1/"})
    assert found.base_url == "https://proxy.test/v1"
    assert found.key.reveal("proxy.test") == KEY


def test_the_own_host_may_be_written_out_as_an_argument():
    assert route({"SAMPLE_API_KEY": KEY}, base_url="https://api.sample.test/v2").key is not None


def test_a_loopback_host_given_as_argument_gets_no_key_from_the_environment():
    assert route({"SAMPLE_API_KEY": KEY}, base_url="http://127.0.0.1:8000/v1").key is None


def test_a_key_given_as_argument_is_bound_to_the_host():
    found = route({}, base_url="https://elsewhere.test/v1", api_key=KEY)
    assert found.key.host == "elsewhere.test"


def test_a_key_bound_to_one_host_is_refused_for_another():
    with pytest.raises(UsageError, match=r"belongs to api\.sample\.test"):
        route({}, base_url="https://elsewhere.test", api_key=Key(KEY, host="api.sample.test"))


def test_unencrypted_http_needs_to_be_allowed():
    with pytest.raises(UsageError, match="allow_http=True"):
        route({}, base_url="http://elsewhere.test/v1", api_key=KEY)
    assert (
        route({}, base_url="http://elsewhere.test/v1", api_key=KEY, allow_http=True).host == "elsewhere.test"
    )


@pytest.mark.parametrize(
    "address", ["", "ftp://host", "https://", "host/v1", "https://[::1", "https://h:99999"]
)
def test_what_is_no_address_is_refused(address):
    with pytest.raises(UsageError, match="is no address"):
        checked(address, allow_http=True)


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(UsageError, match="api_key=") as caught:
        checked(f"https://user:{KEY}@host.test/v1", allow_http=False)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),  # noqa: S104 - nothing is bound
        ("http://localhost:11434/", "http://localhost:11434"),
    ],
)
def test_a_local_server_may_be_written_as_its_own_settings_write_it(written, meant):
    facts = Facts(
        name="local", default_model="m", base_url="http://127.0.0.1:11434", base_names=("LOCAL_HOST",)
    )
    found = route_for(
        facts, base_url=None, api_key=None, environment={"LOCAL_HOST": written}, allow_http=False
    )
    assert found.base_url == meant


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "::1", "::", "demo.localhost"])
def test_this_computer_is_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", [None, "localhost.evil.test", "10.0.0.1", "127.0.0.1.evil.test", "evil.test"]
)
def test_another_computer_is_not(host):
    assert not is_loopback(host)
