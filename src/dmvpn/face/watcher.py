"""Watching several routers at a time: their chronicles, as they come, in one loop.

    with Watcher(sockets, ended) as watcher:
        while watcher.lives:
            for heard in watcher.wait(0.5): ...

A router that dies is asked again until it is back, ten times a second: its first lines must come before those of others
that belong to them are told as lost. `ended` is a descriptor that can be read when all of
them are gone for good. Nothing here knows what the lines mean.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from dmvpn.face.protocol import PROTOCOL, Decoder, Hello, News, ProtocolError, Watch, encode

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: Seconds between two tries to reach a router that is dead.
RETRY: Final = 0.1


@dataclass(frozen=True, slots=True)
class Heard:
    """What a router said; None: it is gone. (A kill says nothing else.)"""

    router: str
    news: News | None


@dataclass(slots=True)
class _Line:
    router: str
    path: Path
    connected: socket.socket | None = None
    spoke: bool = False
    decoder: Decoder = field(default_factory=Decoder)


class Watcher:
    """See the module's docstring. lives: the routers are not all gone for good."""

    def __init__(self, sockets: Mapping[str, Path], ended: int) -> None:
        self.lives = True
        self._selector = selectors.DefaultSelector()
        self._ended = ended
        self._selector.register(ended, selectors.EVENT_READ, None)
        self._lines = [_Line(router, path) for router, path in sockets.items()]
        self._tried = float("-inf")
        self._call_again()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            self._hang_up(line)
        self._selector.close()
        os.close(self._ended)

    def wait(self, seconds: float) -> list[Heard]:
        """What routers say, as soon as one says something; nothing if none does for so long."""
        end = time.monotonic() + seconds
        while self.lives:
            self._call_again()
            patience = max(0.0, end - time.monotonic())
            if any(line.connected is None for line in self._lines):
                patience = min(patience, max(0.0, self._tried + RETRY - time.monotonic()))
            heard: list[Heard] = []
            for key, _ in self._selector.select(patience):
                if key.data is None:
                    self.lives = False
                else:
                    heard += self._read(key.data)
            if heard or time.monotonic() >= end:
                return heard
        return []

    def _call_again(self) -> None:
        dead = [line for line in self._lines if line.connected is None]
        if not dead or time.monotonic() - self._tried < RETRY:
            return
        self._tried = time.monotonic()
        for line in dead:
            connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connected.connect(os.fspath(line.path))
                connected.sendall(encode(Watch()))
            except OSError:
                connected.close()
                continue
            connected.setblocking(False)
            line.connected, line.decoder, line.spoke = connected, Decoder(), False
            self._selector.register(connected, selectors.EVENT_READ, line)

    def _read(self, line: _Line) -> list[Heard]:
        if line.connected is None:
            return []
        try:
            data = line.connected.recv(1 << 18)
            messages = line.decoder.feed(data) if data else []
            if any(isinstance(message, Hello) and message.protocol != PROTOCOL for message in messages):
                raise ProtocolError("another version of this program")
        except BlockingIOError:
            return []
        except (OSError, ProtocolError):
            data, messages = b"", []
        if not data:
            self._hang_up(line)
            return [Heard(line.router, None)] if line.spoke else []  # whoever never answered has not gone just now
        line.spoke = True
        return [Heard(line.router, message) for message in messages if isinstance(message, News)]

    def _hang_up(self, line: _Line) -> None:
        if line.connected is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(line.connected)
            line.connected.close()
            line.connected = None
