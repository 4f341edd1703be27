"""Ctrl-C while an answer is shown: noted at first, an exception where that would not be heard."""

import signal

import pytest

from streamcell.cli.ctrl_c import CtrlC


def press():
    signal.raise_signal(signal.SIGINT)


def test_the_first_one_is_noted_and_interrupts_nothing():
    with CtrlC() as ctrl_c:
        assert not ctrl_c.heard
        press()
        assert ctrl_c.heard


def test_a_second_one_is_an_exception():
    with CtrlC():
        press()
        with pytest.raises(KeyboardInterrupt):
            press()


def test_a_question_is_broken_off_and_what_follows_is_not():
    reached = []
    with CtrlC() as ctrl_c:
        with ctrl_c.ends_a_question():
            press()
            reached.append("the answer")
        assert ctrl_c.heard
        reached.append("the end")
    assert reached == ["the end"]


def test_after_it_ctrl_c_is_as_it_was():
    with CtrlC():
        pass
    with pytest.raises(KeyboardInterrupt):
        press()


@pytest.mark.parametrize("handler", [signal.SIG_IGN, print], ids=["ignored", "handled"])
def test_a_handler_of_the_programs_own_stays(handler):
    before = signal.signal(signal.SIGINT, handler)
    try:
        with CtrlC() as ctrl_c:
            assert signal.getsignal(signal.SIGINT) is handler
            press()
        assert signal.getsignal(signal.SIGINT) is handler
        assert not ctrl_c.heard
    finally:
        signal.signal(signal.SIGINT, before)
