"""`pytest tests/fuzz --hypothesis-profile=hour` fuzzes for about an hour instead of a minute."""

from hypothesis import settings

settings.register_profile("hour", max_examples=60_000, deadline=None)
