"""The board at the pacer, with a clock and a budget that the test holds."""

from __future__ import annotations

from itertools import pairwise

import pytest

from streamcell.core.board import Board
from streamcell.notebook.board_feed import LASTING_SECONDS, SECONDS, BoardFeed
from streamcell.notebook.pacer import Pacer

GOING = [Board(running=1, tokens=tokens) for tokens in range(100)]
OVER = Board(done=1, tokens=99)


class World:
    """Boards one after the other, a clock, and everything that was told, with its time."""

    def __init__(self):
        self.now = 0.0
        self.board = Board()
        self.told, self.lasting, self._due = [], [], []
        pacer = Pacer(now=lambda: self.now, later=self.later)
        self.feed = BoardFeed(self, lambda: self.board, wake_pacer=pacer.wake, later=self.later)

    def later(self, seconds, function):
        self._due.append((self.now + seconds, len(self._due), function))

    def publish(self, board):
        self.told.append((self.now, board))

    def renew(self, board):
        self.lasting.append((self.now, board))

    def run(self, seconds, boards=()):
        """Let time pass; each turn finds the next of `boards`."""
        coming, end = iter(boards), self.now + seconds
        while due := [one for one in self._due if one[0] <= end]:
            first = min(due)
            self._due.remove(first)
            self.now = max(self.now, first[0])
            self.board = next(coming, self.board)
            first[2]()
        self.now = end


@pytest.fixture
def world():
    return World()


def test_nothing_is_told_and_nothing_planned_while_nothing_happens(world):
    world.run(60)
    assert (world.told, world.lasting, world._due) == ([], [], [])


def test_what_begins_is_told_within_half_a_second(world):
    world.feed.begun(None)
    world.run(SECONDS, GOING)
    assert [at for at, _ in world.told] == [SECONDS]


def test_while_something_runs_it_is_told_twice_a_second_at_most(world):
    world.feed.begun(None)
    world.run(10, GOING)
    times = [at for at, _ in world.told]
    assert len(times) == 10 / SECONDS
    assert min(late - early for early, late in pairwise(times)) >= SECONDS


def test_many_begins_and_ends_at_once_are_one_message(world):
    for _ in range(50):
        world.feed.begun(None)
        world.feed.ended(None)
    world.board = OVER
    world.run(60)
    assert world.told == [(SECONDS, OVER)]


def test_when_all_is_over_it_is_told_and_renewed_once(world):
    world.feed.begun(None)
    world.run(2, GOING)
    before = len(world.told)
    world.board = OVER
    world.feed.ended(None)
    world.run(600)
    assert [board for _, board in world.told[before:]] == [OVER]
    assert [board for _, board in world.lasting] == [OVER]
    assert world._due == []


def test_what_lasts_is_renewed_seldom_while_something_runs(world):
    world.feed.begun(None)
    world.run(3 * LASTING_SECONDS, GOING)
    assert len(world.lasting) == 2


def test_a_board_that_says_the_same_is_not_told_again(world):
    world.board = GOING[1]
    world.feed.begun(None)
    world.run(5)
    assert len(world.told) == 1
