"""Secrets are found in whatever a notebook holds, and never repeated. All keys here are made at run time."""

import json
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.secret_scan import scan_notebook, scan_text

ALPHABET = string.ascii_letters + string.digits


def made(prefix, length, *, alphabet=ALPHABET, seed=7):
    """A key of that shape which nobody ever had; it holds a digit."""
    chosen = random.Random(seed)  # noqa: S311 - not for keeping secrets
    return prefix + "".join(chosen.choices(alphabet, k=length - 1)) + "5"


def web_token():
    return ".".join((made("ey" + "J", 20), made("ey" + "J", 40), made("", 30)))


SHAPES = {
    "OpenAI key": made("sk" + "-proj-", 48),
    "Anthropic key": made("sk" + "-ant-api03-", 80),
    "OpenRouter key": made("sk" + "-or-v1-", 64),
    "Google key": made("AI" + "za", 35),
    "Groq key": made("gs" + "k_", 52),
    "xAI key": made("xa" + "i-", 80),
    "Hugging Face token": made("h" + "f_", 34),
    "GitHub token": made("gh" + "p_", 36),
    "AWS access key": made("AK" + "IA", 16, alphabet=string.ascii_uppercase + string.digits),
    "Slack token": made("xo" + "xb-", 40),
    "JSON web token": web_token(),
}
PLAIN = made("", 32)


def notebook(*cells, **more):
    return json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5, **more})


def code(source="", outputs=(), **more):
    return {"cell_type": "code", "source": source, "outputs": list(outputs), "metadata": {}, **more}


def told(document, **known):
    return [str(finding) for finding in scan_notebook(document, known=known)]


@pytest.mark.parametrize(("kind", "secret"), SHAPES.items(), ids=SHAPES)
def test_a_key_is_known_by_its_shape_and_not_repeated(kind, secret):
    text = f'client = Client("{secret}")'
    (hit,) = scan_text(text, known={})
    assert (hit.kind, text[hit.begin : hit.end]) == (kind, secret)
    assert hit.shown == f"{secret[:3]}… ({len(secret)} characters)"


def test_the_other_github_token_is_one_too():
    (hit,) = scan_text(made("github" + "_pat_", 60), known={})
    assert hit.kind == "GitHub token"


def test_a_private_key_block_is_found():
    (hit,) = scan_text(f"-----BEGIN RSA {'PRIVATE'} KEY-----\n{PLAIN}\n", known={})
    assert hit.kind == "private key"


@pytest.mark.parametrize("before", ["Authorization: Bearer ", "{'authorization': 'bearer  "])
def test_what_a_bearer_header_carries_is_found(before):
    (hit,) = scan_text(f"{before}{PLAIN}'", known={})
    assert (hit.kind, hit.end - hit.begin) == ("Authorization: Bearer", 32)


@pytest.mark.parametrize(
    "text",
    [
        'MISTRAL_API_KEY = "{}"',
        "%env MISTRAL_API_KEY={}",
        "os.environ['MISTRAL_API_KEY'] = '{}'",
        'os.environ.setdefault("MISTRAL_API_KEY", "{}")',
        '{{"mistral_api_key": "{}"}}',
    ],
)
def test_a_key_without_a_shape_is_known_by_the_name_before_it(text):
    (hit,) = scan_text(text.format(PLAIN), known={})
    assert (hit.kind, hit.end - hit.begin) == ("Mistral key", 32)


def test_a_key_of_the_environment_is_known_by_its_value_however_it_is_written():
    value = 'hidden "value" / 1'
    for written in (value, json.dumps(value), "hidden%20%22value%22%20%2F%201"):
        (hit,) = scan_text(f"x{written}y", known={"MY_KEY": value})
        assert (hit.kind, hit.shown) == ("value of MY_KEY", "hid… (18 characters)")


def test_a_value_that_also_has_a_shape_is_told_once_by_its_name():
    secret = SHAPES["OpenAI key"]
    (hit,) = scan_text(f"Bearer {secret}", known={"OPENAI_API_KEY": secret})
    assert hit.kind == "value of OPENAI_API_KEY"


@pytest.mark.parametrize(
    "text",
    [
        "sk" + "-" + "x" * 48,
        "sk" + "-your-openai-api-key-goes-here-please",
        "Authorization: Bearer YOUR_TOKEN_GOES_HERE",
        'api_key = os.environ["OPENAI_API_KEY"]',
        "api_key=settings2.provider_key_of_the_team",
        "api_key = openai_key_from_the_vault_2",
        "OPENAI_API_KEY",
        "risk-" + "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7",
    ],
)
def test_prose_and_examples_are_no_secrets(text):
    assert scan_text(text, known={"SHORT": "x", "EMPTY": ""}) == []


PLACES = {
    "cell 1, source": notebook(code(["a = 1\n", f"key = '{SHAPES['Groq key']}'"])),
    "cell 2, output 1": notebook(
        code(), code(outputs=[{"output_type": "stream", "text": [SHAPES["Groq key"]]}])
    ),
    "cell 1, output 2": notebook(
        code(outputs=[{}, {"output_type": "error", "traceback": ["\x1b[31m", SHAPES["Groq key"]]}])
    ),
    "cell 1, output 1 (text/html)": notebook(
        code(outputs=[{"data": {"text/html": f"<b>{SHAPES['Groq key']}</b>"}}])
    ),
    "cell 1, metadata": notebook(code() | {"metadata": {"deep": [{"er": SHAPES["Groq key"]}]}}),
    "cell 1, attachment note.txt": notebook(
        code(attachments={"note.txt": {"text/plain": SHAPES["Groq key"]}})
    ),
    "notebook metadata": notebook(metadata={"widgets": {SHAPES["Groq key"]: {}}}),
    "line 3": f"no notebook\n\n{SHAPES['Groq key']}",
}


@pytest.mark.parametrize(("place", "document"), PLACES.items(), ids=PLACES)
def test_the_place_is_told_as_a_user_calls_it(place, document):
    (line,) = told(document)
    assert line.startswith(f"{place}: Groq key gsk… (")


def test_a_secret_that_stands_twice_at_a_place_is_told_once():
    assert len(told(notebook(code(SHAPES["Groq key"] + "\n" + SHAPES["Groq key"])))) == 1


@pytest.mark.parametrize(
    "document", ["", "{", "[]", "null", '{"cells": null}', '{"cells": [3, {"outputs": 4}]}', "[" * 100_000]
)
def test_what_is_no_whole_notebook_is_read_all_the_same(document):
    assert told(document) == []


@given(st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_known_value_is_found_anywhere_in_a_document(value):
    assert told(json.dumps({"cells": [value, code(PLAIN)], "other": value}), KEY=PLAIN)


@pytest.mark.parametrize(
    "unit",
    ["eyJ", "eyJaaaaaaaaaa.", "sk-", "sk-a1", "Bearer ", "api_key=", "-----BEGIN ", "xoxb-", "a", "ghp_"],
)
def test_a_large_hostile_text_is_read_in_one_pass(unit):
    """Four million characters: reading them once takes a moment, going back over them takes days."""
    assert all(hit.end <= 4_000_000 for hit in scan_text(unit * (4_000_000 // len(unit)), known={}))
