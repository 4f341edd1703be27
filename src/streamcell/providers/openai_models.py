"""What is known of OpenAI's models by name, for both of its dialects."""

from __future__ import annotations

from typing import Final

REASONING_REFUSES: Final = {
    r"o[134](-|$)": frozenset({"temperature", "top_p", "frequency_penalty", "presence_penalty", "stop"})
}
"""The o-series answers 400 to these (OpenAI's guide to reasoning models and API reference, November 2026).

Later reasoning models take some of them at some settings, so theirs are left to the server.
"""
