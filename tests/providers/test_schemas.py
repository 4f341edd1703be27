"""JSON schemas on the wire: what each provider is sent, and what it is told in words."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Literal

import jsonschema
import pytest
from pydantic import BaseModel, Field

from streamcell.core.structure.schema import Schema
from streamcell.messages import Message, Request
from streamcell.providers.anthropic import anthropic
from streamcell.providers.gemini import gemini
from streamcell.providers.lookalikes import groq
from streamcell.providers.ollama import ollama
from streamcell.providers.openai import openai
from streamcell.providers.responses import responses
from streamcell.providers.schemas import ANTHROPIC, GEMINI, OPENAI, openai_name, written


class Item(BaseModel):
    """One thing."""

    name: str = Field(min_length=2, max_length=9, description="its name")
    count: int = Field(default=1, ge=1, le=10)
    kind: Literal["a", "b"] | None = None
    price: Decimal = Decimal(1)


class Order(BaseModel):
    first: Item = Field(description="the first one")
    items: list[Item] = Field(min_length=2)


class Tree(BaseModel):
    name: str
    children: list[Tree]


class Free(BaseModel):
    counts: dict[str, int]


ORDER = Schema(Order).json


def sent(provider, schema, **options):
    messages = (Message("user", "Hi"),)
    request = Request(provider=provider.facts.name, model="m", messages=messages, schema=schema, **options)
    return provider.encode(request).body


def nodes(node):
    if isinstance(node, dict):
        yield node
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from nodes(part)


@pytest.mark.parametrize("language", [OPENAI, ANTHROPIC, GEMINI])
def test_what_is_written_is_valid_and_allows_what_the_schema_asks_for(language):
    schema = written(ORDER, language)
    jsonschema.Draft202012Validator.check_schema(schema)
    item = {"name": "ab", "count": 2, "kind": "a", "price": "1.5"}
    jsonschema.validate({"first": item, "items": [item, item]}, schema)


@pytest.mark.parametrize("language", [OPENAI, ANTHROPIC])
def test_every_object_is_closed_where_that_is_demanded(language):
    objects = [node for node in nodes(written(ORDER, language)) if node.get("type") == "object"]
    assert len(objects) == 2
    assert all(node["additionalProperties"] is False for node in objects)


def test_openai_is_asked_for_every_field_and_no_default_is_sent():
    schema = written(ORDER, OPENAI)
    item = schema["$defs"]["Item"]
    assert item["required"] == ["name", "count", "kind", "price"]
    assert not any("default" in node for node in nodes(schema))
    assert schema["properties"]["first"] == {"$ref": "#/$defs/Item"}
    assert item["properties"]["count"] == {"type": "integer", "title": "Count", "minimum": 1, "maximum": 10}


def test_a_constraint_that_is_not_taken_is_told_in_the_description():
    name = written(ORDER, OPENAI)["$defs"]["Item"]["properties"]["name"]
    assert name["description"] == 'its name\n\n{"maxLength": 9, "minLength": 2}'
    assert not {"maxLength", "minLength"} & name.keys()
    items = written(ORDER, ANTHROPIC)["properties"]["items"]
    assert items["description"] == '{"minItems": 2}'


def test_a_pattern_that_looks_around_is_not_sent():
    assert not any("pattern" in node and "(?" in node["pattern"] for node in nodes(written(ORDER, OPENAI)))


def test_gemini_gets_an_enum_for_a_constant_and_keeps_open_objects():
    schema = {"type": "object", "properties": {"a": {"const": "x"}, "b": {"const": None}}}
    wrote = written(schema, GEMINI)
    assert wrote["properties"] == {"a": {"enum": ["x"]}, "b": {"description": '{"const": null}'}}
    assert written(Schema(Free).json, GEMINI)["properties"]["counts"]["additionalProperties"] == {
        "type": "integer"
    }


@pytest.mark.parametrize(
    ("schema", "language"),
    [
        (Schema(Free).json, OPENAI),
        (Schema(Free).json, ANTHROPIC),
        (Schema(Tree).json, ANTHROPIC),
        ({"type": "object"}, OPENAI),
        ({"type": "object", "properties": {"any": {}}}, OPENAI),
        (
            {
                "type": "object",
                "properties": {"pair": {"prefixItems": [{"type": "integer"}], "type": "array"}},
            },
            OPENAI,
        ),
    ],
)
def test_what_a_language_cannot_say_is_not_said_differently(schema, language):
    assert written(schema, language) is None


def test_openai_takes_recursive_types():
    assert written(Schema(Tree).json, OPENAI)["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}


@pytest.mark.parametrize(
    ("title", "name"), [("A b", "A_b"), ("é" * 3, "___"), (None, "answer"), ("x" * 99, "x" * 64)]
)
def test_openai_takes_short_plain_names(title, name):
    assert openai_name({"title": title}) == name


# In the requests


def test_openai_is_bound_to_what_it_can_say_and_shown_the_rest():
    said = sent(openai, ORDER)["response_format"]["json_schema"]
    assert said == {"name": "Order", "schema": written(ORDER, OPENAI), "strict": True}
    free = Schema(Free).json
    assert sent(openai, free)["response_format"]["json_schema"] == {"name": "Free", "schema": free}
    assert sent(responses, ORDER)["text"]["format"]["strict"] is True
    assert sent(responses, free)["text"]["format"] == {
        "type": "json_schema",
        "name": "Free",
        "schema": free,
        "strict": False,
    }


def test_servers_that_look_like_openai_are_sent_the_schema_as_it_is():
    assert sent(groq, ORDER)["response_format"]["json_schema"] == {"name": "Order", "schema": ORDER}


def test_ollama_is_sent_the_schema_as_it_is():
    assert sent(ollama, ORDER)["format"] == ORDER


def test_gemini_is_sent_its_own_part_of_the_language():
    assert sent(gemini, ORDER)["generationConfig"]["responseJsonSchema"] == written(ORDER, GEMINI)


def test_anthropic_is_told_in_words_what_it_cannot_take():
    assert sent(anthropic, ORDER)["output_config"]["format"]["schema"] == written(ORDER, ANTHROPIC)
    body = sent(anthropic, Schema(Tree).json, system="Be brief.")
    assert "output_config" not in body
    assert body["system"].startswith("Be brief.\n\nAnswer with JSON only")
    assert body["system"].endswith(json.dumps(Schema(Tree).json))
