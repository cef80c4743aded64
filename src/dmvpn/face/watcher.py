"""Follows the chronicles of several routers at a time, in one loop.

    with Watcher(sockets, ended) as watcher:
        while watcher.lives:
            for heard in watcher.wait(0.5): ...

The watcher reconnects to a router that died, ten times a second until it is back: its first lines must arrive before
the matching lines of its peers are reported as lost messages. An attempt costs next to nothing while no process listens
there. A router that accepts the connection and closes it without a message is tried less and less often. A router with
another version, or a router that refuses, raises `UserError`: no line of it would ever arrive, and the user must not
take that for an idle router.

`ended` is a descriptor that becomes readable when all routers have ended; `stop` becomes readable when the watching
should stop. The watcher does not interpret the lines.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import time
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Final, Self

from dmvpn.base.errors import UserError
from dmvpn.base.values import Mutable, Value
from dmvpn.face.calling import PROTOCOL
from dmvpn.face.messages import Done, Hello, News, Watch
from dmvpn.face.protocol import Decoder, ProtocolError, encode

#: Seconds between two tries to reach a router that is dead.
RETRY: Final = 0.1
#: The longest such time, for a router that closes the connection without a message.
LONGEST_RETRY: Final = 5.0
_OTHER_VERSION: Final = "it runs another version of this program; use that one, or restart the lab"


class Heard(Value):
    """News of a router; None: its connection closed, which is all that a killed router shows."""

    router: str
    news: News | None


class _Line(Mutable):
    router: str
    path: Path
    connected: socket.socket | None = None
    spoke: bool = False
    decoder: Decoder = field(default_factory=Decoder)
    call_at: float = float("-inf")
    patience: float = RETRY


class Watcher:
    """See the module's docstring. lives: False once all routers have ended. stopped: `stop` was readable."""

    def __init__(self, sockets: Mapping[str, Path], ended: int, stop: int | None = None) -> None:
        self.lives, self.stopped = True, False
        self._selector = selectors.DefaultSelector()
        self._ended = ended
        self._selector.register(ended, selectors.EVENT_READ, None)
        if stop is not None:
            self._selector.register(stop, selectors.EVENT_READ, None)
        self._lines = [_Line(router, path) for router, path in sockets.items()]
        self._call_again()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for line in self._lines:
            self._hang_up(line)
        self._selector.close()
        os.close(self._ended)

    def wait(self, seconds: float) -> list[Heard]:
        """Return the news of routers as soon as there is any; an empty list if none arrives in that time.

        Raises UserError.
        """
        end = time.monotonic() + seconds
        while self.lives and not self.stopped:
            self._call_again()
            next_call = min((line.call_at for line in self._lines if line.connected is None), default=end)
            heard: list[Heard] = []
            for key, _ in self._selector.select(max(0.0, min(end, next_call) - time.monotonic())):
                if key.data is not None:
                    heard += self._read(key.data)
                elif key.fd == self._ended:
                    self.lives = False
                else:
                    self.stopped = True
            if heard or time.monotonic() >= end:
                return heard
        return []

    def _call_again(self) -> None:
        now = time.monotonic()
        for line in self._lines:
            if line.connected is not None or line.call_at > now:
                continue
            line.call_at = now + RETRY
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
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            return self._gone(line)
        try:
            messages = line.decoder.feed(data)
        except ProtocolError as error:
            raise UserError(
                f"{line.router} sent a message that this program cannot read ({error}): {_OTHER_VERSION}"
            ) from error
        for message in messages:
            if isinstance(message, Hello) and message.protocol != PROTOCOL:
                raise UserError(
                    f"{line.router} speaks protocol {message.protocol}, and not {PROTOCOL}: {_OTHER_VERSION}"
                )
            if isinstance(message, Done):
                raise UserError(f"{line.router} refuses to be watched ({message.reason}): {_OTHER_VERSION}")
        news = [message for message in messages if isinstance(message, News)]
        if news:
            line.spoke, line.patience = True, RETRY
        return [Heard(line.router, message) for message in news]

    def _gone(self, line: _Line) -> list[Heard]:
        self._hang_up(line)
        if line.spoke:
            line.call_at = float("-inf")
            return [Heard(line.router, None)]
        line.call_at = time.monotonic() + line.patience
        line.patience = min(2 * line.patience, LONGEST_RETRY)
        return []  # a router that never answered has not gone just now

    def _hang_up(self, line: _Line) -> None:
        if line.connected is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(line.connected)
            line.connected.close()
            line.connected = None
