"""A lab in a tab without a browser: the page's side of it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from dmvpn.app.tab import Tab

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LAB = "/api/v1/labs/notes-phase3"
EPOCH = 1_790_000_000.0


class Page:
    """What a page hears of its tab."""

    def __init__(self) -> None:
        #: Called in place of the page's mail, while a job lasts.
        self.look: Callable[[], object] = lambda: None
        self.tab = Tab(self.hear, lambda: self.look() is None)
        self.boots: list[dict[str, Any]] = []
        self.heard: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
        self.octets: defaultdict[int, bytes] = defaultdict(bytes)
        self.news = asyncio.Event()
        self._last = 0

    def hear(self, message: str, octets: bytes) -> None:
        found = json.loads(message)
        self.news.set()
        if "boot" in found:
            self.boots.append(found["boot"])
        else:
            self.heard[found["id"]].append(found)
            self.octets[found["id"]] += octets

    def begin(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> int:
        self._last += 1
        sent = {**({} if body is None else {"Content-Type": "application/json"}), **(headers or {})}
        asked = {"id": self._last, "method": method, "path": path, "headers": sent}
        self.tab.take(json.dumps(asked), b"" if body is None else json.dumps(body).encode())
        return self._last

    async def until(self, done: Callable[[], object]) -> None:
        async with asyncio.timeout(60):
            while not done():
                self.news.clear()
                await self.news.wait()

    async def text(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        number = self.begin(method, path, body, headers)
        await self.until(lambda: any({"end", "error"} & set(one) for one in self.heard[number]))
        return int(self.heard[number][0]["status"]), self.octets[number].decode(errors="replace")

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        status, text = await self.text(method, path, body)
        return status, json.loads(text)

    async def job(self, path: str, body: object = None) -> dict[str, Any]:
        _, found = await self.ask("POST", f"{LAB}/{path}", body)
        while found["state"] == "running":
            await asyncio.sleep(0.05)
            _, found = await self.ask("GET", f"/api/v1/jobs/{found['id']}")
        assert isinstance(found, dict)
        return found

    def events(self, number: int) -> list[dict[str, Any]]:
        lines = self.octets[number].decode().splitlines()
        return [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]

    def printed(self, terminal: int) -> str:
        data = [one["data"] for one in self.events(terminal) if "data" in one]
        return b"".join(map(base64.b64decode, data)).decode()


def in_a_tab(wish: dict[str, object], use: Callable[[Page], Awaitable[None]]) -> None:
    async def run() -> None:
        page = Page()
        await page.tab.boot(json.dumps(wish))
        with contextlib.closing(page.tab):
            await use(page)

    asyncio.run(run())
