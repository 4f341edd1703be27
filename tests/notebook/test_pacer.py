"""The budget of messages that all views of a kernel share."""

from streamcell.notebook.pacer import Pacer


class Timeline:
    """A clock that is turned by hand, and the calls that were asked for."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def later(self, seconds, function):
        self.calls.append((self.now + seconds, function))

    def run(self, until):
        while self.calls and min(when for when, _ in self.calls) <= until:
            when, function = min(self.calls, key=lambda call: call[0])
            self.calls.remove((when, function))
            self.now = max(self.now, when)
            function()
        self.now = until


class View:
    def __init__(self, timeline, *, messages=1, pause=0.0):
        self.timeline = timeline
        self.messages = messages
        self.hold = pause
        self.sent = []

    def flush(self, now):
        self.sent.append(now)
        return self.messages

    def pause(self, now):
        return self.hold


def pacer(timeline, rate=10.0):
    return Pacer(now=lambda: timeline.now, later=timeline.later, rate=rate)


def test_the_first_message_of_a_quiet_notebook_goes_out_at_once():
    timeline = Timeline()
    view = View(timeline)
    pacer(timeline).wake(view)
    assert view.sent == [0.0]


def test_wakes_within_an_interval_become_one_message_at_its_end():
    timeline = Timeline()
    view, paced = View(timeline), pacer(timeline)
    for _ in range(100):
        paced.wake(view)
    timeline.run(until=5)
    assert view.sent == [0.0, 0.1]


def test_many_views_share_the_budget_of_one():
    timeline = Timeline()
    paced, views = pacer(timeline), [View(timeline) for _ in range(20)]
    while timeline.now < 10:
        for view in views:
            paced.wake(view)
        timeline.run(until=timeline.now + 0.01)
    sent = sum(len(view.sent) for view in views)
    assert 95 <= sent <= 102
    assert min(len(view.sent) for view in views) >= 4


def test_a_flush_of_several_messages_is_charged_for_each():
    timeline = Timeline()
    paced, view = pacer(timeline), View(timeline, messages=2)
    paced.wake(view)
    paced.wake(view)
    timeline.run(until=5)
    assert view.sent == [0.0, 0.2]


def test_a_view_whose_page_is_behind_lets_the_others_pass():
    timeline = Timeline()
    paced = pacer(timeline)
    slow, quick = View(timeline, pause=1.0), View(timeline)
    paced.wake(slow)
    paced.wake(quick)
    timeline.run(until=0.5)
    assert slow.sent == []
    slow.hold = 0.0
    timeline.run(until=5)
    assert len(quick.sent) == 1
    assert len(slow.sent) == 1


def test_the_last_word_goes_out_of_turn_and_only_once():
    timeline = Timeline()
    paced, view = pacer(timeline), View(timeline)
    paced.wake(view)
    paced.wake(view)
    paced.flush_now(view)
    timeline.run(until=5)
    assert view.sent == [0.0, 0.0]
