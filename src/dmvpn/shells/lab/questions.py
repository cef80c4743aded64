"""Requests of the supervisor to a router by the pipe between them, and the router's last message before it ends."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from dmvpn.shells.lab.router_process import WHY

if TYPE_CHECKING:
    import socket

#: Seconds in which a router answers; otherwise it counts as busy.
PATIENCE = 0.5
_LARGEST_ANSWER = 1 << 16


class EndedError(OSError):
    """A router cannot run here, and reports why."""


def ask(pipe: socket.socket, question: bytes) -> bytes:
    """Send a request and return a router's answer. Raises TimeoutError, OSError."""
    put(pipe, question)
    return _told(pipe.recv(_LARGEST_ANSWER))


def put(pipe: socket.socket, question: bytes) -> None:
    """Send a request whose answer comes in another way. Raises OSError."""
    _forget_late_answers(pipe)
    pipe.settimeout(PATIENCE)
    pipe.send(question)


def last_words(pipe: socket.socket) -> str:
    """Return why a router that has ended could not run; "" if it did not report it."""
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
    """Return a router's answer. Raises EndedError if it was its last message."""
    if octets.startswith(WHY):
        raise EndedError(octets.removeprefix(WHY).decode(errors="replace"))
    return octets


def _forget_late_answers(pipe: socket.socket) -> None:
    """Discard late answers of a router to earlier requests: they are no answers to the next one."""
    pipe.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while _told(pipe.recv(_LARGEST_ANSWER)):
            pass
