"""Two ways to one application: `dmvpn web` by HTTP, with its labs behind Unix sockets, and a tab by messages, with its
lab in memory. What a test asks of one, it may ask of the other.

    status, text = door.ask("GET", path)
    job = door.job("doctor", {}, meanwhile=lambda number: door.send("DELETE", f"/api/v1/jobs/{number}"))
    stream = door.open("GET", path)       an answer that goes on
    stream.until(lambda found: "UTC" in printed(found))
    stream.close()
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import http.client
import json
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from support.tab import EPOCH, LAB, Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.served import Served

#: An event: its type, its identity, and its data.
Event = tuple[str, str, dict[str, Any]]
PATIENCE = 60.0


def events_of(text: str) -> list[Event]:
    """Read server-sent events, as far as they are whole."""
    found: list[Event] = []
    for part in text.split("\n\n")[:-1]:
        fields = dict(line.partition(": ")[::2] for line in part.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields.get("event", ""), fields.get("id", ""), json.loads(fields["data"])))
    return found


def printed(events: list[Event]) -> str:
    """What a terminal has shown."""
    return b"".join(base64.b64decode(data["data"]) for kind, _, data in events if kind == "output").decode()


class Stream(Protocol):
    """An answer that goes on."""

    def until(self, seen: Callable[[list[Event]], object]) -> list[Event]: ...

    def close(self) -> None: ...


class Door(Protocol):
    """A way in."""

    name: str

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]: ...

    def send(self, method: str, path: str, body: object = None) -> None: ...

    def open(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Stream: ...

    def job(self, what: str, body: object, meanwhile: Callable[[str], None] = lambda _: None) -> dict[str, Any]: ...


class _ByHttp:
    def __init__(self, answer: http.client.HTTPResponse, connection: http.client.HTTPConnection) -> None:
        self._answer, self._connection = answer, connection
        self._text = ""

    def until(self, seen: Callable[[list[Event]], object]) -> list[Event]:
        end = time.monotonic() + PATIENCE
        while not seen(found := events_of(self._text)):
            assert time.monotonic() < end, self._text[-2000:]
            self._text += self._answer.readline().decode()
        return found

    def close(self) -> None:
        self._answer.close()
        self._connection.close()


class Server:
    """`dmvpn web`."""

    name = "server"

    def __init__(self, served: Served) -> None:
        self._served = served

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        text = None if body is None else json.dumps(body)
        answer = self._served.ask(path, method=method, body=text, headers=headers, patience=PATIENCE)
        return answer.status, answer.text

    def send(self, method: str, path: str, body: object = None) -> None:
        self.ask(method, path, body)

    def open(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> _ByHttp:
        connection = http.client.HTTPConnection(self._served.host, self._served.port, timeout=PATIENCE)
        sent = {"Authorization": f"Bearer {self._served.token}", **(headers or {})}
        connection.request(method, path, None if body is None else json.dumps(body), sent)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return _ByHttp(answer, connection)

    def job(self, what: str, body: object, meanwhile: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
        status, text = self.ask("POST", f"{LAB}/{what}", body)
        found = json.loads(text)
        assert status == 202, found
        meanwhile(found["id"])
        while found["state"] == "running":
            threading.Event().wait(0.05)
            found = json.loads(self.ask("GET", f"/api/v1/jobs/{found['id']}")[1])
        return dict(found)


class _ByMessages:
    def __init__(self, inside: InATab, number: int) -> None:
        self._inside, self._number = inside, number

    def until(self, seen: Callable[[list[Event]], object]) -> list[Event]:
        page = self._inside.page

        def found() -> list[Event]:
            return events_of(page.octets[self._number].decode())

        self._inside.run(page.until(lambda: seen(found())))
        return found()

    def close(self) -> None:
        page = self._inside.page

        async def leave() -> None:
            page.tab.take(json.dumps({"id": self._number, "abort": True}))
            await page.until(lambda: page.heard[self._number][-1].get("end"))

        self._inside.run(leave())


class InATab:
    """A tab, in one thread with its test."""

    name = "tab"

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.run = self._runner.run
        self.page: Page = self.run(self._up())

    @staticmethod
    async def _up() -> Page:
        page = Page()
        await page.tab.boot(json.dumps({"lab": "notes-phase3", "seed": 7, "epoch": EPOCH}))
        assert page.boots[-1].get("ready"), page.boots[-1]
        return page

    def end(self) -> None:
        async def close() -> None:
            with contextlib.closing(self.page.tab):
                pass

        self.run(close())
        self._runner.close()

    def ask(
        self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> tuple[int, str]:
        return self.run(self.page.text(method, path, body, headers))

    def send(self, method: str, path: str, body: object = None) -> None:
        self.page.begin(method, path, body)

    def open(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> _ByMessages:
        async def begin() -> int:
            return self.page.begin(method, path, body, headers)

        return _ByMessages(self, self.run(begin()))

    def job(self, what: str, body: object, meanwhile: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
        page = self.page

        async def carry_out() -> dict[str, Any]:
            number = page.begin("POST", f"{LAB}/{what}", body)
            unsent = [meanwhile]

            def look() -> None:
                if unsent and page.octets[number]:
                    unsent.pop()(json.loads(page.octets[number])["id"])

            page.look = look
            await page.until(lambda: page.heard[number] and page.heard[number][-1].get("end"))
            assert page.heard[number][0]["status"] == 202, page.octets[number]
            found = json.loads(page.octets[number])
            while found["state"] == "running":
                await asyncio.sleep(0.05)
                _, found = await page.ask("GET", f"/api/v1/jobs/{found['id']}")
            page.look = lambda: None
            return dict(found)

        return self.run(carry_out())
