"""Routers with a real management socket, for tests of those who come in by it."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

from dmvpn.face.server import ManagementServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dmvpn.face.context import RouterHandle
    from support.fake_router import FakeRouter

#: Seconds that a message may take.
PATIENCE = 5.0


class Served:
    """A router behind a real socket, on a loop in a thread of its own."""

    def __init__(self, path: Path, router: RouterHandle) -> None:
        self.path = path
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.server = ManagementServer(router, path)
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(PATIENCE)

    def call(self, function: Callable[[], object]) -> None:
        """Run something where the router lives."""

        async def run() -> None:
            function()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result(PATIENCE)

    def stop_serving(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(PATIENCE)

    def close(self) -> None:
        self.stop_serving()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


class Live(Served):
    """The same of a fake router."""

    def __init__(self, path: Path, router: FakeRouter) -> None:
        self.router = router
        super().__init__(path, router)
