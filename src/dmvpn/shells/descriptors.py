"""Descriptors of this process: as many as the host allows, and a line in the log when none is free.

A router has some for each VRF and each tunnel, a lab for each router. The soft limit of a login is often 1,024.
"""

from __future__ import annotations

import errno
import logging
import select
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import asyncio

log = logging.getLogger("dmvpn")

_NONE_FREE: Final = (errno.EMFILE, errno.ENFILE)
#: Enough for any router. Some containers allow a thousand million, and programs that close all descriptors one by one
#: would take minutes.
_MOST: Final = 1 << 20
#: Seconds after which a shortage is logged again.
_AGAIN: Final = 600.0


def allow_descriptors() -> None:
    """Raise the limit of this process, and of its children, as far as it may be raised without privileges."""
    import resource  # late: not every platform that holds a simulated lab has limits

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _MOST if hard == resource.RLIM_INFINITY else min(hard, _MOST)
    if 0 <= soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def is_readable(descriptor: int, seconds: float | None = None) -> bool:
    """Return whether a descriptor of any number is readable after at most these seconds; None: wait without a limit."""
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


class Shortage:
    """Logs that no descriptor is free: once, and again when that lasts."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._due = float("-inf")
        loop.set_exception_handler(self._handle)

    def is_met(self, error: BaseException | None) -> bool:
        """Return whether an error comes of it, and log it when it is due."""
        while error is not None and not (isinstance(error, OSError) and error.errno in _NONE_FREE):
            error = error.__cause__
        if error is None:
            return False
        if self._loop.time() >= self._due:
            import resource

            self._due = self._loop.time() + _AGAIN
            most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            log.error("this process may have %d descriptors, and none is free (try: a higher 'ulimit -Hn')", most)
        return True

    def _handle(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self.is_met(context.get("exception")):
            loop.default_exception_handler(context)
