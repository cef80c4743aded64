"""What the supervisor of a lab asks a router by the pipe between them, and what the router says before it ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dmvpn.shells.lab.router_process import WHY

if TYPE_CHECKING:
    import socket

#: Seconds in which a router answers, or is busy.
PATIENCE = 0.5
_LARGEST_ANSWER = 1 << 16


class EndedError(OSError):
    """A router cannot run here, and says why."""


def ask(pipe: socket.socket, question: bytes) -> bytes:
    """Return a router's answer. Raises TimeoutError, OSError."""
    put(pipe, question)
    return _told(pipe.recv(_LARGEST_ANSWER))


def put(pipe: socket.socket, question: bytes) -> None:
    """Put a question whose answer comes in another way. Raises OSError."""
    _forget_late_answers(pipe)
    pipe.settimeout(PATIENCE)
    pipe.send(question)


def last_words(pipe: socket.socket) -> str:
    """Return why a router that has ended could not run; "" where it did not say."""
    pipe.setblocking(False)
    try:
        while _told(pipe.recv(_LARGEST_ANSWER)):
            pass
    except EndedError as error:
        return str(error)
    except OSError:
        pass
    return ""


def _told(octets: bytes) -> bytes:
    """Return what a router said. Raises EndedError if these were its last words."""
    if octets.startswith(WHY):
        raise EndedError(octets.removeprefix(WHY).decode(errors="replace"))
    return octets


def _forget_late_answers(pipe: socket.socket) -> None:
    """Forget what a router that was too slow for an earlier question has answered since; that is not what we ask
    now.
    """
    pipe.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while _told(pipe.recv(_LARGEST_ANSWER)):
            pass
