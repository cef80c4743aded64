"""A router as its sessions see it, whichever shell drives it: sessions read and change it through this.

The rooms above (management socket, SSH) define what they need of a router; this fits it without importing them. Servers
are made by the code that puts the program together, and handed down as `MakeServer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Final, Protocol

from dmvpn.base.breath import aside, at_home
from dmvpn.base.effects import Effect
from dmvpn.base.entropy import Entropy
from dmvpn.base.events import Event
from dmvpn.base.shell import NO_CAPTURES, NO_FLASH, Captures, Flash
from dmvpn.ios import ConfigLine, Configurator, Feature, LineGroup
from dmvpn.router.language import configurator
from dmvpn.router.router import Router, RouterView
from dmvpn.shells.monitor import MonitorCapture, OpenTap
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.storage import STARTUP

OF_THE_SYSTEM: Final = SystemEntropy()


class Handle:
    """One router. A killed and restarted one keeps its handle, so the handle looks the router up each time."""

    def __init__(
        self,
        router: Callable[[], Router],
        now: Callable[[], float],
        post: Callable[[Event], None],
        store: Callable[[str, bytes], None],
        flash: Flash = NO_FLASH,
        entropy: Entropy = OF_THE_SYSTEM,
        open_tap: OpenTap | None = None,
        is_frozen: bool = False,
        beyond: Mapping[ConfigLine, Callable[[], LineGroup | None]] | None = None,
    ) -> None:
        """entropy: not the router's own, whose draws belong to its events. open_tap: None: it captures no packets.

        is_frozen: nothing changes the router. beyond: lines that its host may be unable to carry out.
        """
        self.is_frozen = is_frozen
        self.captures: Captures = NO_CAPTURES if open_tap is None else MonitorCapture(open_tap)
        self.flash = flash
        self.entropy = entropy
        self._beyond = beyond or {}
        self._router = router
        self._now = now
        self._post = post
        self._store = store
        self._listeners: dict[int, Callable[[Effect], None]] = {}
        self._numbers = 0
        self._saving = Lock()

    @property
    def features(self) -> tuple[Feature, ...]:
        """The features of the router."""
        return self._router().features

    @property
    def configurator(self) -> Configurator:
        """Its configuration language."""
        return configurator(self._router().features).on_host(self._beyond)

    @property
    def startup_text(self) -> str:
        """The configuration that it starts with."""
        return self._router().startup_text

    def context(self, session: int, *, hides: bool = False) -> RouterView:
        """Return the view of the router for a show command, now. hides: without keys and passwords."""
        return self._router().context(self._now(), session, hides=hides)

    def prepare(self, text: str) -> None:
        """Let the router prepare what a `ConfigurationEntered` of this text needs."""
        self._router().prepare(text)

    def post(self, event: Event) -> None:
        """Pass an event to the router."""
        at_home(partial(self._post, event))

    def save(self, text: str) -> None:
        """Store this as the startup configuration. Raises OSError; then it is unchanged."""

        def store() -> None:
            with self._saving:  # another session may save at the same time
                self._store(STARTUP, text.encode())
                self._router().startup_text = text

        aside(store)

    def subscribe(self, listener: Callable[[Effect], None]) -> Callable[[], None]:
        """Call `listener` with every effect; returns a function that ends the subscription."""
        self._numbers += 1
        number = self._numbers
        self._listeners[number] = listener
        return lambda: self._listeners.pop(number, None) and None

    def tell(self, *effects: Effect) -> None:
        """Pass effects that the shell carried out to the listeners."""
        for listener in list(self._listeners.values()):
            for effect in effects:
                listener(effect)


class SessionServer(Protocol):
    """A server of a router's sessions."""

    async def start(self) -> None:
        """Start to accept."""

    async def stop(self) -> None:
        """End all sessions."""


MakeServer = Callable[[Handle, Path], SessionServer]
