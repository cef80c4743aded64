"""Signals as an orderly end: they leave their word, and tear nothing but what may be torn."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time

import pytest

from dmvpn.app.watch import Interrupted, Interruption, Paper


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


def test_after_a_signal_no_line_waits_for_a_reader_that_reads_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seen: a signal between two lines was noted, then the next line waited for `| less` forever."""
    end, out = os.pipe()
    os.set_blocking(out, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(out, b"x" * 4096)
    os.set_blocking(out, True)
    with open(end, "rb"), open(out, "w") as stdout, Interruption() as interruption:
        monkeypatch.setattr("sys.stdout", stdout)
        paper = Paper(interruption, needed=True)
        os.kill(os.getpid(), signal.SIGTERM)
        started = time.monotonic()
        paper.say("a line")
        paper.say("another one")
        assert time.monotonic() - started < 10


def test_after_a_signal_a_reader_that_reads_gets_the_last_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    end, out = os.pipe()
    with open(end) as reader, open(out, "w") as stdout, Interruption() as interruption:
        monkeypatch.setattr("sys.stdout", stdout)
        os.kill(os.getpid(), signal.SIGTERM)
        Paper(interruption, needed=True).say("the story is in FILE")
        assert reader.readline() == "the story is in FILE\n"
