"""A router as its sessions see it, whichever shell drives it: they ask, order and listen through this.

The rooms above (management socket, SSH) define what they need of a router; this fits it without knowing them. Servers
are made by the code that puts the program together, and handed down as `MakeServer`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from dmvpn.base.breath import aside, at_home
from dmvpn.base.flash import NO_FLASH
from dmvpn.router.language import configurator
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.storage import STARTUP

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.entropy import Entropy
    from dmvpn.base.events import Event
    from dmvpn.base.flash import Flash
    from dmvpn.ios import Configurator, Feature
    from dmvpn.router.router import Router, RouterView


OF_THE_SYSTEM: Final = SystemEntropy()


class Handle:
    """One router. A killed and restarted one keeps its handle, so it is asked for each time."""

    def __init__(
        self,
        router: Callable[[], Router],
        now: Callable[[], float],
        post: Callable[[Event], None],
        store: Callable[[str, bytes], None],
        flash: Flash = NO_FLASH,
        entropy: Entropy = OF_THE_SYSTEM,
    ) -> None:
        """entropy: not the router's own, whose draws belong to its events."""
        self.flash = flash
        self.entropy = entropy
        self._router = router
        self._now = now
        self._post = post
        self._store = store
        self._listeners: dict[int, Callable[[Effect], None]] = {}
        self._numbers = 0
        self._saving = Lock()

    @property
    def features(self) -> tuple[Feature, ...]:
        """What the router consists of."""
        return self._router().features

    @property
    def configurator(self) -> Configurator:
        """Its configuration language."""
        return configurator(self._router().features)

    @property
    def startup_text(self) -> str:
        """The configuration that it would start with."""
        return self._router().startup_text

    def context(self, session: int, *, hides: bool = False) -> RouterView:
        """Return what a show command may look at, now. hides: no keys and passwords."""
        return self._router().context(self._now(), session, hides=hides)

    def prepare(self, text: str) -> None:
        """Let it make beforehand what a `ConfigurationEntered` of this text needs."""
        self._router().prepare(text)

    def post(self, event: Event) -> None:
        """Hand it an event."""
        at_home(partial(self._post, event))

    def save(self, text: str) -> None:
        """Let it start with this configuration from now on. Raises OSError; then it does not."""

        def store() -> None:
            with self._saving:  # another session may save at the same time
                self._store(STARTUP, text.encode())
                self._router().startup_text = text

        aside(store)

    def subscribe(self, listener: Callable[[Effect], None]) -> Callable[[], None]:
        """Tell `listener` every effect; returns how to stop that."""
        self._numbers += 1
        number = self._numbers
        self._listeners[number] = listener
        return lambda: self._listeners.pop(number, None) and None

    def tell(self, effect: Effect) -> None:
        """Tell the listeners that the shell carried out an effect."""
        for listener in list(self._listeners.values()):
            listener(effect)


class Server(Protocol):
    """Something that serves a router's sessions."""

    async def start(self) -> None:
        """Begin to accept."""
        ...

    async def stop(self) -> None:
        """End all sessions."""
        ...


MakeServer = Callable[[Handle, Path], Server]
