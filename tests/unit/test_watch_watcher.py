"""Watching routers by their sockets: who speaks another language, who never says a word, and the end."""

from __future__ import annotations

import os
import selectors
import socket
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from dmvpn.base.errors import UserError
from dmvpn.face import watcher as module
from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import Done, Hello, News
from dmvpn.face.protocol import encode
from dmvpn.face.watcher import LONGEST_RETRY, RETRY, Heard, Watcher

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


class Router:
    """A management socket. answer: what whoever calls is told before it hangs up; None: it does not hang up."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answer: bytes | None = b""
        self.calls = 0
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(os.fspath(path))
        self._listening.listen()
        self._listening.setblocking(False)
        self._kept: list[socket.socket] = []

    def attend(self) -> None:
        """Take the calls that have come."""
        while True:
            try:
                call, _ = self._listening.accept()
            except BlockingIOError:
                return
            self.calls += 1
            call.sendall(self.answer or b"")
            call.recv(1 << 16)  # the question: what is unread would break the answer off
            call.close()

    def close(self) -> None:
        self._listening.close()


class Pipe:
    """A descriptor that can be read as soon as `end` was called."""

    def __init__(self) -> None:
        self.read, self._write = os.pipe()

    def end(self) -> None:
        os.write(self._write, b"!")

    def close(self) -> None:
        os.close(self._write)


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    """R31."""
    made = Router(tmp_path / "R31")
    yield made
    made.close()


@pytest.fixture
def ended() -> Iterator[Pipe]:
    """The end of a lab; the watcher closes what it reads of it."""
    made = Pipe()
    yield made
    made.close()


class Clock:
    """Time that passes when somebody waits for it; meanwhile a router does what it does."""

    def __init__(self, meanwhile: Callable[[], None]) -> None:
        self.now = 100.0
        self._meanwhile = meanwhile

    def monotonic(self) -> float:
        return self.now

    def selector(self) -> selectors.DefaultSelector:
        clock = self

        class Selector(selectors.DefaultSelector):
            def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
                clock._meanwhile()
                ready = super().select(0)
                if not ready:
                    clock.now += timeout or 0.0
                return ready

        return Selector()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, router: Router) -> Clock:
    """Of the watcher."""
    made = Clock(router.attend)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=made.monotonic))
    made_of = SimpleNamespace(DefaultSelector=made.selector, EVENT_READ=selectors.EVENT_READ)
    monkeypatch.setattr(module, "selectors", made_of)
    return made


def news(*, begins: bool = True) -> bytes:
    """What a router says first."""
    return encode(Hello("R31")) + encode(News(lines=(), now=1.0, begins=begins))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (
            encode(Hello("R31", PROTOCOL + 1)),
            f"R31 speaks protocol {PROTOCOL + 1}, and not {PROTOCOL}: it runs another",
        ),
        (encode(Hello("R31")) + encode(Done(2, "Watch comes too early")), r"R31 refuses .*Watch comes too early"),
        (encode(Hello("R31")) + b'{"type": "novel"}\n', "R31 sent a message that this program cannot read .*'novel'"),
        (b"login:\n", "R31 sent a message that this program cannot read"),
    ],
)
def test_a_router_that_will_never_tell_anything_is_an_error(
    router: Router, ended: Pipe, clock: Clock, answer: bytes, why: str
) -> None:
    """Seen: nothing at all, forever, against a lab of another version."""
    router.answer = answer
    with Watcher({"R31": router.path}, ended.read) as watcher, pytest.raises(UserError, match=why):
        watcher.wait(60)


def test_whoever_hangs_up_without_a_word_is_called_less_and_less_often(
    router: Router, ended: Pipe, clock: Clock
) -> None:
    with Watcher({"R31": router.path}, ended.read) as watcher:
        assert watcher.wait(60) == []
        assert 10 < router.calls < 25
        router.answer = news()
        before = clock.now
        assert [type(heard.news) for heard in watcher.wait(60)] == [News]
        assert clock.now - before <= LONGEST_RETRY
        assert watcher.wait(60) == [Heard("R31", None)]


def test_a_router_that_spoke_and_went_is_called_at_once_and_then_as_often_as_before(
    router: Router, ended: Pipe, clock: Clock
) -> None:
    """Its first lines must come before those of others that belong to them are told as lost."""
    router.answer = news()
    with Watcher({"R31": router.path}, ended.read) as watcher:
        for _ in range(4):
            before = clock.now
            assert [type(heard.news) for heard in watcher.wait(60)] == [News]
            assert watcher.wait(60) == [Heard("R31", None)]
            assert clock.now - before <= RETRY


def test_the_end_of_the_lab_and_of_whoever_watches_are_told_apart(router: Router, ended: Pipe, clock: Clock) -> None:
    stop = Pipe()
    with Watcher({"R31": router.path}, ended.read, stop.read) as watcher:
        stop.end()
        assert watcher.wait(60) == []
        assert (watcher.lives, watcher.stopped) == (True, True)
        ended.end()
        assert watcher.wait(60) == []
    os.close(stop.read)
    stop.close()
    other = Pipe()
    with Watcher({"R31": router.path}, other.read) as watcher:
        other.end()
        assert watcher.wait(60) == []
        assert (watcher.lives, watcher.stopped) == (False, False)
    other.close()
