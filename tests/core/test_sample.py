"""Sample values: whatever the schema, the value fits it."""

from __future__ import annotations

import jsonschema
from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.sample import sample

SCHEMAS = st.recursive(
    st.sampled_from(
        [
            {"type": "string", "minLength": 3, "maxLength": 9},
            {"type": "string", "format": "date"},
            {"type": "integer", "minimum": 5, "exclusiveMaximum": 9},
            {"type": "integer", "multipleOf": 5, "minimum": 7},
            {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
            {"type": "boolean"},
            {"type": ["null", "string"]},
            {"enum": ["a", 1, None]},
            {"const": {"k": 1}},
            {"$ref": "#/$defs/tree"},
            {},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda items, least: {"type": "array", "items": items, "minItems": least},
            inner,
            st.integers(0, 5),
        ),
        st.builds(lambda items: {"type": "array", "items": items, "maxItems": 1}, inner),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(
            lambda parts: {"type": "object", "properties": parts, "required": list(parts)},
            st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
        ),
    ),
    max_leaves=8,
)
TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "next": {"anyOf": [{"$ref": "#/$defs/tree"}, {"type": "null"}]},
        "children": {"type": "array", "items": {"$ref": "#/$defs/tree"}, "maxItems": 2},
    },
    "required": ["name", "next"],
}


@given(SCHEMAS, st.lists(st.floats(-1e6, 1e6)))
def test_a_sample_fits_its_schema(schema, numbers):
    rooted = {"allOf": [schema], "$defs": {"tree": TREE}}
    value = sample(rooted, names=["Paris"] * 3, numbers=numbers)
    jsonschema.validate(value, rooted)


def test_names_and_numbers_are_used_while_they_last():
    schema = {
        "type": "object",
        "properties": {
            "origin": {"type": "string"},
            "target": {"type": "string"},
            "count": {"type": "integer"},
            "via": {"type": "string"},
        },
    }
    value = sample(schema, names=["Rome", "Oslo"], numbers=[17])
    assert value == {"origin": "Rome", "target": "Oslo", "count": 17, "via": "sample via"}


def test_a_recursive_schema_ends():
    node = {"type": "object", "properties": {"child": {"$ref": "#"}}}
    assert sample(node)["child"]["child"]
