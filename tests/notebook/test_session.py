"""What a page is told, and that no loss, repetition or delay changes the text it ends with."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streamcell.core.protocol import Ack, Batch, Gone, NeedBundle, Stop, Stopping, Sync
from streamcell.events import Finished, ReasoningDelta, Started, TextDelta, ToolCallDelta
from streamcell.handle import Stream
from streamcell.notebook.session import BEHIND_CHARACTERS, Session, read_message


class Page:
    """A page in miniature: applies batches as the real one does, and can lose messages on the way."""

    def __init__(self):
        self.next = 0
        self.text = ""
        self.state = "waiting"
        self.batches = []
        self.snapshots = []
        self.other = []

    def tell(self, message):
        if isinstance(message, Batch):
            self.batches.append(message)
        else:
            self.other.append(message)

    def publish(self, snapshot):
        self.snapshots.append(snapshot)

    def publish_static(self):
        self.other.append("static")

    def deliver_bundle(self, part):
        self.other.append(part or "bundle")

    def gone(self):
        self.other.append("gone")

    def apply(self, batch):
        """True when something is missing and must be asked for."""
        if batch.next <= self.next:
            return False
        if batch.first != self.next:
            return True
        self.next = batch.next
        self.state = batch.state or self.state
        self.text += "".join(event.text for event in batch.events if isinstance(event, TextDelta))
        return False


async def nothing(_deliver):
    raise AssertionError("the stream of these tests is fed by hand")


def opened():
    page, stream = Page(), Stream(nothing)
    return page, stream, Session(stream, page, run="1", model="m", scripted=False)


def feed(stream, *events):
    stream.ledger.append(list(events), 0.0, 0.0)


def test_neighbouring_deltas_arrive_as_one_numbered_batch():
    page, stream, session = opened()
    feed(stream, Started("p", "m"), TextDelta("Hel"), TextDelta("lo"))
    assert session.flush(0.0) == 1
    (batch,) = page.batches
    assert (batch.first, batch.next) == (0, 3)
    assert batch.events == [Started("p", "m"), TextDelta("Hello")]
    assert batch.state == "streaming"


def test_a_flush_with_nothing_new_sends_nothing():
    page, _stream, session = opened()
    assert session.flush(0.0) == 0
    assert page.batches == page.snapshots == []


def test_the_state_follows_the_events_and_is_told_only_when_it_changes():
    page, stream, session = opened()
    feed(stream, Started("p", "m"))
    for event in (ReasoningDelta("a"), ReasoningDelta("b"), TextDelta("c"), ToolCallDelta(1, name="f")):
        feed(stream, event)
        session.flush(0.0)
    feed(stream, Finished("cancelled"))
    session.flush(0.0)
    assert [batch.state for batch in page.batches] == ["thinking", None, "streaming", "tool", "stopped"]


def test_snapshots_are_small_come_once_a_second_and_at_the_end():
    page, stream, session = opened()
    feed(stream, Started("p", "m"))
    for step in range(30):
        feed(stream, TextDelta("x" * 1000))
        session.flush(1000.0 + step / 10)
    assert len(page.snapshots) == 2
    feed(stream, Finished("stop"))
    session.flush(1003.0)
    last = page.snapshots[-1]
    assert (last.state, last.next, last.characters) == ("done", 32, 30_000)


def test_a_sync_is_answered_from_the_number_asked_for():
    page, stream, session = opened()
    feed(stream, Started("p", "m"), TextDelta("a"), TextDelta("b"))
    session.flush(0.0)
    assert session.receive(Sync("1", 1), 0.0)
    session.flush(0.0)
    assert (page.batches[-1].first, page.batches[-1].next) == (1, 3)
    assert page.batches[-1].events == [TextDelta("ab")]


def test_a_sync_tells_a_page_that_knows_nothing_where_the_run_stands():
    page, stream, session = opened()
    stream.ledger.begin(0.0, 0.0)
    feed(stream, Started("p", "m"), TextDelta("a"), Finished("stop"))
    session.flush(0.0)
    session.receive(Sync("1", 0), 0.0)
    session.flush(0.0)
    assert (page.batches[-1].state, page.batches[-1].figures.characters) == ("done", 1)


def test_an_answer_that_was_never_asked_for_has_no_figures():
    page, stream, session = opened()
    feed(stream, Started("p", "m"), TextDelta("a"), Finished("stop"))
    session.flush(0.0)
    assert page.batches[-1].figures is None


def test_a_sync_after_the_end_also_brings_the_lasting_output():
    page, stream, session = opened()
    feed(stream, Started("p", "m"), Finished("stop"))
    session.flush(0.0)
    session.receive(Sync("1", 0), 0.0)
    assert page.other == ["static"]


def test_an_end_that_is_sent_before_the_log_is_closed_is_an_end():
    page, stream, session = opened()
    stream.ledger.events.watch(lambda: session.flush(0.0))
    feed(stream, Started("p", "m"), TextDelta("a"))
    feed(stream, Finished("stop"))
    assert page.snapshots[-1].state == "done"
    session.receive(Sync("1", 0), 1.0)
    assert page.other == ["static"]


def test_stop_cancels_the_stream_and_is_acknowledged():
    page, stream, session = opened()
    session.receive(Stop("1"), 0.0)
    assert stream.response.stop_reason == "cancelled"
    assert page.other == [Stopping("1")]


def test_a_page_that_falls_behind_is_given_time_and_one_that_is_silent_is_not():
    _page, stream, session = opened()
    feed(stream, Started("p", "m"))
    session.flush(0.0)
    session.receive(Ack("1", 1), 0.0)
    feed(stream, TextDelta("x" * (BEHIND_CHARACTERS + 1)))
    session.flush(0.1)
    assert session.pause(0.1) > 0
    assert session.pause(5.0) == 0
    session.receive(Ack("1", 2), 0.2)
    assert session.pause(0.2) == 0


def test_gone_and_a_missing_bundle_reach_the_channel():
    page, _stream, session = opened()
    session.receive(Gone("1"), 0.0)
    session.receive(NeedBundle("v"), 0.0)
    session.receive(NeedBundle("v", part="maths"), 0.0)
    assert page.other == ["gone", "bundle", "maths"]


def test_what_is_no_message_of_ours_is_no_message():
    assert read_message({"type": "stop", "run": "1"}) == Stop("1")
    for content in (None, [], {"type": "explode"}, {"type": "sync", "run": "1", "have": "x"}, "stop"):
        assert read_message(content) is None


@settings(max_examples=200)
@given(
    pieces=st.lists(st.text(max_size=5), min_size=1, max_size=40),
    fates=st.lists(st.sampled_from(["arrives", "lost", "twice", "late"]), min_size=1, max_size=40),
)
def test_lost_repeated_and_late_messages_end_with_the_same_text(pieces, fates):
    page, stream, session = opened()
    feed(stream, Started("p", "m"))
    late = []
    for number, piece in enumerate(pieces):
        feed(stream, TextDelta(piece))
        session.flush(float(number))
        fate = fates[number % len(fates)]
        deliveries = {"arrives": 1, "lost": 0, "twice": 2, "late": 0}[fate]
        if fate == "late":
            late.append(page.batches[-1])
        for _ in range(deliveries):
            if page.apply(page.batches[-1]):
                session.receive(Sync("1", page.next), 0.0)
    feed(stream, Finished("stop"))
    session.flush(99.0)
    for batch in [*late, page.batches[-1]]:
        page.apply(batch)
    while page.next < page.snapshots[-1].next:
        session.receive(Sync("1", page.next), 0.0)
        session.flush(99.0)
        page.apply(page.batches[-1])
    assert page.text == "".join(pieces)
    assert page.snapshots[-1].characters == len(page.text)
