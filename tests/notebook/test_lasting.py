"""What lasts of a chat: every turn written once, and nothing of a page's or a model's that could act."""

from __future__ import annotations

import base64

from chatting import Page
from streamcell.core.chat_protocol import Send, SentFile
from streamcell.notebook.lasting import Lasting


def test_a_turn_that_says_the_same_is_not_written_again():
    page, lasting = Page(lambda message, _history: message * 2), Lasting()
    page.say(Send("t1", "One"))
    lasting.bundle(page.session.state.answers())
    first = lasting._written[1].bundle
    page.say(Send("t2", "Two"))
    lasting.bundle(page.session.state.answers())
    assert lasting._written[1].bundle is first
    page.session.delete(2)
    lasting.bundle(page.session.state.answers())
    assert list(lasting._written) == [1]


def test_questions_titles_and_answers_are_text():
    page, lasting = Page(lambda message, _history: message), Lasting()
    page.say(Send("t1", "<script>alert(1)</script>"))
    bundle = lasting.bundle(page.session.state.answers(), title="<img src=x>")
    assert "<script" not in bundle["text/html"]
    assert "<img" not in bundle["text/html"]
    assert bundle["text/html"].count("&lt;script&gt;") == 2


def test_the_words_of_a_file_are_not_repeated():
    page, lasting = Page(lambda *_: "Read."), Lasting()
    page.say(Send("t1", "Read", [SentFile("a.txt", "", base64.b64encode(b"many words").decode())]))
    plain = lasting.bundle(page.session.state.answers())["text/plain"]
    assert "[attached: a.txt, 10 bytes]" in plain
    assert "many words" not in plain
