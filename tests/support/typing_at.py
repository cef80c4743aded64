"""A session on a fake router, and somebody who types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.effects import ConsoleLine
from dmvpn.face.context import TerminalLine, new_session
from dmvpn.face.session import ConsoleSession
from support.fake_router import FakeRouter
from support.fakes import log

if TYPE_CHECKING:
    from dmvpn.base.notices import Log

UPDOWN = log("LINEPROTO-5-UPDOWN", "Line protocol on Interface Tunnel0, changed state to up")


class Terminal:
    """A session on a fake router, and everything that its screen showed."""

    def __init__(self, text: str = "hostname R1\n", *, line: TerminalLine | None = None, answers: bool = True) -> None:
        self.router = FakeRouter(text, answers=answers)
        self.number = new_session()
        self.session = ConsoleSession(self.router, self.number, line=line or TerminalLine())
        self.router.subscribe(self.session.effect)
        self.session.start()
        self.screen = self.session.take_output().decode()

    def type(self, text: str) -> str:
        """Type; returns what the screen shows in answer."""
        self.session.feed(text.encode())
        return self._shown()

    def happen(self, log: Log = UPDOWN) -> str:
        """Let the router log something; returns what the screen shows."""
        for effect in self.router.system.handle(log, self.router.now):
            assert isinstance(effect, ConsoleLine)
            self.session.effect(effect)
        self.session.pump()
        return self._shown()

    def pass_time(self) -> str:
        self.router.pass_time()
        self.session.pump()
        return self._shown()

    def _shown(self) -> str:
        shown = self.session.take_output().decode()
        self.screen += shown
        return shown
