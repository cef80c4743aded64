"""`dmvpn web`: answers a second, five hundred streams of events, and what they take in memory.

A simulated lab runs in one process, `dmvpn web` in another, and the clients in this one. An answer is the value of
`show dmvpn` of one router, on connections that stay open; the same question at the management socket is what it is
compared with. Each of the streams follows one router, by turns; then each router logs a line, and the time is from the
first command to the last stream's line. Memory is what Linux counts as resident.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.figures import Figure
from bench.labs import DMVPN
from dmvpn.face import client

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCENARIO: Final = "notes-phase3"
ROUTERS: Final = ("R11", "R31", "R41")
_SHOW: Final = f"/api/v1/labs/{SCENARIO}/routers/R31/show/dmvpn"
_MANY: Final = 16
#: Users whose shares are enough for all streams.
_USERS: Final = 5
_PATIENCE: Final = 60.0
_MEGA: Final = float(1 << 20)


class _Connection:
    """A client. Answers are read to their length."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str, port: int) -> None:
        self.reader, self._writer = reader, writer
        self._head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"

    @classmethod
    async def to(cls, port: int, token: str) -> _Connection:
        return cls(*await asyncio.open_connection("127.0.0.1", port), token, port)

    def send(self, method: str, path: str, body: str = "") -> None:
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n{body}".encode()
        )

    async def ask(self, method: str, path: str, body: str = "") -> bytes:
        self.send(method, path, body)
        head = (await self.reader.readuntil(b"\r\n\r\n")).lower()
        assert head.startswith(b"http/1.1 200"), head
        return await self.reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n")[0]))

    def close(self) -> None:
        self._writer.close()


def measure(*, quick: bool) -> list[Figure]:
    """Bring a simulated lab up, and ask."""
    with tempfile.TemporaryDirectory(prefix="dmvpn-web-") as folder:
        environment = {**os.environ, "XDG_RUNTIME_DIR": folder, "XDG_STATE_HOME": folder}
        subprocess.run([*DMVPN, "lab", "up", SCENARIO, "--simulated"], check=True, capture_output=True, env=environment)
        try:
            tokens = [_token(f"user{number}", environment) for number in range(_USERS)]
            with _web(environment) as (process, port, code):
                lab = Path(folder) / "dmvpn" / "labs" / SCENARIO
                return asyncio.run(_measure(process, port, code, lab, tokens, quick=quick))
        finally:
            subprocess.run([*DMVPN, "lab", "down", SCENARIO], check=True, capture_output=True, env=environment)


def _token(name: str, environment: dict[str, str]) -> str:
    """Make a token that may configure all labs."""
    create = [*DMVPN, "web", "token", "create", "--name", name, "--role", "configure"]
    return subprocess.run(create, check=True, capture_output=True, text=True, env=environment).stdout.split()[-1]


@contextlib.contextmanager
def _web(environment: dict[str, str]) -> Iterator[tuple[int, int, str]]:
    """Serve; the process, its port and the printed code."""
    with subprocess.Popen(
        [*DMVPN, "web", "--listen", "127.0.0.1:0", "--role", "configure"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout is not None
        try:
            port = int(process.stdout.readline().split("/")[2].rpartition(":")[2])
            yield process.pid, port, process.stdout.readline().rpartition("#")[2].strip()
        finally:
            process.terminate()


async def _measure(
    process: int, port: int, code: str, lab: Path, tokens: Sequence[str], *, quick: bool
) -> list[Figure]:
    first = await _Connection.to(port, "")
    token = str(json.loads(await first.ask("POST", "/api/v1/tokens", json.dumps({"code": code})))["token"])
    idle = _memory(process)
    runs, seconds, streams = (2, 0.5, 100) if quick else (5, 3.0, 500)
    await _answers(port, token, 1, seconds)  # the first show waits for the language
    one = [await _answers(port, token, 1, seconds) for _ in range(runs)]
    many = [await _answers(port, token, _MANY, seconds) for _ in range(runs)]
    direct = [_questions(lab / "R31.sock", seconds) for _ in range(runs)]
    asked = _memory(process)
    reached, following = await _streams(port, tokens, streams, runs, process)
    return [
        Figure(
            name="values of `show dmvpn` a second, one connection",
            unit="/s",
            values=tuple(one),
            more=True,
            baseline=tuple(direct),
            against="the management socket",
        ),
        Figure(name=f"the same, {_MANY} connections", unit="/s", values=tuple(many), more=True),
        Figure(name=f"a log line at each router, until {streams} streams have one", unit="s", values=tuple(reached)),
        Figure(name="memory of `dmvpn web`, when it has begun", unit="MB", values=(idle,)),
        Figure(name="after the answers", unit="MB", values=(asked,)),
        Figure(name=f"with {streams} streams", unit="MB", values=tuple(following), goal=150.0),
    ]


async def _answers(port: int, token: str, connections: int, seconds: float) -> float:
    """Ask on some connections at once; the answers a second."""
    opened = [await _Connection.to(port, token) for _ in range(connections)]
    end = time.perf_counter() + seconds

    async def ask(one: _Connection) -> int:
        count = 0
        while time.perf_counter() < end:
            await one.ask("GET", _SHOW)
            count += 1
        return count

    begun = time.perf_counter()
    counts = await asyncio.gather(*map(ask, opened))
    for one in opened:
        one.close()
    return sum(counts) / (time.perf_counter() - begun)


def _questions(path: Path, seconds: float) -> float:
    """Ask the router itself; the answers a second."""
    begun, count = time.perf_counter(), 0
    while time.perf_counter() < begun + seconds:
        client.ask(path, "show dmvpn")
        count += 1
    return count / (time.perf_counter() - begun)


async def _streams(
    port: int, tokens: Sequence[str], count: int, runs: int, process: int
) -> tuple[list[float], list[float]]:
    """Open streams of several users, let each router log lines; return how long to all streams, and the memory."""
    opened = []
    for number in range(count):
        opened.append(await _Connection.to(port, tokens[number % len(tokens)]))
        opened[-1].send("GET", f"/api/v1/labs/{SCENARIO}/routers/{ROUTERS[number % len(ROUTERS)]}/events")
    async with asyncio.timeout(_PATIENCE):
        await asyncio.gather(*(one.reader.readuntil(b"event: news") for one in opened))
    asker, reached, memory = await _Connection.to(port, tokens[0]), [], []
    for run in range(runs):
        mark = f"Loopback{900 + run}"
        begun = time.perf_counter()
        for router in ROUTERS:
            lines = json.dumps({"lines": [f"interface {mark}"]})
            await asker.ask("POST", f"/api/v1/labs/{SCENARIO}/routers/{router}/configuration", lines)
        async with asyncio.timeout(_PATIENCE):
            await asyncio.gather(*(one.reader.readuntil(mark.encode()) for one in opened))
        reached.append(time.perf_counter() - begun)
        memory.append(_memory(process))
    for one in (*opened, asker):
        one.close()
    return reached, memory


def _memory(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / _MEGA
