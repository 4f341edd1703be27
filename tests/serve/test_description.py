"""The OpenAPI document, and what the server answers to whatever it allows or does not allow."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from streamcell.serve import Limits
from streamcell.serve.description import document

schemathesis = pytest.importorskip("schemathesis")

METHODS = {"get", "post", "delete"}
OPERATIONS = [(method, path) for path, place in document()["paths"].items() for method in place]
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
    schemathesis.checks.negative_data_rejection,
    schemathesis.checks.unsupported_method,
]


def takes(method, path):
    """Whether anything can be said there that is not allowed: any text may be an id."""
    known = document()["paths"][path][method]
    return "requestBody" in known or any(each["in"] != "path" for each in known.get("parameters", ()))


@pytest.fixture
def described(served, scripted):
    limits = Limits(starts_per_minute=1_000_000)
    return schemathesis.openapi.from_url(f"{served([scripted('x')], limits=limits)}/openapi.json")


def test_every_route_but_the_page_is_described(client, scripted):
    here = client([scripted("x")])
    routes = {
        (method.lower(), route.path.replace("{identity}", "{id}"))
        for route in here.app.routes
        if getattr(route, "include_in_schema", False)
        for method in getattr(route, "methods", None) or ()
    }
    known = {pair for pair in routes if pair[0] in METHODS and pair[1] != "/openapi.json"}
    assert known == set(OPERATIONS)


ALLOWED, FORBIDDEN = schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE
ASKED = [
    (mode, *each) for mode in (ALLOWED, FORBIDDEN) for each in OPERATIONS if mode is ALLOWED or takes(*each)
]


@pytest.mark.parametrize(("mode", "method", "path"), ASKED)
def test_nothing_that_is_sent_makes_the_server_fail(described, mode, method, path):
    operation = described[path][method]

    @seed(1)
    @settings(
        max_examples=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case):
        case.call_and_validate(checks=CHECKS)

    check()
