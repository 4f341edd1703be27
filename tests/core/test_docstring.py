"""What a docstring says, in the layouts that people use."""

from __future__ import annotations

import pytest

from streamcell.core.docstring import Docstring, read

GOOGLE = """The weather of a place.

    Uses the nearest station.

    Args:
        city (str): Name of the city,
            without its country.
        days: How many: one to ten.
        **rest: Ignored.

    Returns:
        city: not a parameter
    """
NUMPY = """The weather of a place.

    Uses the nearest station.

    Parameters
    ----------
    city : str
        Name of the city,
        without its country.
    days, rest : int, optional
        How many: one to ten.

    Returns
    -------
    weather : str
        Not a parameter.
    """
SPHINX = """The weather of a place.

    Uses the nearest station.

    :param str city: Name of the city,
        without its country.
    :param days: How many: one to ten.
    :type days: int
    :returns: not a parameter
    """


@pytest.mark.parametrize("text", [GOOGLE, NUMPY, SPHINX])
def test_every_layout_tells_the_same(text):
    described = read(text)
    assert described.description == "The weather of a place.\n\nUses the nearest station."
    assert described.parameters["city"] == "Name of the city, without its country."
    assert described.parameters["days"] == "How many: one to ten."
    assert set(described.parameters) <= {"city", "days", "rest"}


@pytest.mark.parametrize("text", [None, "", "  \n "])
def test_no_docstring_says_nothing(text):
    assert read(text) == Docstring("", {})


def test_a_colon_in_a_sentence_begins_no_section():
    assert (
        read("Note: it rains.\nReturns: are frequent").description == "Note: it rains.\nReturns: are frequent"
    )


def test_a_section_without_text_is_no_description():
    assert read("Do it.\n\nArgs:\n    city:\n\n    days: How many.") == Docstring(
        "Do it.", {"days": "How many."}
    )
