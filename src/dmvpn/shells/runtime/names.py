"""The host's name service for `Resolve` and `NameResolved`: look-ups run beside the event loop, never in it.

The C library may take many seconds for an answer, and cannot be stopped. So each look-up has a thread of its own, one
for a name at a time, and a router that ends does not wait for them.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from ipaddress import ip_address
from typing import TYPE_CHECKING

from dmvpn.base.events import NameResolved

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from dmvpn.base.addresses import IPAddress


class NameService:
    """Looks names up, and posts the answers."""

    def __init__(self, loop: asyncio.AbstractEventLoop, post: Callable[[NameResolved], None]) -> None:
        self._loop = loop
        self._post = post
        self._asked: set[str] = set()
        self._closed = False

    def ask(self, name: str) -> None:
        """Look a name up. A look-up in progress is not repeated; its answer is for both."""
        if name in self._asked:
            return
        self._asked.add(name)
        threading.Thread(target=self._look_up, args=(name,), name=f"look up {name}", daemon=True).start()

    def close(self) -> None:
        """Close: later answers are discarded."""
        self._closed = True

    def _look_up(self, name: str) -> None:
        """Look up, in the thread of a look-up."""
        addresses = look_up(name)
        with contextlib.suppress(RuntimeError):  # the loop is gone: the router has ended
            self._loop.call_soon_threadsafe(self._answered, name, addresses)

    def _answered(self, name: str, addresses: tuple[IPAddress, ...]) -> None:
        self._asked.discard(name)
        if not self._closed:
            self._post(NameResolved(name, addresses))


def look_up(name: str) -> tuple[IPAddress, ...]:
    """Return the addresses of a name in the host's order of preference; none: it has none, or there is no answer."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):  # the latter: a label longer than 63 characters
        return ()
    texts = dict.fromkeys(str(sockaddr[0]).partition("%")[0] for *_, sockaddr in found)
    return tuple(ip_address(text) for text in texts)
