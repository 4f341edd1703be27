"""Errors that speak of Python's keywords, told to who typed a line."""

import pytest

from streamcell.notebook.wording import in_words_of_the_line


@pytest.mark.parametrize(
    ("python", "line"),
    [
        ("temperature takes a number, not 'x'", "--temperature takes a number, not 'x'"),
        ("max_output_chunks must be 1 or more", "--stop-after must be 1 or more"),
        ("the time-out 'first' must be more than 0", "--first-timeout must be more than 0"),
        ("it took too long; raise Timeouts(total=…)", "it took too long; raise --timeout"),
        ("no address; pass base_url=", "no address; pass --base-url"),
        ("pass the key as api_key=.", "pass the key as --key-env."),
        (
            "m does not take top_p=; leave it out, or send it with extra={'top_p': ...}",
            "m does not take --top-p; leave it out, or send it with --param top_p=...",
        ),
        ("pass an async client as client=", "pass an async client as client="),
        ("the system is down; temperature='x' stays", "the system is down; temperature='x' stays"),
    ],
)
def test_a_keyword_becomes_the_option_and_all_else_stays(python, line):
    assert in_words_of_the_line(python) == line
