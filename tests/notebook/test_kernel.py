"""Which front end asked, and whether its Stop waits in the queue."""

from types import SimpleNamespace

from streamcell.notebook import kernel


def shell(*, msg_id, session, allow_stdin=True, queue=()):
    parent = {"header": {"msg_id": msg_id, "session": session}, "content": {"allow_stdin": allow_stdin}}
    waiting = SimpleNamespace(_queue=queue)
    return SimpleNamespace(kernel=SimpleNamespace(msg_queue=waiting), get_parent=lambda: parent)


def test_without_a_kernel_output_goes_to_a_terminal():
    assert kernel.host(None) == "terminal"
    assert kernel.host(SimpleNamespace(kernel=None)) == "terminal"


def test_a_page_sends_ids_of_its_own():
    assert kernel.host(shell(msg_id="1b0c-uuid", session="other")) == "page"


def test_an_executor_numbers_its_requests_and_asks_nobody():
    assert kernel.host(shell(msg_id="abc_12_3", session="abc", allow_stdin=False)) == "no_page"
    assert kernel.host(shell(msg_id="abc_12_3", session="abc", allow_stdin=True)) == "page"


def test_a_kernel_that_tells_nothing_is_taken_for_a_page():
    assert kernel.host(SimpleNamespace(kernel=object())) == "page"
    assert kernel.host(SimpleNamespace(kernel=object(), get_parent=lambda: None)) == "page"


def test_a_stop_that_waits_in_the_queue_is_found_for_its_own_widget_only():
    content = b'{"comm_id": "aa11", "data": {"method": "custom", "content": {"type": "stop", "run": "1"}}}'
    entry = (3, lambda: None, ([b"<IDS|MSG>", b"{}", content],))
    assert kernel.stop_is_queued(shell(msg_id="x", session="y", queue=[entry]), "aa11")
    assert not kernel.stop_is_queued(shell(msg_id="x", session="y", queue=[entry]), "bb22")
    assert not kernel.stop_is_queued(shell(msg_id="x", session="y", queue=["odd", (1, 2, 3)]), "aa11")
    assert not kernel.stop_is_queued(SimpleNamespace(kernel=object()), "aa11")
