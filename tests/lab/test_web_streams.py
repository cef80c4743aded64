"""Answers that go on: they end when their token does, and readers that take nothing lose their connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from dmvpn.web import bodies, connections
from dmvpn.web.bounds import Bounds
from dmvpn.web.entrance import Audit, Entrance
from dmvpn.web.guard import Guard, Names
from dmvpn.web.permission import Role, TokenFile
from dmvpn.web.serving import Server, configuration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from starlette.requests import Request


class Streams:
    """A server with resources that say one line, or much."""

    def __init__(self, folder: Path) -> None:
        self.tokens = TokenFile(folder)
        self.later = 0.0
        self.entrance = Entrance(Role.VIEW, self.tokens, lambda: time.time() + self.later)
        self.ended: list[str] = []
        self.revoked: list[str] = []
        app = Starlette(routes=[Route("/quiet", self.quiet), Route("/much", self.much), Route("/whole", self.whole)])
        self.guard = Guard(app, self.entrance, Audit(), Names(), Bounds(), self.revoked.append)
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.server: Server | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        config = configuration(self.guard)
        reception = connections.Reception(self.socket, None, config)
        self.server = Server(config, reception, self.guard, self.entrance, Audit())
        self.server.run()

    async def quiet(self, _: Request) -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            try:
                yield b"data: begins\n\n"
                await asyncio.sleep(3600)
            finally:
                self.ended.append("quiet")

        return StreamingResponse(lines(), media_type="text/event-stream")

    async def much(self, _: Request) -> StreamingResponse:
        async def lines() -> AsyncIterator[bytes]:
            for _ in range(1000):
                yield bytes(1 << 20)

        return StreamingResponse(lines(), media_type="application/octet-stream")

    async def whole(self, _: Request) -> Response:
        return Response(bytes(50 << 20))

    def open(self, path: str, token: str) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        return client

    def close(self) -> None:
        assert self.server is not None
        self.server.should_exit = True
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[Streams]:
    served = Streams(tmp_path / "web")
    yield served
    served.close()
    served.socket.close()


def read_until(client: socket.socket, wanted: bytes) -> bytes:
    seen = b""
    while wanted not in seen:
        data = client.recv(4096)
        assert data, seen
        seen += data
    return seen


def seconds_to_end(client: socket.socket) -> float:
    begin = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while client.recv(1 << 16):
            pass
    return time.monotonic() - begin


def octets_left(client: socket.socket) -> int:
    """How many octets come until the connection ends."""
    count = 0
    with contextlib.suppress(ConnectionError):
        while data := client.recv(1 << 20):
            count += len(data)
    return count


def wait_until_it_is_gone(streams: Streams) -> None:
    """Wait until the server has no connection; it waits for the client first."""
    assert streams.server is not None
    end = time.monotonic() + 15
    while streams.server.server_state.connections:
        assert time.monotonic() < end
        time.sleep(0.05)


def test_a_stream_ends_when_its_token_is_revoked_and_no_other(streams: Streams) -> None:
    anna, _ = streams.tokens.create("anna", Role.VIEW, 1)
    bea, _ = streams.tokens.create("bea", Role.VIEW, 1)
    with streams.open("/quiet", anna) as hers, streams.open("/quiet", bea) as other:
        read_until(hers, b"begins")
        read_until(other, b"begins")
        TokenFile(streams.tokens.folder).revoke("anna")
        assert seconds_to_end(hers) < 3
        other.settimeout(1)
        with pytest.raises(TimeoutError):
            other.recv(1)
        assert streams.ended == ["quiet"]
        assert streams.revoked == ["anna"]  # its jobs end, too


def test_a_stream_of_a_session_ends_with_the_token_that_opened_it(streams: Streams) -> None:
    anna, _ = streams.tokens.create("anna", Role.VIEW, 1)
    session = streams.entrance.open_session(anna)
    assert session is not None
    with socket.create_connection(("127.0.0.1", streams.port), timeout=20) as client:
        halves = f"Cookie: dmvpn_session={session.cookie}\r\nX-Session-Key: {session.key}\r\n"
        client.sendall(f"GET /quiet HTTP/1.1\r\nHost: localhost\r\n{halves}\r\n".encode())
        read_until(client, b"begins")
        streams.tokens.revoke("anna")
        assert seconds_to_end(client) < 3


def test_a_stream_ends_when_its_token_expires(streams: Streams) -> None:
    anna, _ = streams.tokens.create("anna", Role.VIEW, 1)
    with streams.open("/quiet", anna) as client:
        read_until(client, b"begins")
        streams.later = 86_401.0
        assert seconds_to_end(client) < 3


def test_a_stream_whose_client_leaves_ends(streams: Streams) -> None:
    anna, _ = streams.tokens.create("anna", Role.VIEW, 1)
    with streams.open("/quiet", anna) as client:
        read_until(client, b"begins")
    end = time.monotonic() + 5
    while not streams.ended and time.monotonic() < end:
        time.sleep(0.02)
    assert streams.ended == ["quiet"]


def test_a_reader_that_takes_nothing_loses_its_connection(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PATIENCE", 1.0)
    anna, _ = streams.tokens.create("anna", Role.VIEW, 1)
    with streams.open("/much", anna) as client:
        read_until(client, b"\r\n\r\n")
        wait_until_it_is_gone(streams)
        assert octets_left(client) < 100 << 20


def test_an_answer_that_nobody_takes_does_not_stay_in_memory(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last octets are in our buffer when the resource has done its part."""
    monkeypatch.setattr(connections, "SWEEP", 0.2)
    monkeypatch.setattr(connections, "STALLED", 1.0)
    anna, _ = streams.tokens.create("anna", Role.VIEW, 1)
    with streams.open("/whole", anna) as client:
        read_until(client, b"\r\n\r\n")
        wait_until_it_is_gone(streams)
        assert octets_left(client) < 50 << 20


def test_slow_requests_end_whatever_they_send_meanwhile(streams: Streams, monkeypatch: pytest.MonkeyPatch) -> None:
    """With shorter times than those of the pages: test_web_network.py waits for the real ones."""
    monkeypatch.setattr(connections, "HEADERS", 1.0)
    monkeypatch.setattr(bodies, "PATIENCE", 1.0)
    slow = b"GET /quiet HTTP/1.1\r\nX: "
    unread = b"GET /quiet HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    for first, more in ((b"", b""), (slow, b"x"), (unread, b"1\r\nx\r\n")):
        with socket.create_connection(("127.0.0.1", streams.port), timeout=20) as client:
            client.sendall(first)
            begin = time.monotonic()
            client.settimeout(0.1)
            is_open = True
            while is_open and time.monotonic() - begin < 10:
                try:
                    client.sendall(more)
                    is_open = bool(client.recv(4096))
                except TimeoutError:
                    pass
                except ConnectionError:
                    is_open = False
            assert 0.5 < time.monotonic() - begin < 5, first


def test_the_server_ends_with_streams_open(streams: Streams) -> None:
    anna, _ = streams.tokens.create("anna", Role.VIEW, 1)
    with streams.open("/quiet", anna) as client:
        read_until(client, b"begins")
        begin = time.monotonic()
        streams.close()
        assert time.monotonic() - begin < 5
        assert streams.ended == ["quiet"]
