"""Signals as an orderly end: they leave their word, and tear nothing but what may be torn."""

from __future__ import annotations

import os
import select
import signal

import pytest

from dmvpn.app.interruption import Interrupted, Interruption


def has_word(interruption: Interruption) -> bool:
    """Would whoever waits wake up?"""
    return select.select([interruption.descriptor], [], [], 0)[0] == [interruption.descriptor]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_its_word_and_what_was_before_comes_back(number: signal.Signals) -> None:
    mine = signal.signal(number, signal.default_int_handler)
    try:
        with Interruption() as interruption:
            assert not has_word(interruption)
            for _ in range(3):
                os.kill(os.getpid(), number)
            assert (interruption.asked, has_word(interruption)) == (True, True)
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, mine)


def test_what_may_hang_is_torn_and_what_comes_behind_it_is_not() -> None:
    with Interruption() as interruption:
        with pytest.raises(Interrupted), interruption.may_tear():
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert interruption.asked


def test_what_is_ignored_stays_ignored() -> None:
    """`nohup dmvpn lab watch`: the end of its terminal is not its own."""
    mine = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            os.kill(os.getpid(), signal.SIGHUP)
            assert (interruption.asked, has_word(interruption)) == (False, False)
    finally:
        signal.signal(signal.SIGHUP, mine)
