"""The counts of one turn."""

from hypothesis import given
from hypothesis import strategies as st

from streamcell.core.turn_usage import TurnUsage
from streamcell.events import Usage

PIECES = st.lists(st.text(max_size=9) | st.integers(0, 50), max_size=12)


def test_before_anything_came_nothing_is_known():
    turn = TurnUsage()
    assert (turn.tokens, turn.estimated) == (None, False)


def test_a_report_without_a_count_of_the_output_counts_nothing():
    turn = TurnUsage()
    turn.add("abcd" * 3)
    turn.report(Usage(input_tokens=9))
    assert (turn.tokens, turn.estimated) == (3, True)


@given(PIECES)
def test_the_count_is_the_providers_last_and_an_estimate_of_what_came_behind_it(pieces):
    turn = TurnUsage()
    counted, behind = None, ""
    for piece in pieces:
        if isinstance(piece, int):
            counted, behind = piece, ""
            turn.report(Usage(output_tokens=piece))
        else:
            behind += piece
            turn.add(piece)
    uncounted = -(-len(behind.encode()) // 4)
    assert turn.tokens == (counted + uncounted if counted is not None else uncounted or None)
    assert turn.estimated == bool(behind)


def test_a_price_is_asked_only_for_what_the_provider_counted():
    turn = TurnUsage()
    turn.add("text")
    asked = []
    assert turn.cost(lambda: asked.append(1)) is None
    assert asked == []
    turn.report(Usage(1, 1))
    assert turn.cost(lambda: lambda _: 0.5) == 0.5
